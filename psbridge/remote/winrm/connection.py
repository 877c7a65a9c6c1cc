"""STAND-IN until h-wire is merged."""
from __future__ import annotations
import socket
from http.cookiejar import CookieJar
from typing import Any
from xml.etree import ElementTree
import requests, xmltodict
from winrm.exceptions import *
from winrm.protocol import Protocol
from .errors import *

class Connection:
    def __init__(self, target, cookies, fan_out):
        self.target=target
        self.p=Protocol(target.url, transport=target.auth, username=target.username, password=target.password, proxy=None,
            operation_timeout_sec=int(target.operation_timeout), read_timeout_sec=int(target.operation_timeout)+60)
        self.p.transport.build_session
        self.cookies=cookies
        self.authenticated_with=target.auth
        self.dead=False
    def header(self, action, resource_uri, shell_id=None):
        h=self.p.build_wsman_header(action, resource_uri, shell_id)
        for v in h["env:Header"].values():
            if isinstance(v,dict) and "@mustUnderstand" in v: v["@env:mustUnderstand"]=v.pop("@mustUnderstand")
        return h
    def send(self, envelope, *, answer_within):
        try:
            t=self.p.transport
            if self.dead: t.close_session(); t.encryption=None; self.dead=False
            t.read_timeout_sec=answer_within
            s=t.build_session(); s.trust_env=False; s.cookies=self.cookies
            return ElementTree.fromstring(self.p.send_message(xmltodict.unparse(envelope)))
        except WinRMOperationTimeoutError:
            raise TimedOut("timed out",2150858793,"") from None
        except WSManFaultError as e:
            raise Fault(f"{self.target.location}: {e.reason}", e.wsman_fault_code or e.wmierror_code or 0, e.reason) from None
        except InvalidCredentialsError as e:
            raise LogonRefused(f"{self.target.location}: refused",5) from None
        except WinRMTransportError as e:
            self.dead=True
            raise NotWinRM(f"{self.target.location}: {e}",0,e.code) from None
        except requests.exceptions.ConnectionError as e:
            self.dead=True
            if isinstance(e,requests.exceptions.ConnectTimeout) or "refused" in str(e): raise NotSent(f"{self.target.location}: {e}") from None
            raise NoAnswer(f"{self.target.location}: {e}") from None
        except requests.exceptions.Timeout as e:
            self.dead=True
            raise NoAnswer(f"{self.target.location}: {e}") from None
        except (OSError, ValueError, AttributeError) as e:
            self.dead=True
            raise NoAnswer(f"{self.target.location}: {e!r}") from None
    def abort(self):
        self.dead=True
        s=self.p.transport.session
        if not s: return
        for a in s.adapters.values():
            for pool in list(a.poolmanager.pools._container.values()):
                pass
        # the socket is found the hard way
        import gc
        for c in list(getattr(self,"_conns",[])): pass
        for a in s.adapters.values():
            with a.poolmanager.pools.lock:
                for pool in a.poolmanager.pools._container.values():
                    for conn in getattr(pool,"_made",[]):
                        if conn.sock is not None:
                            try: conn.sock.shutdown(socket.SHUT_RDWR)
                            except OSError: pass
    def close(self):
        self.p.transport.close_session()

import urllib3.connectionpool as _cp
_orig=_cp.HTTPConnectionPool._new_conn
def _new(self):
    c=_orig(self); self.__dict__.setdefault("_made",[]).append(c); return c
_cp.HTTPConnectionPool._new_conn=_new

"""Why a request failed, in words: machine and address, what happened, what to try.

Nothing here holds a secret, and no exception of a library gets out: its `args`, its `object` or
its context may hold a password or what was sent.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .advice import (
    account_advice,
    clock_advice,
    fault_advice,
    offers,
    status_words,
    ticket_words,
)
from .answers import FaultText
from .errors import Fault, LogonRefused, NoAnswer, NotSent, NotWinRM, RequestError, TimedOut
from .pages import first_words

if TYPE_CHECKING:
    from .kerberos import Complaint
    from .proxies import Proxy
    from .target import WinRM

__all__ = ["Reasons"]

# Codes by which PowerShell names errors; see GetFQEIDFromTransportError in its source.
ACCESS_DENIED = 5
AUTHENTICATION_FAILED = 1311
LOGON_FAILURE = 1326
IMPROPER_RESPONSE = 1722
SECURE_FAILURE = 12175
CANNOT_CONNECT = 2150858770
NOT_COMPLETED = 2150859046
NOT_SUPPORTED_AUTH = 2150859022
SERVICE_UNAVAILABLE = 2150859026
URL_NOT_AVAILABLE = 2150859027
HTTP_ERROR = 2150859120
COMPUTER_NOT_FOUND = 2150859193
TARGET_UNKNOWN = 2148074243
TIMED_OUT = 2150858793

_SCHEMES = {
    "basic": ("basic",),
    "ntlm": ("ntlm", "negotiate"),
    "kerberos": ("kerberos", "negotiate"),
    "credssp": ("credssp",),
}


class Reasons:
    """The reasons of one connection.

    Attributes:
        auth: how it authenticates, as far as that is known.
        account: the account as it is sent, where there is one.
        proxy: the proxy that it goes through, where there is one.
    """

    def __init__(self, target: WinRM, auth: str) -> None:
        self.target, self.auth = target, auth
        self.proxy: Proxy | None = None
        self.account = target.username

    def text(self, happened: str, advice: str = "") -> str:
        """A reason: machine, address, how it was authenticated, what happened, what to try."""
        address = self.target.address
        return (
            f"{self.target.location} ({address.url}, {self.auth}): {happened}"
            f"{f'; {advice}' if advice else ''}"
        )

    # The line.

    def not_connected(self, error: OSError) -> RequestError:
        """No connection to the machine, or to the proxy."""
        where = self._dialled()
        if isinstance(error, socket.gaierror):
            return NotSent(
                self.text(
                    f"the name in {where} is not known here ({error.strerror})",
                    "is it spelt right, and does the resolver of this machine know it",
                ),
                COMPUTER_NOT_FOUND,
            )
        if error.errno == errno.ECONNREFUSED:
            return NotSent(
                self.text(
                    f"nothing listens at {where} (connection refused)",
                    "is it the right one"
                    if self.proxy
                    else "is WinRM on there (Enable-PSRemoting), and is it this port",
                ),
                CANNOT_CONNECT,
            )
        words = os.strerror(error.errno) if error.errno else type(error).__name__
        return NotSent(
            self.text(
                f"no connection to {where} ({words[:1].lower() + words[1:]})",
                "is the machine up, and does a firewall let this port through",
            ),
            NOT_COMPLETED if isinstance(error, TimeoutError) else CANNOT_CONNECT,
        )

    def no_descriptor(self, error: OSError, *, wrote: bool) -> RequestError:
        """This process, or this system, may open no more files."""
        if error.errno == errno.EMFILE:
            happened = "this process may open no more files and connections"
            advice = "raise its limit (ulimit -n), or lower throttle_limit"
        else:
            happened = "this system may open no more files and connections"
            advice = "raise its limit (sysctl fs.file-max)"
        words = os.strerror(error.errno or 0)
        kind = NoAnswer if wrote else NotSent
        return kind(self.text(f"{happened} ({words[:1].lower() + words[1:]})", advice), 0)

    def time_up(self, doing: str, seconds: float, wrote: bool) -> RequestError:
        """The time for the request is up."""
        kind = NoAnswer if wrote else NotSent
        return kind(
            self.text(
                f"no answer within {seconds:g} s, while {doing}" if doing else "time was up",
                "the machine may be down or hang, or a firewall drops what is sent to it",
            ),
            NOT_COMPLETED,
        )

    def aborted(self) -> RequestError:
        """The line was ended by ourselves."""
        return NoAnswer(self.text("the request was given up"), 995)

    def lost(self, doing: str, wrote: bool) -> RequestError:
        """The connection was lost."""
        happened = f"the connection was lost while {doing}" if doing else "the connection was lost"
        if not wrote:
            return NotSent(
                self.text(happened, "is this WinRM's port, and is its scheme right"), CANNOT_CONNECT
            )
        return NoAnswer(
            self.text(happened, "the machine may have restarted, or WinRM on it"), NOT_COMPLETED
        )

    def not_http(self, *, wrote: bool) -> RequestError:
        """Something else than HTTP was answered.

        Args:
            wrote: whether WinRM has been heard there, and has what it was asked.
        """
        text = self.text(
            f"what listens at {self._dialled()} does not speak HTTP",
            "is it TLS (port 5986, scheme https), or another service",
        )
        return (NoAnswer if wrote else NotSent)(text, IMPROPER_RESPONSE)

    def _dialled(self) -> str:
        if self.proxy is not None:
            return f"the proxy {self.proxy.host}:{self.proxy.port}"
        return self.target.address.where

    def proxy_refused(self, status: int, words: str) -> RequestError:
        """A proxy does not let us through."""
        said = f' "{first_words("", words.encode())}"' if words else ""
        advice = (
            "it wants an account: proxy_username= and proxy_password= (Basic)"
            if status == 407
            else "may one get to this address and port by it"
        )
        return NotWinRM(
            self.text(
                f"the proxy refuses, HTTP status {status}{said}; this is not WinRM's answer", advice
            ),
            HTTP_ERROR,
            status,
        )

    def ours(self, happened: str) -> RequestError:
        """Something here keeps it from being sent."""
        return NotSent(self.text(happened), 0)

    # TLS.

    def untrusted(self, happened: str, shown: str) -> RequestError:
        """The machine's certificate is not to be trusted."""
        if self.target.ca is not None:
            used = f"the authorities in {self.target.ca}"
        else:
            used = "the system's authorities"
        return NotSent(
            self.text(
                f"its certificate is not valid: {happened}"
                f"{f' ({shown})' if shown else ''}; it was checked with {used}",
                "give the authority that has signed it as ca=, and the host as the certificate "
                "names it",
            ),
            SECURE_FAILURE,
        )

    def no_tls(self, reason: str, wrote: bool) -> RequestError:
        """TLS could not be opened, or was ended."""
        words = reason.lower().replace("_", " ")
        advice = "does this port speak TLS"
        if any(one in reason for one in ("PROTOCOL", "VERSION_TOO_LOW")):
            advice = (
                "the machine's TLS is too old, or this one's: TLS 1.2 is needed, which old "
                "machines have switched off"
            )
        if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
            advice = "this port speaks no TLS: use scheme='http', or port 5986"
        elif "HANDSHAKE_FAILURE" in reason or "NO_SHARED_CIPHER" in reason:
            advice = "the two have no cipher in common: the machine's TLS may be too old"
        if self.auth == "certificate" and any(
            one in reason for one in ("ALERT", "CERTIFICATE", "EOF")
        ):
            return LogonRefused(
                self.text(
                    f"the machine does not take the client certificate ({words})",
                    "is it of an authority that the machine trusts, and is it valid still",
                ),
                LOGON_FAILURE,
            )
        kind = NoAnswer if wrote else NotSent
        return kind(self.text(f"TLS failed ({words})", advice), SECURE_FAILURE)

    # Kerberos.

    @property
    def spn(self) -> str:
        """The Kerberos name that is asked for."""
        target = self.target
        return f"{target.service}/{target.spn_host or target.address.host.lower()}"

    def kerberos(self, complaint: Complaint) -> RequestError:
        """No token of Kerberos', and so nothing was sent."""
        who = f" for {self.account!r}" if self.account else ""
        happened, advice = ticket_words(complaint.kind, complaint.text, who, self.spn)
        code = TARGET_UNKNOWN if complaint.kind == "unknown" else AUTHENTICATION_FAILED
        return NotSent(self.text(happened, advice), code)

    def no_ticket_no_password(self) -> RequestError:
        """Negotiate has neither."""
        who = f" for {self.account!r}" if self.account else ""
        return NotSent(
            self.text(
                f"there is no Kerberos ticket{who}, and no password for NTLM",
                "get a ticket with kinit, or give username= and password=",
            ),
            AUTHENTICATION_FAILED,
        )

    def no_ticket_to_delegate(self) -> RequestError:
        """NTLM cannot hand on what a ticket could."""
        return NotSent(
            self.text(
                "delegate=True needs a Kerberos ticket, and there is none for this user and host",
                "get one with kinit -f, or use auth='credssp'",
            ),
            AUTHENTICATION_FAILED,
        )

    def not_delegated(self) -> RequestError:
        """The user's ticket cannot go along."""
        return NotSent(
            self.text(
                "the Kerberos ticket cannot be delegated: it is not forwardable",
                "get one with kinit -f; and the account must not be marked as sensitive",
            ),
            AUTHENTICATION_FAILED,
        )

    def not_proved(self) -> RequestError:
        """The machine did not prove to be itself."""
        return NotWinRM(
            self.text(
                f"what answers there could not prove that it is {self.spn}",
                "is a proxy or a balancer between",
            ),
            AUTHENTICATION_FAILED,
            200,
        )

    # Answers.

    def refused(self, headers: Mapping[str, str], status: int = 0) -> RequestError:
        """The account was refused, or what it authenticates with.

        Args:
            headers: of the answer, a 401.
            status: the NTSTATUS that came with it.
        """
        offered = offers(headers)
        wanted = _SCHEMES.get(self.auth, ())
        if offered and wanted and not any(one in offered for one in wanted):
            return LogonRefused(
                self.text(
                    f"the machine does not take {self.auth}, only {', '.join(offered)}",
                    "use another auth=, or allow this one at the machine "
                    "(winrm set winrm/config/service/auth)",
                ),
                NOT_SUPPORTED_AUTH,
            )
        if self.auth == "certificate":
            return LogonRefused(
                self.text(
                    "the machine knows no account for the client certificate",
                    "is it mapped there (WSMan:\\localhost\\ClientCertificate), and is "
                    "certificate authentication on (winrm/config/service/auth)",
                ),
                LOGON_FAILURE,
            )
        who = f" for the user {self.account!r}" if self.account else ""
        said = status_words(status) if status else "HTTP status 401"
        return LogonRefused(
            self.text(
                f"the machine refused the logon{who} ({said})",
                clock_advice(headers) or account_advice(self.account or "", self.auth, self.spn),
            ),
            LOGON_FAILURE,
        )

    def strange_challenge(self) -> RequestError:
        """The answer goes on with the authentication, in a way that cannot be read."""
        return NotWinRM(
            self.text(
                f"what it answers to a logon by {self.auth} cannot be read",
                "is it the right address, and is a proxy or a balancer between",
            ),
            HTTP_ERROR,
            401,
        )

    def untried(self, times: int) -> RequestError:
        """Others have refused the account already."""
        return LogonRefused(
            self.text(
                f"not tried: {times} machines have refused the user {self.account!r} already",
                "so that the account is not locked; refusals=None would try each",
            ),
            LOGON_FAILURE,
        )

    def refused_before(self) -> RequestError:
        """This machine has refused the account already."""
        return LogonRefused(
            self.text(f"the machine has refused the user {self.account!r} before"), LOGON_FAILURE
        )

    def fault(self, fault: FaultText) -> Fault:
        """The endpoint's own refusal."""
        said = f"{fault.text} " if fault.text else ""
        named = f"(error {fault.code})" if fault.code else f"({fault.subcode or 'no code'})"
        kind = TimedOut if fault.code == TIMED_OUT else Fault
        return kind(
            self.text(
                f"{said}{named}", fault_advice(fault.code, self.target.configuration, self.account)
            ),
            fault.code,
            fault.text,
        )

    def not_winrm(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestError:
        """An answer that is not WinRM's."""
        words = first_words(headers.get("Content-Type", ""), body)
        said = f', "{words}"' if words else ", nothing in it"
        happened = f"this is not WinRM's answer: HTTP status {status}{said}"
        code = HTTP_ERROR
        if status in (301, 302, 303, 307, 308):
            where = first_words("", headers.get("Location", "nowhere").encode())
            advice = f"it points to {where}; redirects are not followed"
        elif status == 503:
            code, advice = SERVICE_UNAVAILABLE, "WinRM is starting, or is stopped; try again later"
        elif status == 404:
            code, advice = URL_NOT_AVAILABLE, "is the path right (wsman)"
        elif status == 403:
            code, advice = ACCESS_DENIED, "a filter of addresses, or a proxy, forbids it"
        elif status == 407:
            advice = "a proxy wants an account: proxy_username= and proxy_password="
        elif status == 413:
            advice = "the request was too large for it"
        elif status == 400:
            advice = "it could not read the request; does something change it on the way"
        elif status == 500 and not body:
            advice = "does the machine refuse what is not encrypted (AllowUnencrypted)"
        else:
            advice = "is it the right address, and is a proxy or a balancer between"
        return NotWinRM(self.text(happened, advice), code, status)

    def too_long(self) -> RequestError:
        """An answer that does not end."""
        return NotWinRM(
            self.text(
                "this is not WinRM's answer: it does not end",
                "is it the right address, and is a proxy or a balancer between",
            ),
            HTTP_ERROR,
            200,
        )

    def unreadable(self, status: int, happened: str) -> RequestError:
        """An encrypted answer that cannot be read."""
        return NotWinRM(
            self.text(
                f"the encrypted answer cannot be read: {happened} (HTTP status {status})",
                "does something change it on the way",
            ),
            HTTP_ERROR,
            status,
        )

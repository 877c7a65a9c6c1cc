"""A machine that is reached over WinRM."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...cmdlets.credentials import Credential, Secret
from ..carrying import Carrier, FanOut, Target
from . import kerberos
from .address import Address, parse_address
from .connections import MOST
from .proxies import check_proxy_url
from .secrets import secret_of
from .tls import check_files

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Auth", "WinRM"]

Auth = Literal["negotiate", "kerberos", "ntlm", "credssp", "basic", "certificate"]

_PASSWORD_AUTHS = ("basic", "ntlm", "credssp")
_ENDPOINT = "Microsoft.PowerShell"


@dataclass(frozen=True, repr=False)
class WinRM(Target):
    r"""A machine and how to reach it over WinRM.

    Settings that do not go together are errors when it is made. No password is in its repr.

    Args:
        host: a name, an IP address (IPv6 with or without brackets, with a zone where it needs one)
            or the whole URL of the endpoint.
        name: what Get-Job and `location` call the machine; without it the host, as it is spelt.
        port: the port; without it 5985, or 5986 with TLS.
        scheme: ``http`` or ``https``. Without it TLS is used where the port is 5986 or 443, and
            where ``auth`` cannot do without: ``certificate``, and ``basic``.
        path: the path of the service.
        auth: ``negotiate`` takes Kerberos where the host is a name and there is a ticket for the
            user, else NTLM; ``kerberos``, ``ntlm``, ``credssp``, ``basic``, ``certificate``. Over
            plain HTTP, Kerberos, NTLM and CredSSP encrypt every message.
        username: the account: ``DOMAIN\user``, ``user@domain``, ``.\user`` or ``user``. For
            Kerberos it chooses the ticket; without it the default ticket is used.
        password: its password, a text or a `Secret`. Kerberos takes a ticket instead.
        credential: user and password in one, in their place.
        cert_file: for ``certificate``, the client's certificate, a PEM file.
        key_file: its key, where that is in a file of its own.
        key_password: the password of the key.
        ca: a PEM file or a folder of authorities; without it the system's authorities count. The
            environment is never asked.
        verify: whether the machine's certificate must be valid. False is for tests.
        verify_host: whether it must be of this host. False takes one of another host, if it is
            of an authority that counts.
        proxy: the URL of an HTTP proxy; ``"env"`` for what the environment says; None for none.
        proxy_username: the account at the proxy, with Basic.
        proxy_password: its password.
        service: the service of the Kerberos name that is asked for, ``HTTP`` or ``WSMAN`` or
            ``HOST``.
        spn_host: the host of that name, where it is not the machine's.
        delegate: whether the ticket goes along, so that the machine can reach others with it.
        allow_unencrypted: whether Basic may send password and data in clear over plain HTTP.
        configuration: the name of the PowerShell endpoint.
        open_timeout: how many seconds a session may take to be open.
        operation_timeout: how many seconds the machine may wait for output before it answers that
            there is none; it is then asked again. No limit of a command.
        cancel_timeout: how many seconds the machine may take to answer a stop. PowerShell waits
            for it 1.5 seconds at most; what runs on is stopped with the session.
        idle_timeout: after how many seconds without a word the machine may remove the session;
            None is 15 minutes, or more where `operation_timeout` is long. While the program runs,
            a session that waits for its next call is not without a word.
        no_profile: whether the user's Windows profile is left unloaded on the machine.
        culture: the language of the session's formats, such as ``de-DE``.
        ui_culture: the language of its texts.
        retries: how often an answer that was lost is asked for again, 5 times at most.
        refusals: after so many machines of one job have refused one account, the others are not
            tried with it, so that it does not get locked; None tries it on each.

    Raises:
        ValueError: the settings do not go together, or cannot work.
        TypeError: a setting is of the wrong kind.
    """

    host: str
    name: str | None = field(default=None, kw_only=True)
    port: int | None = field(default=None, kw_only=True)
    scheme: str | None = field(default=None, kw_only=True)
    path: str = field(default="wsman", kw_only=True)
    auth: Auth = field(default="negotiate", kw_only=True)
    username: str | None = field(default=None, kw_only=True)
    password: str | Secret | None = field(default=None, kw_only=True)
    credential: Credential | None = field(default=None, kw_only=True)
    cert_file: str | PathLike[str] | None = field(default=None, kw_only=True)
    key_file: str | PathLike[str] | None = field(default=None, kw_only=True)
    key_password: str | Secret | None = field(default=None, kw_only=True)
    ca: str | PathLike[str] | None = field(default=None, kw_only=True)
    verify: bool = field(default=True, kw_only=True)
    verify_host: bool = field(default=True, kw_only=True)
    proxy: str | None = field(default=None, kw_only=True)
    proxy_username: str | None = field(default=None, kw_only=True)
    proxy_password: str | Secret | None = field(default=None, kw_only=True)
    service: str = field(default="HTTP", kw_only=True)
    spn_host: str | None = field(default=None, kw_only=True)
    delegate: bool = field(default=False, kw_only=True)
    allow_unencrypted: bool = field(default=False, kw_only=True)
    configuration: str = field(default=_ENDPOINT, kw_only=True)
    open_timeout: float = field(default=60.0, kw_only=True)
    operation_timeout: float = field(default=20.0, kw_only=True)
    cancel_timeout: float = field(default=60.0, kw_only=True)
    idle_timeout: float | None = field(default=None, kw_only=True)
    no_profile: bool = field(default=False, kw_only=True)
    culture: str = field(default="en-US", kw_only=True)
    ui_culture: str = field(default="en-US", kw_only=True)
    retries: int = field(default=5, kw_only=True)
    refusals: int | None = field(default=3, kw_only=True)

    transport_name = "WinRM"
    # A socket each of `Connections.MOST`, the Delete's, and one file: the resolver's, or the cache
    # of tickets.
    descriptors = MOST + 2
    # A thread to each connection, and one aside of a line, which asks the resolver or a KDC.
    tasks = MOST + 2

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        self._check_types()
        self._check_times()
        if self.auth not in get_args(Auth):
            raise ValueError(f"auth is one of {', '.join(get_args(Auth))}, not {self.auth!r}")
        if self.credential is not None:
            if self.username is not None or self.password is not None:
                raise ValueError("give credential=, or username= and password=, not both")
            put("username", self.credential.username)
            put("password", self.credential.password)
            put("credential", None)
        for name in ("password", "key_password", "proxy_password"):
            put(name, secret_of(getattr(self, name), name))
        for name in ("cert_file", "key_file", "ca"):
            put(name, _file(getattr(self, name), name))
        address = parse_address(
            self.host,
            self.port,
            self.scheme,
            self.path,
            tls=self.auth == "certificate" or (self.auth == "basic" and not self.allow_unencrypted),
        )
        put("_address", address)
        put("location", self.name or self.host)
        self._check_account()
        self._check_tls()
        self._check_proxy()
        self._check_kerberos()

    @property
    def address(self) -> Address:
        """Where the endpoint is."""
        return self._address  # type: ignore[attr-defined, no-any-return]

    def __repr__(self) -> str:
        parts = [repr(self.host), f"auth={self.auth!r}"]
        if self.username is not None:
            parts.append(f"username={self.username!r}")
        if "://" not in self.host:
            if self.port is not None:
                parts.append(f"port={self.port}")
            if self.scheme is not None:
                parts.append(f"scheme={self.scheme!r}")
        if self.configuration != _ENDPOINT:
            parts.append(f"configuration={self.configuration!r}")
        return f"WinRM({', '.join(parts)})"

    def carrier(self, transport: Any, fan_out: FanOut) -> Carrier:
        """Make the carrier of a session; see `Target.carrier`."""
        from .carrier import WinRMCarrier

        return WinRMCarrier(transport, self, fan_out)

    def _check_types(self) -> None:
        """A text such as "no" is true for Python, and would switch on what it is to switch off."""
        for name in ("verify", "verify_host", "delegate", "allow_unencrypted", "no_profile"):
            if not isinstance(value := getattr(self, name), bool):
                raise TypeError(f"{name} is True or False, not {value!r}")
        for name in ("host", "path", "auth", "service", "configuration", "culture", "ui_culture"):
            if not isinstance(value := getattr(self, name), str):
                # Not the value: bytes may be a URL with a password.
                raise TypeError(f"{name} is a text, not of the type {type(value).__name__}")
        for name in ("name", "scheme", "username", "proxy", "proxy_username", "spn_host"):
            if not isinstance(value := getattr(self, name), str | None):
                raise TypeError(f"{name} is a text or None, not of the type {type(value).__name__}")
        for name in ("port", "refusals"):
            value = getattr(self, name)
            if value is not None and not _is_whole(value):
                raise TypeError(f"{name} is a whole number or None, not {value!r}")
        if not _is_whole(self.retries):
            raise TypeError(f"retries is a whole number, not {self.retries!r}")
        for name in ("open_timeout", "operation_timeout", "cancel_timeout"):
            if not _is_number(value := getattr(self, name)):
                raise TypeError(f"{name} is a number of seconds, not {value!r}")
        if self.idle_timeout is not None and not _is_number(self.idle_timeout):
            raise TypeError(
                f"idle_timeout is a number of seconds or None, not {self.idle_timeout!r}"
            )
        if not isinstance(self.credential, Credential | None):
            kind = type(self.credential).__name__
            raise TypeError(f"credential is a Credential or None, not of the type {kind}")

    def _check_account(self) -> None:
        if self.username is not None and (not self.username or not _sendable(self.username)):
            raise ValueError("the user name is empty, or has characters that cannot be sent")
        if self.username is None and self.password is not None:
            raise ValueError("there is a password, and no user")
        if self.auth in _PASSWORD_AUTHS and (self.username is None or self.password is None):
            raise ValueError(f"auth={self.auth!r} needs a user and a password")
        if self.auth == "basic" and ":" in (self.username or ""):
            raise ValueError("a user name with a colon cannot be sent with Basic")
        if self.auth == "certificate" and self.username is not None:
            raise ValueError(
                "auth='certificate' takes no user and no password: the machine knows whose "
                "the certificate is"
            )
        if self.auth == "credssp" and find_spec("requests_credssp") is None:
            raise ValueError(f"CredSSP is not installed: {_install('credssp')}")
        if self.refusals is not None and self.refusals < 1:
            raise ValueError("refusals is at least 1, or None")

    def _check_kerberos(self) -> None:
        if self.auth == "kerberos":
            if self.password is not None:
                raise ValueError(
                    "Kerberos takes a ticket and no password: get one with kinit, "
                    "or use auth='negotiate' or auth='ntlm'"
                )
            if "\\" in (self.username or ""):
                raise ValueError("Kerberos names a user as user@REALM, not as DOMAIN\\user")
            if not kerberos.is_installed():
                raise ValueError(f"Kerberos is not installed: {_install('kerberos')}")
        elif self.auth == "negotiate":
            if self.password is None and not kerberos.may_serve(self):
                raise ValueError(
                    "auth='negotiate' needs a user and a password: without them only Kerberos "
                    "would do, and that needs a host that is a name, a user that is no "
                    f"DOMAIN\\user, and its library ({_install('kerberos')})"
                )
        else:
            for name, usual in (("service", "HTTP"), ("spn_host", None), ("delegate", False)):
                if getattr(self, name) != usual:
                    raise ValueError(f"{name} is for Kerberos, and auth is {self.auth!r}")
        for name in ("service", "spn_host"):
            value = getattr(self, name)
            if value is not None and (not value or any(one in value for one in "/@ \\")):
                raise ValueError(f"{name}={value!r} is no part of a Kerberos name")

    def _check_tls(self) -> None:
        secure = self.address.scheme == "https"
        if self.auth == "basic" and not secure and not self.allow_unencrypted:
            raise ValueError(
                "Basic over plain HTTP would send the password in clear: use scheme='https' "
                "or auth='negotiate', or allow it with allow_unencrypted=True"
            )
        if self.allow_unencrypted and (self.auth != "basic" or secure):
            raise ValueError("allow_unencrypted is for Basic over http; the others encrypt")
        if self.auth == "certificate":
            if not secure:
                raise ValueError("auth='certificate' needs https")
            if self.cert_file is None:
                raise ValueError("auth='certificate' needs cert_file")
        elif any(one is not None for one in (self.cert_file, self.key_file, self.key_password)):
            raise ValueError(
                "cert_file, key_file and key_password are for auth='certificate', "
                f"not for {self.auth!r}"
            )
        if not secure and (self.ca is not None or not self.verify or not self.verify_host):
            raise ValueError("ca, verify and verify_host are for https, and this is plain http")
        if self.ca is not None and not self.verify:
            raise ValueError("a ca together with verify=False makes no sense")
        if self.address.port == 5986 and not secure:
            raise ValueError("port 5986 is for TLS: use scheme='https', or port 5985")
        if self.address.port == 5985 and secure:
            raise ValueError("port 5985 is for plain HTTP: use scheme='http', or port 5986")
        if self.ca is not None or self.cert_file is not None:
            check_files(self)

    def _check_proxy(self) -> None:
        if self.proxy is None:
            if self.proxy_username is not None or self.proxy_password is not None:
                raise ValueError("there is an account for a proxy, and no proxy")
        elif self.proxy != "env":
            check_proxy_url(self.proxy)
        if (self.proxy_username is None) != (self.proxy_password is None):
            raise ValueError("proxy_username and proxy_password go together")
        if self.proxy_username is not None and ":" in self.proxy_username:
            raise ValueError("a user name with a colon cannot be sent to a proxy")

    def _check_times(self) -> None:
        if not 0 < self.open_timeout < math.inf:
            raise ValueError("the open timeout is not a number above 0")
        if not 0.5 <= self.operation_timeout <= 3600:
            raise ValueError("the operation timeout is from 0.5 to 3600 seconds")
        if not 0 < self.cancel_timeout < math.inf:
            raise ValueError("the cancel timeout is not a number above 0")
        if self.idle_timeout is not None and not 60 <= self.idle_timeout < math.inf:
            raise ValueError("the idle timeout is at least 60 seconds, which is Windows' least")
        if not 0 <= self.retries <= 5:
            raise ValueError("retries is from 0 to 5")
        if not self.configuration:
            raise ValueError("the configuration has no name")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sendable(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" or one in "\0\r\n" for one in text)


def _install(extra: str) -> str:
    return f"pip install 'psbridge[{extra}]'"


def _file(value: str | PathLike[str] | None, name: str) -> str | None:
    if value is None:
        return None
    path = Path(value)
    if not path.exists():
        raise ValueError(f"there is no {name} {path}")
    return str(path)

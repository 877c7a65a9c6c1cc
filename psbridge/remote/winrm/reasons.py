"""Why a request failed, in words: machine and address, what happened, what to try.

Nothing here holds a secret, and no exception of a library gets out: its `args`, its `object` or
its context may hold a password or what was sent.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .answers import FaultText
from .errors import Fault, LogonRefused, NoAnswer, NotSent, NotWinRM, RequestError, TimedOut
from .pages import first_words

if TYPE_CHECKING:
    from .target import WinRM

__all__ = ["Reasons"]

# Codes by which PowerShell names errors; see GetFQEIDFromTransportError in its source.
ACCESS_DENIED = 5
AUTHENTICATION_FAILED = 1311
LOGON_FAILURE = 1326
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

_OFFERS = re.compile(r"\b(Negotiate|Kerberos|NTLM|CredSSP|Basic|Digest)\b", re.IGNORECASE)
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
    """

    def __init__(self, target: WinRM, auth: str) -> None:
        self.target, self.auth = target, auth
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
                    "is WinRM on there (Enable-PSRemoting), and is it this port",
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

    def lost(self, wrote: bool, happened: str) -> RequestError:
        """The connection was lost."""
        if not wrote:
            return NotSent(self.text(happened), CANNOT_CONNECT)
        return NoAnswer(
            self.text(
                f"{happened} before the answer was there",
                "the machine may have restarted, or WinRM on it",
            ),
            NOT_COMPLETED,
        )

    def not_http(self) -> RequestError:
        """Something else than HTTP was answered."""
        return NotSent(
            self.text(
                f"what listens at {self._dialled()} does not speak HTTP",
                "is it TLS (port 5986, scheme https), or another service",
            ),
            CANNOT_CONNECT,
        )

    def _dialled(self) -> str:
        return self.target.address.where

    # TLS.

    def untrusted(self, happened: str, whose: str) -> RequestError:
        """The machine's certificate is not to be trusted."""
        if self.target.ca is not None:
            used = f"the authorities in {self.target.ca}"
        else:
            used = "the system's authorities"
        return NotSent(
            self.text(
                f"its certificate is not valid: {happened}{whose}; checked with {used}",
                "give the authority that has signed it as ca=",
            ),
            SECURE_FAILURE,
        )

    def no_tls(self, happened: str, advice: str) -> RequestError:
        """TLS could not be opened."""
        return NotSent(self.text(f"no TLS: {happened}", advice), SECURE_FAILURE)

    # Answers.

    def refused(self, headers: Mapping[str, str]) -> RequestError:
        """The answer was 401: the account was refused, or what it authenticates with."""
        offered = sorted({one.lower() for one in _OFFERS.findall(_offers(headers))})
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
        return LogonRefused(
            self.text(f"the machine refused the logon{who} (401)", self._account_advice()),
            LOGON_FAILURE,
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

    def _account_advice(self) -> str:
        name = self.account or ""
        if self.auth == "kerberos":
            return "does the account exist, and may it log on there"
        if "\\" in name:
            form = (
                "it was sent as an account of a domain; a local one is '.\\user' or 'user'"
                if not name.startswith(".\\")
                else "it was sent as a local account; one of a domain is 'DOMAIN\\user'"
            )
        elif "@" in name:
            form = "it was sent as user@domain; 'DOMAIN\\user' is another form"
        else:
            form = "it was sent without a domain; others are 'DOMAIN\\user' and 'user@domain'"
        if self.auth == "basic":
            form += "; Basic takes local accounts only"
        return (
            f"{form}. A local account that is not the built-in administrator also needs "
            "LocalAccountTokenFilterPolicy"
        )

    def fault(self, fault: FaultText) -> Fault:
        """The endpoint's own refusal."""
        said = f"{fault.text} " if fault.text else ""
        named = f"(error {fault.code})" if fault.code else f"({fault.subcode or 'no code'})"
        kind = TimedOut if fault.code == TIMED_OUT else Fault
        return kind(
            self.text(f"{said}{named}", self._fault_advice(fault.code)), fault.code, fault.text
        )

    def _fault_advice(self, code: int) -> str:
        configuration = self.target.configuration
        if code == ACCESS_DENIED:
            who = f"the user {self.account!r}" if self.account else "this user"
            return (
                f"{who} may not use the endpoint {configuration}; "
                "Set-PSSessionConfiguration -ShowSecurityDescriptorUI, or an administrator"
            )
        return _ADVICE.get(code, "").format(configuration=configuration)

    def not_winrm(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestError:
        """An answer that is not WinRM's."""
        words = first_words(headers.get("Content-Type", ""), body)
        said = f', "{words}"' if words else ", nothing in it"
        happened = f"this is not WinRM's answer: HTTP status {status}{said}"
        code = HTTP_ERROR
        if status in (301, 302, 303, 307, 308):
            where = headers.get("Location", "nowhere")
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

    def ours(self, happened: str) -> RequestError:
        """Something here keeps it from being sent."""
        return NotSent(self.text(happened), 0)


_ADVICE = {
    2150858811: "is there an endpoint {configuration} on it (Get-PSSessionConfiguration), or is it "
    "PowerShell.7 or Microsoft.PowerShell; Enable-PSRemoting registers them",
    2689860592: "the endpoint {configuration} is broken, often by an update of PowerShell; "
    "run Enable-PSRemoting in that PowerShell, or use another configuration=",
    2150858843: "the session is gone there: it was idle too long, was removed, ran out of memory "
    "(MaxMemoryPerShellMB), or WinRM was restarted",
    2150859173: "the limit of shells for a user (MaxShellsPerUser) is reached",
    2150859174: "the limit of operations for a user (MaxConcurrentOperationsPerUser) is reached",
    2150859236: "the limit of shells for a user (the endpoint's MaxShellsPerUser) is reached",
    2150859237: "the limit of users (the endpoint's MaxConcurrentUsers) is reached",
    2150859238: "the limit of shells (the endpoint's MaxShells) is reached",
    2150859239: "the limit of operations for a user "
    "(the endpoint's MaxConcurrentOperationsPerUser) is reached",
    2150859240: "the limit of operations (the endpoint's MaxConcurrentOperations) is reached",
    2150859241: "the limit of commands in a session "
    "(the endpoint's MaxConcurrentCommandsPerShell) is reached",
}


def _offers(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == "www-authenticate":
            return value
    return ""

"""One line to an endpoint: requests go out on it, one at a time, and answers or errors come back.

What can be said of a request that failed is the class of its error (see `errors`): whether the
machine can have taken it decides what the caller may do. Here a request goes out a second time only
where the machine cannot have taken it: the connection was found gone before anything was sent, or
the machine answered that it cannot decrypt it, which means that its side of the context is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from winrm.protocol import Protocol

from ..carrying import FanOut
from . import kerberos
from .answers import read_fault, read_message
from .envelopes import write_envelope
from .errors import Fault, LogonRefused, RequestError
from .explaining import explain
from .line import Line, LineLost
from .logons import Admission, account_of, logons_of
from .mended import MendedTransport
from .proxies import proxy_of
from .reasons import LOGON_FAILURE, Reasons
from .wire import HttpAnswer

if TYPE_CHECKING:
    from .cookies import ShellCookies
    from .target import WinRM

__all__ = ["Connection"]

# Windows closes a connection after 120 s of silence, and boxes between may do so earlier.
_SILENCE = 60.0


class Connection:
    """One line to an endpoint: a TCP connection and an authentication context of its own.

    Used by one thread at a time; `abort` from any.

    Attributes:
        authenticated_with: how it has authenticated, such as ``kerberos``; empty before it has.
    """

    def __init__(
        self,
        target: WinRM,
        cookies: ShellCookies,
        fan_out: FanOut,
        admission: Admission | None = None,
    ) -> None:
        """Make a connection; nothing is opened yet.

        Args:
            target: the machine.
            cookies: one jar for all connections of a shell: a balancer finds it by its cookie.
            fan_out: what the target has in common with others.
            admission: one for all connections of a session.
        """
        self.authenticated_with = ""
        self._target, self._cookies = target, cookies
        self._logons, self._admission = logons_of(fan_out), admission or Admission()
        self._account = account_of(target)
        self._line = Line()
        # For its headers; the Transport that it makes is never used.
        self._protocol = Protocol(target.address.url, "basic", "nobody", "", proxy=None)
        self._transport: MendedTransport | None = None
        self._reasons = Reasons(target, target.auth)
        self._try: float | None = None  # a logon of which it is not known yet what came of it

    @property
    def is_in(self) -> bool:
        """Whether the machine has let it in, and it is connected still."""
        return bool(self.authenticated_with and self._transport is not None and self._line.is_up())

    @property
    def has_asked(self) -> bool:
        """Whether anything of the request under way has gone out."""
        return self._line.wrote

    def header(self, action: str, resource_uri: str, shell_id: str | None = None) -> dict[str, Any]:
        """The envelope of a request, with its header; the body is the caller's.

        pywinrm's, with the values of this target, in the order and with the attributes that
        Windows' own client has.

        Args:
            action: the URI of the action.
            resource_uri: the URI of the resource.
            shell_id: the shell, where there is one.
        """
        envelope = self._protocol.build_wsman_header(action, resource_uri, shell_id)
        its = envelope["env:Header"]

        def must(text: str, understand: str = "true") -> dict[str, str]:
            return {"@env:mustUnderstand": understand, "#text": text}

        def language(name: str) -> dict[str, str]:
            return {"@env:mustUnderstand": "false", "@xml:lang": name}

        header: dict[str, Any] = {
            "a:To": self._target.address.url,
            "w:ResourceURI": must(resource_uri),
            "a:ReplyTo": {"a:Address": must(its["a:ReplyTo"]["a:Address"]["#text"])},
            "a:Action": must(action),
            "w:MaxEnvelopeSize": must("153600"),
            "a:MessageID": "uuid:" + its["a:MessageID"].partition(":")[2].upper(),
            "w:Locale": language(self._target.ui_culture),
            "p:DataLocale": language(self._target.culture),
        }
        if shell_id:
            header["w:SelectorSet"] = its["w:SelectorSet"]
        header["w:OperationTimeout"] = f"PT{self._target.operation_timeout:.3f}S"
        envelope["env:Header"] = header
        return envelope

    def send(self, envelope: dict[str, Any], *, answer_within: float) -> ElementTree.Element:
        """Send a request and wait for its answer.

        The same envelope may be sent again: it has the same MessageID then.

        Args:
            envelope: ``{"env:Envelope": ...}``, as `write_envelope` takes it.
            answer_within: how many seconds all of it may take: connecting, authenticating, and an
                answer that drips.

        Returns:
            The envelope of the answer.

        Raises:
            RequestError: there is no such answer; which of its classes says what is known.
        """
        message = write_envelope(envelope)
        line = self._line
        line.within(answer_within)
        try:
            return self._answer(message)
        except Exception as error:
            failure = self._failed(error, answer_within)
        except BaseException:
            self._logon_ended(None)
            self.close()  # the answer may still come, and would be taken for the next one's
            raise
        # Nothing of what it comes from goes along: neither a chain nor frames, which hold what
        # was sent and with which password.
        failure.__context__ = failure.__cause__ = None
        raise failure.with_traceback(None)

    def _failed(self, error: Exception, seconds: float) -> RequestError:
        """Note what an exception means for the logon and for the line; the error for it."""
        if isinstance(error, RequestError):
            failure = error
        else:
            failure = explain(error, self._line, self._transport, self._reasons, seconds)
        refused = isinstance(failure, LogonRefused) and failure.code == LOGON_FAILURE
        self._logon_ended(False if refused else None)
        if not isinstance(failure, Fault):
            self.close()
        return failure

    def silence(self) -> float:
        """For how many seconds nothing was heard on it."""
        return self._line.silent()

    def abort(self) -> None:
        """End it for good: a `send` that waits raises `NoAnswer` now. From any thread."""
        self._line.abort()

    def close(self) -> None:
        """Close the connection; the next `send` makes a new one."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close_session()
        self._line.close()

    def _answer(self, message: str) -> ElementTree.Element:
        line = self._line
        line.left()
        fresh = self._transport is None or not line.is_up() or line.silent() > _SILENCE
        while True:
            if fresh:
                self.close()
                self._transport = self._context()
            transport = self._transport
            assert transport is not None
            try:
                if fresh:
                    self._log_on(transport)
                body = transport.send_message(message)
            except LineLost:
                if fresh:
                    raise
            except HttpAnswer as answer:
                # The machine's side of the context is gone, so it cannot have read the message.
                gone = transport.seals and answer.status in (400, 401) and not answer.is_sealed
                if fresh or not gone:
                    return self._refusal(answer)
            else:
                line.left()  # an end from outside looks like the end of the answer
                return self._message(HttpAnswer(200, {}, body))
            fresh = True

    def _log_on(self, transport: MendedTransport) -> None:
        """Authenticate, where that is not a part of each request."""
        if transport.seals:
            with kerberos.quiet():
                transport.build_session()
            self._logon_ended(True)

    def _context(self) -> MendedTransport:
        auth = self._reasons.auth = self._auth()
        proxy = self._reasons.proxy = proxy_of(self._target)
        return MendedTransport(
            self._target, auth, self._line, self._cookies, proxy, self._logon_begins
        )

    def _auth(self) -> str:
        """How to authenticate; decided once for all connections with a machine."""
        target = self._target
        if target.auth != "negotiate":
            return target.auth
        key, chosen = (target.address.url, target.username), self._logons.chosen
        if key not in chosen:
            # Of two that find out at the same time the first is right.
            chosen.setdefault(key, "kerberos" if self._has_ticket() else "ntlm")
        if chosen[key] == "ntlm" and target.password is None:
            raise self._reasons.no_ticket_no_password()
        if chosen[key] == "ntlm" and target.delegate:
            raise self._reasons.no_ticket_to_delegate()
        return chosen[key]

    def _has_ticket(self) -> bool:
        target = self._target
        if not kerberos.may_serve(target):
            return False
        self._line.doing = "asking for a Kerberos ticket"
        host = target.spn_host or target.address.host.lower()
        principal = kerberos.principal_of(target.username)
        return self._line.aside(
            lambda: kerberos.has_ticket(target.service, host, principal), "looks for a ticket"
        )

    def _logon_begins(self) -> None:
        """The line is connected, and what comes next may be a password."""
        target, auth = self._target, self._reasons.auth
        if auth in ("kerberos", "certificate") or target.username is None or self._try is not None:
            return
        self._try = self._logons.begin(
            target.address.url,
            self._account,
            target.refusals,
            self._line,
            self._reasons,
            self._admission,
        )

    def _logon_ended(self, right: bool | None) -> None:
        if right:
            self.authenticated_with = self._reasons.auth
        if self._try is not None:
            began, self._try = self._try, None
            self._logons.end(self._target.address.url, self._account, began, right, self._admission)

    def _message(self, answer: HttpAnswer) -> ElementTree.Element:
        message = read_message(answer.body)
        if message is None:
            raise self._reasons.not_winrm(answer.status, answer.headers, answer.body)
        self._logon_ended(True)
        fault = read_fault(message)
        if fault is not None:
            raise self._reasons.fault(fault)
        return message

    def _refusal(self, answer: HttpAnswer) -> ElementTree.Element:
        self._line.left()
        if answer.status == 401:
            raise self._reasons.refused(answer.headers)
        return self._message(answer)

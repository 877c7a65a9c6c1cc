"""One line to an endpoint: requests go out on it, one at a time, and answers or errors come back.

What can be said of a request that failed is the class of its error (see `errors`): whether the
machine can have taken it decides what the caller may do. Here a request goes out a second time only
where the machine cannot have taken it: the connection was found gone before anything was sent, or
the machine answered that it cannot decrypt it, which means that its side of the context is gone.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import ssl
from typing import Any
from xml.etree import ElementTree

import requests
import xmltodict
from urllib3.exceptions import HTTPError
from winrm.protocol import Protocol

from ..carrying import FanOut
from .answers import read_fault, read_message
from .errors import RequestError
from .line import Line, LineLost, TimeUp
from .mended import HttpAnswer, MendedTransport
from .reasons import Reasons
from .sealing import Unreadable
from .target import WinRM
from .wire import NotAllowed, ProxyAsks

__all__ = ["Connection"]

# Windows closes a connection after 120 s of silence, and boxes between may do so earlier.
_SILENCE = 60.0


class Connection:
    """One line to an endpoint: a TCP connection and an authentication context of its own.

    Used by one thread at a time; `abort` from any.

    Attributes:
        authenticated_with: how it has authenticated, such as ``kerberos``; empty before it has.
    """

    def __init__(self, target: WinRM, cookies: http.cookiejar.CookieJar, fan_out: FanOut) -> None:
        """Make a connection; nothing is opened yet.

        Args:
            target: the machine.
            cookies: one jar for all connections of a shell: a balancer finds it by its cookie.
            fan_out: what the target has in common with others.
        """
        self.authenticated_with = ""
        self._target, self._cookies, self._fan_out = target, cookies, fan_out
        self._line = Line()
        self._protocol = Protocol(
            target.address.url,
            "basic",
            "nobody",
            "",
            proxy=None,  # its Transport is not used
        )
        self._transport: MendedTransport | None = None
        self._reasons = Reasons(target, target.auth)

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
            envelope: ``{"env:Envelope": ...}``, as `xmltodict.unparse` takes it.
            answer_within: how many seconds all of it may take: connecting, authenticating, and an
                answer that drips.

        Returns:
            The envelope of the answer.

        Raises:
            RequestError: there is no such answer; which of its classes says what is known.
        """
        message = xmltodict.unparse(envelope)
        self._line.within(answer_within)
        failure: RequestError | None = None
        try:
            return self._answer(message)
        except RequestError as error:
            failure = error
        except BaseException as error:
            failure = self._reason(error, answer_within)
            self.close()
            if failure is None:
                raise
        # Not from the error: its chain would come along, and what it holds.
        failure.__context__ = failure.__cause__ = None
        raise failure

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
        for last in (fresh, True):
            if fresh:
                self.close()
                self._transport = self._context()
            assert self._transport is not None
            try:
                body = self._transport.send_message(message)
            except LineLost:
                if last:
                    raise
            except HttpAnswer as answer:
                sealed = self._transport.seals
                # The machine's side of the context is gone, so it cannot have read the message.
                if last or not sealed or answer.status not in (400, 401):
                    return self._refusal(answer)
            else:
                line.left()  # an end from outside looks like the end of the answer
                self.authenticated_with = self._transport.auth_method
                return self._message(200, {}, body)
            fresh = True
        raise AssertionError("not reached")

    def _context(self) -> MendedTransport:
        auth = self._target.auth
        if auth == "negotiate":
            auth = "ntlm"
        self._reasons.auth = auth
        return MendedTransport(self._target, auth, self._line, self._cookies, None)

    def _message(self, status: int, headers: Any, body: bytes) -> ElementTree.Element:
        message = read_message(body)
        if message is None:
            raise self._reasons.not_winrm(status, headers, body)
        fault = read_fault(message)
        if fault is not None:
            raise self._reasons.fault(fault)
        return message

    def _refusal(self, answer: HttpAnswer) -> ElementTree.Element:
        self._line.left()
        if answer.status == 401:
            self.close()
            raise self._reasons.refused(answer.headers)
        message = read_message(answer.body)
        fault = None if message is None else read_fault(message)
        if fault is not None:
            self.authenticated_with = self._reasons.auth
            raise self._reasons.fault(fault)
        self.close()
        raise self._reasons.not_winrm(answer.status, answer.headers, answer.body)

    def _reason(self, error: BaseException, seconds: float) -> RequestError | None:
        """What an exception of a library means; None where it is none of theirs."""
        line, reasons = self._line, self._reasons
        if line.aborted:
            return reasons.aborted()
        chain = _chain(error)
        for one in chain:
            if isinstance(one, TimeUp):
                return reasons.time_up(line.doing, seconds, line.wrote)
            if isinstance(one, NotAllowed):
                return reasons.ours(f"nothing was sent: {one}")
            if isinstance(one, ProxyAsks):
                return reasons.not_winrm(407, one.response.headers, one.response.content)
            if isinstance(one, Unreadable):
                return reasons.unreadable(200, str(one))
            if isinstance(one, ssl.SSLError):
                return reasons.no_tls(str(one), "")
        if line.doing in ("looking up the name", "connecting"):
            for one in chain:
                if isinstance(one, OSError) and not isinstance(one, requests.RequestException):
                    return reasons.not_connected(one)
        if any(isinstance(one, http.client.BadStatusLine) for one in chain) and not any(
            isinstance(one, http.client.RemoteDisconnected) for one in chain
        ):
            return reasons.not_http()
        if isinstance(error, (OSError, HTTPError, http.client.HTTPException)):
            return reasons.lost(line.wrote, "the connection was lost")
        if isinstance(error, Exception):
            return reasons.ours(f"{type(error).__name__} while {line.doing}")
        return None


def _chain(error: BaseException) -> list[BaseException]:
    """An exception, what caused it, and what it holds: requests wraps without a cause."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        found.append(one)
        others = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting.extend(other for other in others if isinstance(other, BaseException))
    return found

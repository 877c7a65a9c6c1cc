"""What an exception means that came out of requests, urllib3, ssl, or a library that authenticates.

They wrap each other, with and without a cause; the line and the last answer know more than they
do. No text of theirs is passed on, unless it is known to be harmless: they hold addresses, tokens
and passwords.
"""

from __future__ import annotations

import errno
import http.client
import ssl
from typing import TYPE_CHECKING, TypeVar

from . import certificates
from .errors import RequestError
from .kerberos import complaint_of
from .line import TimeUp, TooLong
from .mended import NoContext, NotDelegated
from .pool import ProxyRefused
from .sealing import Unreadable
from .wire import HttpAnswer, NotAllowed

if TYPE_CHECKING:
    from .line import Line
    from .mended import MendedTransport
    from .reasons import Reasons

__all__ = ["explain"]

Kind = TypeVar("Kind", bound=BaseException)


def explain(
    error: Exception,
    line: Line,
    transport: MendedTransport | None,
    reasons: Reasons,
    seconds: float,
) -> RequestError:
    """The error of `errors` for an exception.

    Args:
        error: what was raised.
        line: the connection.
        transport: the context, if it was made.
        reasons: of the connection.
        seconds: how long the request might take.
    """
    chain = _chain(error)
    if line.aborted:
        return reasons.aborted()
    if _first(chain, TimeUp):
        return reasons.time_up(line.doing, seconds, line.wrote)
    for one in chain:
        if isinstance(one, OSError) and one.errno in (errno.EMFILE, errno.ENFILE):
            return reasons.no_descriptor(one, wrote=line.wrote)
    if _first(chain, TooLong):
        return reasons.too_long()
    if isinstance(error, ValueError) and transport is None:
        return reasons.ours(str(error))  # of the proxy in the environment
    if answer := _first(chain, HttpAnswer):
        if answer.status == 401:
            return reasons.refused(answer.headers)
        return reasons.not_winrm(answer.status, answer.headers, answer.body)
    if refused := _first(chain, ProxyRefused):
        return reasons.proxy_refused(refused.status, refused.words)
    if guarded := _first(chain, NotAllowed):
        return reasons.ours(f"nothing was sent: {guarded}")
    if unreadable := _first(chain, Unreadable):
        answer = transport.answered if transport else None
        return reasons.unreadable(answer.status if answer else 0, str(unreadable))
    if _first(chain, NotDelegated):
        return reasons.not_delegated()
    for one in chain:
        if (complaint := complaint_of(one)) is not None:
            return reasons.kerberos(complaint)
    if tls := _first(chain, ssl.SSLError):
        return _tls(tls, line, transport, reasons)
    return (
        _authentication(chain, transport, reasons)
        or _connection(chain, line, reasons)
        or _strange(transport, reasons)
        or reasons.ours(f"it could not be sent ({type(error).__name__}, while {line.doing})")
    )


def _tls(
    error: ssl.SSLError, line: Line, transport: MendedTransport | None, reasons: Reasons
) -> RequestError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return reasons.untrusted(
            error.verify_message.rstrip("."), certificates.shown(transport, line)
        )
    return reasons.no_tls(error.reason or type(error).__name__, line.wrote)


def _authentication(
    chain: list[BaseException], transport: MendedTransport | None, reasons: Reasons
) -> RequestError | None:
    """What the libraries say that authenticate, and requests' hooks that trip over an answer."""
    answer = transport.answered if transport is not None else None
    names = {type(one).__name__ for one in chain}
    if "MutualAuthenticationError" in names:
        return reasons.not_proved()
    for one in chain:
        if type(one).__name__ == "NTStatusException":
            return reasons.refused(answer.headers if answer else {}, _status(one))
    if _first(chain, NoContext) and answer is not None:
        return reasons.not_winrm(answer.status, answer.headers, answer.body)
    if "AuthenticationException" in names and answer is not None and answer.status == 401:
        return reasons.refused(answer.headers)
    return None


def _connection(chain: list[BaseException], line: Line, reasons: Reasons) -> RequestError | None:
    errors = [
        one
        for one in chain
        # PermissionError is what requests_ntlm calls a refusal.
        if isinstance(one, OSError) and not isinstance(one, PermissionError)
    ]
    if line.doing in ("looking up the name", "connecting"):
        for one in errors:
            if type(one).__module__ in ("builtins", "socket"):
                return reasons.not_connected(one)
    status_line = _first(chain, http.client.BadStatusLine)
    if status_line and not isinstance(status_line, http.client.RemoteDisconnected):
        return reasons.not_http(wrote=line.wrote and line.bound)
    if errors or any(
        isinstance(one, http.client.HTTPException)
        or type(one).__module__.partition(".")[0] == "urllib3"
        for one in chain
    ):
        return reasons.lost(line.doing, line.wrote)
    return None


def _strange(transport: MendedTransport | None, reasons: Reasons) -> RequestError | None:
    """An answer over which the libraries stumble that authenticate, each in its own way."""
    answer = transport.answered if transport is not None else None
    if answer is None:
        return None
    if answer.status == 401:
        if not answer.challenges:
            return reasons.refused(answer.headers)
        return reasons.strange_challenge()
    if answer.status != 200:
        return reasons.not_winrm(answer.status, answer.headers, answer.body)
    return None


def _status(error: BaseException) -> int:
    status = error.args[0] if error.args else 0
    return status if isinstance(status, int) else 0


def _first(chain: list[BaseException], kind: type[Kind]) -> Kind | None:
    return next((one for one in chain if isinstance(one, kind)), None)


def _chain(error: BaseException) -> list[BaseException]:
    """An exception, what caused it, and what it holds: requests wraps without a cause."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or any(one is other for other in found):
            continue
        found.append(one)
        held = [getattr(one, "reason", None), *one.args]
        waiting += [one.__cause__, one.__context__]
        waiting += [other for other in held if isinstance(other, BaseException)]
    return found

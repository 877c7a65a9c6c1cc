"""Kerberos: whether there is a ticket, and what a library's complaint means.

The tokens are pykerberos' (winkerberos' on Windows), which pywinrm authenticates with. Everything
here may wait for a KDC, so it is called aside of the line (`Line.aside`).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .ticket_cache import expiry_of

if TYPE_CHECKING:
    from .target import WinRM

__all__ = [
    "Complaint",
    "complaint_of",
    "has_ticket",
    "is_installed",
    "may_serve",
    "principal_of",
    "quiet",
    "was_delegated",
]

_LIBRARIES = ("kerberos", "winkerberos")
_LOGGERS = (
    "winrm.vendor.requests_kerberos.kerberos_",
    *(f"spnego._{part}" for part in ("credssp", "gss", "negotiate", "ntlm", "sspi")),
)
_NO_CREDENTIALS = 458752  # GSS_S_NO_CRED

_here = threading.local()


@dataclass(frozen=True)
class Complaint:
    """What went wrong with a ticket.

    Attributes:
        kind: ``no ticket``, ``expired``, ``unknown``, ``skew``, ``no kdc`` or ``other``.
        text: the library's words.
    """

    kind: str
    text: str


# Minor codes of MIT's library; winkerberos has Windows' own words and no such codes.
_KINDS = {
    -1765328352: "expired",  # KRB5KRB_AP_ERR_TKT_EXPIRED
    -1765328377: "unknown",  # KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
    -1765328347: "skew",  # KRB5KRB_AP_ERR_SKEW
    -1765328228: "no kdc",  # KRB5_KDC_UNREACH
    -1765328230: "no kdc",  # KRB5_REALM_CANT_RESOLVE
}


def is_installed() -> bool:
    """Whether one of the libraries is there."""
    return any(importlib.util.find_spec(name) is not None for name in _LIBRARIES)


def principal_of(username: str | None) -> str | None:
    """The user's name as Kerberos spells it; None for the default ticket's.

    Realms are written in capitals; a name such as ``jo@dom.example`` is as people type it.
    """
    if username is None:
        return None
    user, at, realm = username.rpartition("@")
    if at and realm == realm.lower():
        return f"{user}@{realm.upper()}"
    return username


def may_serve(target: WinRM) -> bool:
    """Whether Kerberos can be tried for a target, if there is a ticket."""
    named = target.spn_host is not None or target.address.is_name
    return is_installed() and named and "\\" not in (target.username or "")


def has_ticket(service: str, host: str, principal: str | None) -> bool:
    """Whether there is a ticket for a user; one that has expired is one, too.

    Args:
        service: the service that it is wanted for.
        host: its host.
        principal: the user; None for whoever the default ticket is of.
    """
    library = _library()
    try:
        _token(library, service, host, principal, library.GSS_C_MUTUAL_FLAG)
    except library.GSSError as error:
        return _codes(error)[0] != _NO_CREDENTIALS
    return True


def was_delegated(service: str, host: str, principal: str | None, token: str) -> bool:
    """Whether a token carries a ticket for the machine.

    The library leaves it out without a word where the user's ticket is not forwardable, and does
    not tell; but a token with it is longer by the size of a ticket.

    Args:
        service: the service.
        host: its host.
        principal: the user.
        token: what was made with the wish to delegate, base64.
    """
    library = _library()
    flags = library.GSS_C_MUTUAL_FLAG | library.GSS_C_SEQUENCE_FLAG
    return len(token) - len(_token(library, service, host, principal, flags)) > 200


def complaint_of(error: BaseException) -> Complaint | None:
    """What an exception of the Kerberos libraries means; None where it is none of theirs."""
    if type(error).__name__ != "GSSError":
        return None
    major, minor, text = _codes(error)
    kind = "no ticket" if major == _NO_CREDENTIALS else _KINDS.get(minor, "other")
    if kind == "expired" and (ended := expiry_of()) is not None:
        text += f" at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(ended))}"
    return Complaint(kind, text)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries that authenticate from logging what this thread does.

    pywinrm's Kerberos logs each failure as an error with its traceback; and all of them log tokens
    at DEBUG, with which a password can be guessed at leisure. Other users of the libraries in the
    process go on to see theirs.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _not_ours not in logger.filters:
            logger.addFilter(_not_ours)
    _here.quiet = getattr(_here, "quiet", 0) + 1
    try:
        yield
    finally:
        _here.quiet -= 1


def _not_ours(record: logging.LogRecord) -> bool:
    return not getattr(_here, "quiet", 0)


def _library() -> Any:
    for name in _LIBRARIES:
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
    raise ImportError("no Kerberos library is installed")


def _token(library: Any, service: str, host: str, principal: str | None, flags: int) -> str:
    _, context = library.authGSSClientInit(
        f"{service}@{host}", gssflags=flags, **({"principal": principal} if principal else {})
    )
    library.authGSSClientStep(context, "")
    return str(library.authGSSClientResponse(context))


def _codes(error: BaseException) -> tuple[int, int, str]:
    """Major code, minor code and text of a GSSError."""
    parts: list[tuple[str, int]] = [
        one
        for one in error.args
        if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], int)
    ]
    if len(parts) == 2:
        return parts[0][1], parts[1][1], str(parts[1][0])
    return 0, 0, " ".join(str(one) for one in error.args)

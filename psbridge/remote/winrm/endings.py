"""What a request's failure means for what is to be done next."""

from __future__ import annotations

from .errors import Fault, NoAnswer, NotSent, NotWinRM, RequestError

__all__ = ["is_busy", "is_gone", "is_quota", "is_unreachable"]

# What is said of a shell or a command that has gone, or was closed under the request. While a
# session is cleaned up, it means that this is done.
_GONE = frozenset({995, 1223, 2150858843, 2150859204, 2150859230})
# Limits of shells and users, the plain shell's code and those of the PowerShell endpoint.
_SHELLS = frozenset({2150859173, 2150859236, 2150859237, 2150859238})
# Limits of operations, likewise.
_OPERATIONS = frozenset({2150859174, 2150859239, 2150859240})
# What a connection that came to nothing has for a code, where a later try may succeed: refused,
# unreachable, lost before anything was sent. Not a name that is unknown, nor a certificate.
_CONNECTING = frozenset({2150858770, 2150859046})


def is_gone(error: Exception) -> bool:
    """Whether the shell or the command that was asked for is not there (any more)."""
    return isinstance(error, Fault) and error.code in _GONE


def is_quota(error: Exception) -> bool:
    """Whether the machine refused it for a limit that others may leave free again."""
    return isinstance(error, Fault) and error.code in _SHELLS | _OPERATIONS


def is_unreachable(error: RequestError) -> bool:
    """Whether nothing was taken because the machine, or WinRM on it, is not up (yet)."""
    if isinstance(error, NotWinRM):
        return error.status == 503
    return isinstance(error, NotSent) and error.code in _CONNECTING


def is_busy(error: RequestError) -> bool:
    """Whether a Receive may be sent again: it got no answer, or was not taken."""
    if isinstance(error, NoAnswer) or is_unreachable(error):
        return True
    return isinstance(error, Fault) and error.code in _OPERATIONS

"""What can go wrong with one request to a WinRM endpoint, by what is known of it afterwards.

RequestError                 a request did not get the answer that it asked for
├── NotSent                  nothing has reached the machine: it may be tried again
├── NoAnswer                 it may have been taken: the line was lost, or time was up
├── NotWinRM                 an answer that is not WinRM's: a proxy's page, a redirect, an empty 500
├── LogonRefused             the machine refused the account
└── Fault                    the endpoint's own refusal, with its code
    └── TimedOut             the code for "nothing yet", which means "again" for Receive only
"""

from __future__ import annotations

__all__ = [
    "Fault",
    "LogonRefused",
    "NoAnswer",
    "NotSent",
    "NotWinRM",
    "RequestError",
    "TimedOut",
]


class RequestError(Exception):
    """A request did not get the answer that it asked for.

    The text is the reason that users read: machine and address, what happened, what to try.

    Attributes:
        code: Windows' code of the error, by which PowerShell names it; 0 where there is none.
    """

    code: int

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class NotSent(RequestError):
    """Nothing has reached the machine: no connection, no TLS, a name that is not known."""


class NoAnswer(RequestError):
    """The request may have been taken, and the answer is lost or did not come in time."""


class NotWinRM(RequestError):
    """An answer that is not WinRM's.

    Attributes:
        status: its HTTP status.
    """

    def __init__(self, message: str, code: int, status: int) -> None:
        super().__init__(message, code)
        self.status = status


class LogonRefused(RequestError):
    """The machine refused the account."""


class Fault(RequestError):
    """The endpoint refused the request, and says so with a code.

    Attributes:
        text: its own text, in whatever language; may be empty.
    """

    def __init__(self, message: str, code: int, text: str) -> None:
        super().__init__(message, code)
        self.text = text


class TimedOut(Fault):
    """Code 2150858793: there was nothing to answer within the operation timeout."""

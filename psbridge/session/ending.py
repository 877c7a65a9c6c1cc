"""The end of the program, as far as its sessions are concerned.

It comes in two ways. At exit sessions close while daemon threads still run; and a signal may end
the program in order, which serves the main thread only from then on.
"""

from __future__ import annotations

import threading

from ..errors import SessionClosedError

__all__ = [
    "begin_exit",
    "check_ending",
    "give_up_other_threads",
    "is_exiting",
    "is_given_up",
    "stay_here_at_exit",
]

_exiting = False
_ending = False


def begin_exit() -> None:
    """Note that the program ends: what daemon threads wait for in sessions is given up."""
    global _exiting
    _exiting = True


def is_exiting() -> bool:
    """Whether sessions are being closed because the program ends."""
    return _exiting


def give_up_other_threads() -> None:
    """Note that a signal ends the program: sessions serve its main thread only."""
    global _ending
    _ending = True


def check_ending() -> None:
    """Raise `SessionClosedError` on a thread that sessions serve no more."""
    if _is_ending_elsewhere():
        raise SessionClosedError("a signal ends the program")


def is_given_up() -> bool:
    """Whether what the calling thread waits for in a session is given up."""
    # What a daemon thread does with a result is done while this process closes what it is of;
    # where two threads meet new types of .NET's then, pythonnet may be a deadlock.
    return _is_ending_elsewhere() or (_exiting and threading.current_thread().daemon)


def stay_here_at_exit(*, exiting: bool = False) -> None:
    """Keep a daemon thread whose pipeline or job was stopped by the end of the program.

    It could do nothing with an exception any more but print it in the midst of the exit, and a
    call into .NET would meet a .NET that is being taken down. Python itself stops daemon threads
    where they are; this is only a little earlier.
    """
    if (_exiting or exiting) and threading.current_thread().daemon:
        threading.Event().wait()


def _is_ending_elsewhere() -> bool:
    return _ending and threading.current_thread() is not threading.main_thread()

"""What .NET does at the end of a thread that has called it, and how a forked child leaves it out.

A thread that is attached to .NET is detached when it ends, by a destructor of thread-local
storage. The thread that forks has that from the parent, and `exit` calls it first of all. It takes
locks of .NET's, which a thread of the parent may have held at the fork: the child would wait for
ever, one of a hundred on a busy machine. So in a child those destructors do nothing.

The C library keeps them in a list of its own. Where its head is, one finds by adding a destructor
that does nothing, with an argument that is nowhere else: `__cxa_thread_atexit_impl` of glibc puts a
new one first, and the head is a thread-local variable near to the thread's own description.

Assumption: glibc, from 2.18 on, and a process that may read its own memory in /proc; what is not
found as described stays as it is. musl has no such list and calls no destructors at `exit`.

Rejected:

- `os._exit` at the end of a child: nothing tells an exit handler the exit code.
- To hold .NET's locks at a fork: nothing outside of .NET gets at them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

from .signals import is_in_net

__all__ = ["leave_attached"]

_WORD = ctypes.sizeof(ctypes.c_void_p)
_PAGE = 4096
# How far from the thread's own description the head is looked for, in bytes.
_REACH = 1 << 16


class _Destructor(ctypes.Structure):
    """struct dtor_list."""

    _fields_ = (
        ("function", ctypes.c_size_t),  # scrambled
        ("argument", ctypes.c_size_t),
        ("library", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
    )


class _Library(ctypes.Structure):
    """The first members of struct link_map."""

    _fields_ = (("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_void_p))


def leave_attached() -> None:
    """Let the calling thread end without a word to .NET; in a forked child."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "__cxa_thread_atexit_impl"):
        return
    nothing = ctypes.cast(libc.getpid, ctypes.c_void_p)
    mark = int.from_bytes(os.urandom(_WORD), "little")
    # Known as long as the process lives: it counts how many destructors a library has to come.
    libc.__cxa_thread_atexit_impl(nothing, ctypes.c_void_p(mark), nothing)
    ours = _find(_thread_pointer(libc), mark)
    if ours is None:
        return
    place = ours.next
    while place:
        theirs = _Destructor.from_address(place)
        library = _Library.from_address(theirs.library)
        if is_in_net(libc, library.dynamic):
            theirs.function = ours.function
        place = theirs.next


def _thread_pointer(libc: ctypes.CDLL) -> int:
    libc.pthread_self.restype = ctypes.c_size_t
    return int(libc.pthread_self())


def _find(near: int, mark: int) -> _Destructor | None:
    """The destructor with that argument that a variable near to an address leads to."""
    # Not by addresses, which may lead to nowhere.
    try:
        memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is no /proc, or it is not this user's: who forks has changed the user
        return None
    try:
        for address in _pages(near):
            page = _read(memory, address, _PAGE)
            for place in memoryview(page).cast("L"):
                if place % _WORD or place < _PAGE:
                    continue
                found = _read(memory, place, ctypes.sizeof(_Destructor))
                if found and _Destructor.from_buffer_copy(found).argument == mark:
                    return _Destructor.from_address(place)
    finally:
        os.close(memory)
    return None


def _pages(near: int) -> Iterator[int]:
    """The addresses of the pages near to one, the nearest first."""
    middle = near - near % _PAGE
    yield middle
    for distance in range(_PAGE, _REACH, _PAGE):
        yield middle - distance
        yield middle + distance


def _read(memory: int, address: int, size: int) -> bytes:
    try:
        read = os.pread(memory, size, address)
    except (OSError, OverflowError):  # nothing is there
        return b""
    return read if len(read) == size else b""

"""One environment: `os.environ` and PowerShell's ``$env:`` have the same variables.

On Unix there are two stores. Python writes through to the C library's, which is what its children
and C libraries get. .NET copies that one when it starts, and from then on has its own, which is
what PowerShell's children get. Neither side tells the other, so:

* What Python sets or removes in `os.environ` is set in .NET before the statement ends.
* What .NET has changed is taken over before Python reads `os.environ`, before Python starts a
  child, and where a pipeline, a cmdlet or a job hands over to Python (for C libraries, which read
  their own store). To check one variable costs about 1 µs, to check all 10.

Guarantee: the last to write wins, whichever side and thread it is. Taking over can be broken off
anywhere, as by Ctrl-C: only when it is through do both sides agree.

Assumption: the C library's store is written by Python alone, with the GIL held, as ever. No thread
of .NET's writes to it, for nothing would protect those who read it.

On Windows both sides have one store, and only the copy in `os.environ` has to be kept up.

What cannot be the same: bytes that are no UTF-8 are U+FFFD on .NET's side, as when .NET starts, and
stay as they are in Python's; `os.putenv` is Python's alone, as it is not in `os.environ` either.

Rejected: an audit hook, which hears of all children but makes `id()` 12 times and `copy.deepcopy`
twice as slow, and cannot be taken out; taking over only when a pipeline ends, which leaves out
what runs meanwhile; a thread that looks now and then, which is late.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["set_for_net_only", "take_changes", "unite"]

# Held by whoever writes to Python's side or takes changes over. Nobody who holds it waits for
# anything but the GIL.
_lock = threading.RLock()
# Whether .NET has changed a variable, or any (None); None while the environments are apart.
_has_changes: Callable[[bytes | None], int] | None = None
_taking = False
_net_only: set[str] = set()
_united: list[Any] = []  # os.environ and os.environb


def set_for_net_only(name: str, value: str) -> None:
    """Set a variable for .NET and the children of PowerShell, before the environments are one."""
    from System import Environment

    Environment.SetEnvironmentVariable(name, value)
    _net_only.add(name)


def unite(*, net_leads: bool) -> None:
    """Make `os.environ` and .NET's variables one, once the C# half is loaded.

    Args:
        net_leads: whether .NET's variables count where they differ now: where PowerShell runs
            Python inside it. Else Python's do.
    """
    global _has_changes
    import ctypes

    from PSBridge import ProcessEnvironment

    with _lock:
        if _has_changes is not None or type(os.environ) is not os._Environ:
            return  # the second: it is somebody else's object, and what it does is unknown
        _united[:] = [os.environ] if sys.platform == "win32" else [os.environ, os.environb]
        for environment in _united:
            environment.__class__ = _UnitedEnvironment
        variables = {_text(name): _text(value) for name, value in _data().copy().items() if name}
        ProcessEnvironment.Agree("".join(f"{name}={variables[name]}\0" for name in variables))
        if net_leads:
            _take()
        else:
            differing = [name for name, _ in _changes(ProcessEnvironment.Changes())]
            ProcessEnvironment.Accept()
            for name in differing:
                if name not in _net_only:
                    ProcessEnvironment.Set(name, variables.get(name))
        # Keeps the GIL, for which one who reads would have to wait again otherwise.
        prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_char_p)
        _has_changes = prototype(ProcessEnvironment.CheckAddress)
    _take_before_children()
    atexit.register(_part, take=True)


def take_changes() -> None:
    """Take over what .NET has changed, so that C libraries and children get it too."""
    _take_if_changed(None)


def _take_if_changed(name: bytes | None) -> None:
    has_changes = _has_changes
    if has_changes is not None and has_changes(name):
        _take()


def _take() -> None:
    global _taking
    from PSBridge import ProcessEnvironment

    with _lock:
        if _taking:
            return  # a signal handler, or a finalizer, in the midst of it
        _taking = True
        try:
            for name, value in _changes(ProcessEnvironment.Changes()):
                _write(name, value)
            ProcessEnvironment.Accept()
        finally:
            _taking = False


def _changes(text: str) -> Iterator[tuple[str, str | None]]:
    for change in text.split("\0")[:-1]:
        # From the second character: Windows has names of its own that begin with one.
        end = change.find("=", 1)
        yield (change, None) if end < 0 else (change[:end], change[end + 1 :])


def _write(name: str, value: str | None) -> None:
    """Write to Python's side alone."""
    environment = _united[-1]
    key: Any = name if sys.platform == "win32" else name.encode()
    if value is None:
        with contextlib.suppress(KeyError):
            os._Environ.__delitem__(environment, key)
    else:
        os._Environ.__setitem__(
            environment, key, value if sys.platform == "win32" else value.encode()
        )


def _give(name: Any, value: Any) -> None:
    """Let .NET have what Python has."""
    from PSBridge import ProcessEnvironment

    ProcessEnvironment.Set(_text(name), None if value is None else _text(value))


def _data() -> dict[Any, Any]:
    data: dict[Any, Any] = _united[0]._data
    return data


def _text(encoded: str | bytes) -> str:
    if isinstance(encoded, bytes):
        return encoded.decode("utf-8", "replace")
    return encoded.encode("utf-8", "replace").decode()


class _UnitedEnvironment(os._Environ[Any]):
    """What `os.environ` and `os.environb` are as long as the environments are one.

    Their class is changed, not the objects: many modules have a reference to them.
    """

    def __getitem__(self, key: Any) -> Any:
        encoded = self.encodekey(key)
        _take_if_changed(encoded if isinstance(encoded, bytes) else _text(encoded).encode())
        # Not by super(), which encodes the name again: whole environments are read one by one.
        try:
            value = self._data[encoded]  # type: ignore[attr-defined]
        except KeyError:
            raise KeyError(key) from None
        return self.decodevalue(value)

    def __iter__(self) -> Iterator[Any]:
        take_changes()
        return super().__iter__()

    def __len__(self) -> int:
        take_changes()
        return super().__len__()

    def __repr__(self) -> str:
        take_changes()
        return super().__repr__()

    def __setitem__(self, key: Any, value: Any) -> None:
        with self._writing(key):
            super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        with self._writing(key):
            super().__delitem__(key)

    @contextlib.contextmanager
    def _writing(self, key: Any) -> Iterator[None]:
        encoded = self.encodekey(key)
        with _lock:
            take_changes()
            before = _data().get(encoded)
            try:
                yield
            finally:
                # Also after a Ctrl-C in between, and not where Python has refused.
                value = _data().get(encoded)
                if value != before and _has_changes is not None:
                    _give(encoded, value)


def _take_before_children() -> None:
    """Let what starts a child without naming an environment take changes over first.

    The rest reads `os.environ`. On Windows all of them have the one store.
    """
    if sys.platform == "win32":
        return
    import _posixsubprocess
    import posix

    # multiprocessing uses the first, and so does subprocess, by the name it has imported.
    _wrap("fork_exec", _posixsubprocess)
    if "subprocess" in sys.modules:
        sys.modules["subprocess"]._fork_exec = _posixsubprocess.fork_exec  # type: ignore[attr-defined]
    for name in ("system", "execv", "posix_spawn", "posix_spawnp"):
        _wrap(name, posix, os)
    os.register_at_fork(before=take_changes, after_in_child=_part)


def _wrap(name: str, *modules: Any) -> None:
    """Let a function take changes over first, in its own module too, where pickle looks for it."""
    function = getattr(modules[0], name, None)
    if function is None:
        return

    @functools.wraps(function)
    def taking_changes(*arguments: Any, **named: Any) -> Any:
        take_changes()
        return function(*arguments, **named)

    for module in modules:
        setattr(module, name, taking_changes)


def _part(*, take: bool = False) -> None:
    """Let Python go on alone: at exit, and in a forked child, where there is no .NET.

    In a fork nobody would release a lock that another thread has held.
    """
    global _has_changes, _lock
    if take:
        take_changes()
    else:
        _lock = threading.RLock()
    _has_changes = None
    for environment in _united:
        environment.__class__ = os._Environ

"""Types of .NET's that several threads meet for the first time, or declare, at once."""

from __future__ import annotations

import pytest

from tests.conftest import RunPython

# CPython collects garbage in the midst of making a class, and lets another thread run meanwhile.
# From 3.12 on it does not do so there; what it does, such as callbacks of weak references, is rare.
AT_ONCE = """
import gc, threading, time
from psbridge import Session

Session().close()
import System

NAMES = [name for name in dir(System) if not name.startswith("_")]
THREADS = 4
met = []
begin = threading.Barrier(THREADS)

def meet():
    begin.wait()
    for name in NAMES:
        met.append(getattr(System, name))

def declare(number):
    begin.wait()
    for i in range(10):
        class Declared(System.Object):
            __namespace__ = f"Of{number}.At{i}"
            def ToString(self):
                return f"{number}.{i}"
        met.append(Declared().ToString())

def at_once(*calls):
    threads = [threading.Thread(target=call, args=args) for call, *args in calls]
    gc.callbacks.append(lambda phase, info: time.sleep(0))
    gc.set_threshold(5)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.callbacks.clear()
    gc.set_threshold(700)
    return len(met)

"""


@pytest.mark.parametrize(
    ("calls", "met"),
    [
        ("*[(meet,)] * THREADS", "THREADS * len(NAMES)"),
        ("*[(declare, number) for number in range(THREADS)]", "10 * THREADS"),
        ("(meet,), (declare, 1), (declare, 2), (meet,)", "2 * len(NAMES) + 20"),
    ],
    ids=["meet", "declare", "both"],
)
def test_any_number_of_threads_do_so(calls: str, met: str, run_python: RunPython) -> None:
    done = run_python(f"{AT_ONCE}print(at_once({calls}) == {met})")
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


# What such a thread has meanwhile, and never for long: pythonnet's own lock.
HELD = """
import threading
from psbridge import Session

shell = Session()
import System
from System.Reflection import BindingFlags
from System.Threading import Monitor

def lock_of(name, field):
    kind = System.Type.GetType(f"Python.Runtime.{name}, Python.Runtime")
    return kind.GetField(field, BindingFlags.NonPublic | BindingFlags.Static).GetValue(None)

class Base(System.Object):
    __namespace__ = "Declared.Before"

def declare():
    class Declared(System.Object):
        __namespace__ = "Declared.Now"

def hold(held, waits):
    Monitor.Enter(held)
    try:
        holds.set()
        waits.wait()
    finally:
        Monitor.Exit(held)

def meet_while_held(held, meet):
    global holds
    holds, waits = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(held, waits))
    holder.start()
    holds.wait()
    # Set by a thread that needs the GIL, some time after this one has begun to wait.
    threading.Timer(0.3, waits.set).start()
    met = meet()
    holder.join()
    return met
"""


@pytest.mark.parametrize(
    ("lock", "met"),
    [
        ("ClassManager._cacheCreateLock", "lambda: System.Progress"),
        ("ClassManager._cacheCreateLock", "lambda: System.Collections.Generic.Queue[int]()"),
        # pythonnet's own types, of which it makes one where a program first iterates.
        ("TypeManager._cacheCreateLock", "lambda: iter(System.Array[int]([1]))"),
        ("ClassManager._cacheCreateLock", "declare"),
    ],
)
def test_none_waits_for_another_with_the_gil(lock: str, met: str, run_python: RunPython) -> None:
    name, field = lock.split(".")
    code = f"meet_while_held(lock_of({name!r}, {field!r}), {met}); print('met')"
    done = run_python(HELD + code)
    assert (done.stdout, done.returncode) == ("met\n", 0), done.stderr


def test_a_type_that_is_known_does_not_wait_at_all(run_python: RunPython) -> None:
    code = """
held = lock_of("ClassManager", "_cacheCreateLock")
System.Guid.NewGuid()
finished = threading.Event()

def use():
    System.Guid.NewGuid().ToByteArray()
    finished.set()

def meet():
    user = threading.Thread(target=use)
    user.start()
    return finished.wait(0.2)

System.Guid.NewGuid().ToByteArray()
print(meet_while_held(held, meet))
"""
    done = run_python(HELD + code)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr

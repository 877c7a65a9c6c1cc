"""Forked children of a program in which .NET runs, and that program.

A few rounds of ``python -m benchmarks.forks``, which does fifty of each way; and what a child finds
of .NET and of psbridge.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from benchmarks.forks import WAYS, run
from psbridge import ForkedProcessError
from tests.conftest import RunPython

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")

# What CPython says since 3.12 of a fork where there are threads.
IGNORING = "import warnings; warnings.filterwarnings('ignore', 'This process')\n"


@pytest.mark.parametrize("name", WAYS)
def test_parent_and_children_end_as_they_should(name: str) -> None:
    assert run(name, 2) == ""


def in_child(code: str) -> str:
    """A program that runs code in a forked child and ends with what that ends with."""
    return IGNORING + PROGRAM + textwrap.indent(textwrap.dedent(code), "    ") + LAST


PROGRAM = """
import os, sys, threading
from psbridge import *
shell = Session()
repository, variables, engine = shell.jobs, shell.variables, shell.engine
commands, command = shell.commands, shell.commands.Get_Date
functions = shell.functions
functions["Get-It"] = len
job = shell.start(sum, [1, 2])
job.result(timeout=60)
(item, often) = shell.run("Get-Item /; Get-Item /tmp")
for _ in range(1_100):  # from the thousandth on they are read in another way
    assert often.Name == "tmp"
import clr, System
from System.Management.Automation import Job as NetJob, PSObject
error = None
try:
    shell.run("throw 'x'")
except PowerShellError as raised:
    error = raised
class Derived(NetJob):
    __namespace__ = "tests"
    def StopJob(self): pass
    def get_StatusMessage(self): return ""
    def get_HasMoreData(self): return False
    def get_Location(self): return ""
derived = Derived()
array = System.Array[System.Byte]([1, 2])
table = System.Collections.Generic.Dictionary[System.String, System.Object]()
def refuses(use):
    try:
        found = use()
    except ForkedProcessError:
        return True
    print(f"{found!r}, and no ForkedProcessError", flush=True)
pid = os.fork()
if pid == 0:
"""

LAST = """
    sys.exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert shell.run("1") == [1]
shell.close()
import signal
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
sys.exit(code)
"""


def check(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), done.stdout + done.stderr


def test_every_public_entry_refuses(run_python: RunPython) -> None:
    """All that Session, JobHandle, JobRepository and the variables have, found by reflection."""
    code = """
        import asyncio, inspect
        given = {
            "run": ["1"], "run_file": ["x.ps1"], "call": ["x"], "stream": ["1"], "text": ["1"],
            "arun": ["1"], "acall": ["x"], "astream": ["1"],
            "show": ["1"], "show_file": [__import__("pathlib").Path(os.__file__)],
            "resolve_path": ["x"], "complete": ["x"], "answering": [["x"]],
            "start": [len, "x"], "start_job": ["1"], "start_jobs": [["1"]],
            "add_done_callback": [len], "start_thread_job": ["1"], "start_parallel": ["1", [1]],
            "import_module": [os], "import_cmdlets": [JobCmdlet], "start_remote": ["1", SSH("x")],
            "connect": [SSH("x")], "define": ["x", Job], "undefine": ["x"], "add": [derived],
            "get": ["x"], "pop": ["x"], "setdefault": ["x"], "update": [{"x": 1}],
        }
        async def awaited(job):
            return await job
        # What is Python's alone; to close is nothing here.
        harmless = {"close", "closed", "commands", "functions", "variables", "jobs", "engine",
                    "exit_code", "net"}
        for thing in (shell, repository, variables, job, item):
            if thing is repository:
                given["start"] = [Job()]
            names = [n for n in dir(type(thing)) if n[0] != "_" and n not in harmless]
            assert names
            for name in names:
                static = inspect.getattr_static(thing, name)
                if isinstance(static, property):
                    refuses(lambda: getattr(thing, name))
                elif name == "keys" or name == "values" or name == "items":
                    refuses(lambda: list(getattr(thing, name)()))
                elif inspect.iscoroutinefunction(static):
                    refuses(lambda: asyncio.run(getattr(thing, name)(*given[name])))
                else:
                    refuses(lambda: getattr(thing, name)(*given.get(name, [])))
        for use in (Session, lambda: wait([job]), lambda: list(as_completed([job])),
                    lambda: list(job), lambda: asyncio.run(awaited(job)),
                    lambda: len(repository), lambda: repository["x"], lambda: job == job,
                    lambda: list(repository), lambda: variables["x"], lambda: list(commands),
                    lambda: functions["Get-It"], lambda: list(functions), lambda: len(functions),
                    lambda: functions.update({"Get-It": len}), lambda: functions.clear(),
                    lambda: watch(job), lambda: timeline(repository),
                    lambda: commands.Get_Date, lambda: commands["x"], lambda: dir(commands),
                    lambda: command(), lambda: command.__doc__, lambda: inspect.signature(command),
                    lambda: shell.__enter__(),
                    lambda: item.Name, lambda: item["Name"], lambda: often.name, lambda: item.net,
                    lambda: item.Refresh(),
                    lambda: setattr(item, "Name", "x"), lambda: str(item), lambda: hash(item),
                    lambda: item == item, lambda: dir(item), lambda: PowerShellObject("a")):
            refuses(use)
        shell.close()
        assert shell.closed
        assert job._repr_html_() and repository._repr_html_()
        repr((shell, job, item, variables, repository, commands, command, functions,
              error.exception, derived, System))
    """
    check(run_python(in_child(code)))


def test_every_value_of_net_refuses(run_python: RunPython) -> None:
    code = """
        exception = error.exception
        for use in (
            lambda: exception.Message, lambda: str(exception), lambda: hash(derived),
            lambda: derived.Name, lambda: derived.StopJob and derived.Dispose(),
            lambda: System.Object(), lambda: System.Object, lambda: NetJob.Equals(derived, derived),
            lambda: array[0], lambda: list(array), lambda: len(array), lambda: PSObject(),
            lambda: setattr(derived, "Name", "x"),
            lambda: type("X", (NetJob,), {}), lambda: clr.AddReference("System.Xml"),
            lambda: __import__("System"), lambda: __import__("PSBridge"),
            lambda: __import__("System.IO"), lambda: __import__("Microsoft"),
        ):
            refuses(use)
        try:
            memoryview(array)
        except TypeError:
            pass
        assert not isinstance(derived, str)
        assert (isinstance(1, NetJob), isinstance(derived, NetJob)) == (False, True)
        # Abstract classes ask those that derive from them, among which are .NET's collections.
        from collections.abc import Mapping, Sequence
        assert [isinstance((), kind) for kind in (Mapping, Sequence)] == [False, True]
        os.environ.update(FORKED="1", TERM="dumb")
        import xmlrpc.client  # another module comes as ever
    """
    check(run_python(in_child(code)))


# The functions of a type: offsets in CPython's PyTypeObject (not of a free-threaded one), and those
# of the tables of functions that it points to, with their lengths.
FUNCTIONS = """
import ctypes
from psbridge.engine.sealing import net_types
from psbridge.engine.signals import net_signals
SINGLE = (48, 64, 72, 88, 120, 128, 136, 144, 152, 184, 192, 200, 216, 224, 272, 280, 296, 304, 312,
    320, 328, 376, 392, 400)
TABLES = {80: 4, 96: 36, 104: 10, 112: 3, 160: 2}
word, libc = ctypes.c_void_p.from_address, ctypes.CDLL(None)
def functions(kind):
    for offset in SINGLE:
        yield f"{type.__repr__(kind)} {offset}", word(id(kind) + offset).value
    for offset, count in TABLES.items():
        table = word(id(kind) + offset).value
        for index in range(count if table else 0):
            yield f"{type.__repr__(kind)} {offset} {index}", word(table + 8 * index).value
def of_net():
    # Those that are in no library, as what .NET compiles is.
    where = (ctypes.c_void_p * 4)()
    return [
        name for kind in net_types() for name, address in functions(kind)
        if address and not libc.dladdr(ctypes.c_void_p(address), where)
    ]
assert len(of_net()) > 100
assert net_signals()
pid = os.fork()
"""


def test_nothing_of_python_leads_to_net(run_python: RunPython) -> None:
    code = """
        found = of_net()
        assert found == [], found
        assert net_signals() == []
    """
    check(run_python(in_child(code).replace("pid = os.fork()", FUNCTIONS)))


def test_a_fork_before_the_first_session_may_use_psbridge(run_python: RunPython) -> None:
    code = """
import os, sys
from psbridge import Session
pid = os.fork()
with Session() as shell:
    assert shell.run("1") == [1]
if pid == 0:
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
"""
    check(run_python(code))


def test_a_handler_of_the_users_own_stays_in_a_child(run_python: RunPython) -> None:
    """One that `signal` knows, set before .NET or after, and one that only faulthandler does."""
    code = """
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGWINCH):
            signal.raise_signal(number)
        assert seen == [signal.SIGCHLD, signal.SIGTERM], seen
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGSEGV)
    """
    before = (
        "import signal\nseen = []\n"
        "signal.signal(signal.SIGCHLD, lambda number, frame: seen.append(number))\n"
    )
    program = before + in_child(code).replace(
        "pid = os.fork()",
        "signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))\npid = os.fork()",
    )
    done = run_python(program)
    assert "Fatal Python error: Segmentation fault" in done.stderr
    assert "signal.SIGSEGV" not in done.stdout


def test_the_error_says_what_works_and_can_be_pickled() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(ForkedProcessError()))
    for word in ("spawn", "forkserver", "before the first Session"):
        assert word in str(error)


def not_root() -> bool:
    return os.getuid() != 0


@pytest.mark.skipif(sys.platform != "linux" or not_root(), reason="changes the user")
def test_a_child_of_a_process_that_has_changed_its_user(run_python: RunPython) -> None:
    """It may not read its own memory in /proc."""
    code = in_child("""
        refuses(lambda: shell.run("1"))
    """).replace("pid = os.fork()", "os.setgid(65534); os.setuid(65534)\npid = os.fork()")
    done = run_python(code)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what the system says of signals")
def test_no_signal_is_blocked_after_a_fork(run_python: RunPython) -> None:
    code = """
        import signal
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    """
    check(run_python(in_child(code)))

"""One environment: what Python or PowerShell sets, both have, and their children."""

from __future__ import annotations

import copy
import ctypes
import multiprocessing
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from conditions import until

from psbridge import Job, JobGroup, Session

if TYPE_CHECKING:
    from ..conftest import RunPython

NAME = "PSBRIDGE_TEST_VARIABLE"
SHOW = f"import os; print(os.environ.get('{NAME}'), end='')"


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    for name in [name for name in os.environ if name.startswith(NAME)]:
        del os.environ[name]


def in_powershell(shell: Session, name: str = NAME) -> Any:
    (value,) = shell.run("param($name) ,[Environment]::GetEnvironmentVariable($name)", name=name)
    return value


def in_c_library(name: str = NAME) -> bytes | None:
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    value: bytes | None = getenv(name.encode())
    return value


def run_here(name: str, call: Callable[[], Any]) -> Any:
    """Run a call in this or another thread."""
    if name == "this thread":
        return call()
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: results.put(call()))
    thread.start()
    thread.join()
    return results.get(timeout=10)


# From Python to PowerShell


@pytest.mark.parametrize("where", ["this thread", "another thread"])
def test_powershell_has_what_python_sets_and_removes(shell: Session, where: str) -> None:
    run_here(where, lambda: os.environ.__setitem__(NAME, "one"))
    assert shell.run(f"$env:{NAME}") == ["one"]
    run_here(where, lambda: os.environ.__setitem__(NAME, "two"))
    assert shell.run(f"$env:{NAME}") == ["two"]
    run_here(where, lambda: os.environ.__delitem__(NAME))
    assert shell.run(f"Test-Path env:{NAME}") == [False]


WRITES: dict[str, tuple[Callable[[], object], str | None]] = {
    "update": (lambda: os.environ.update({NAME: "new"}), "new"),
    "|=": (lambda: os.environ.__ior__({NAME: "new"}), "new"),
    "setdefault": (lambda: os.environ.setdefault(NAME, "new"), "old"),
    "pop": (lambda: os.environ.pop(NAME), None),
    "environb": (lambda: os.environb.__setitem__(NAME.encode(), b"new"), "new"),
    "del environb": (lambda: os.environb.__delitem__(NAME.encode()), None),
    "a value with = and a line": (lambda: os.environ.__setitem__(NAME, "a=b\nc"), "a=b\nc"),
    "beyond the first plane": (lambda: os.environ.__setitem__(NAME, "é\U0001f40d"), "é\U0001f40d"),
}


@pytest.mark.parametrize("how", WRITES)
def test_each_way_to_write_reaches_powershell(shell: Session, how: str) -> None:
    os.environ[NAME] = "old"
    write, expected = WRITES[how]
    write()
    assert in_powershell(shell) == expected
    assert os.environ.get(NAME) == expected


def test_clear_and_a_patched_dict_come_and_go_as_a_whole(shell: Session) -> None:
    before = dict(os.environ)
    with mock.patch.dict(os.environ, {NAME: "inside"}, clear=True):
        assert dict(os.environ) == {NAME: "inside"}
        assert shell.run("[Environment]::GetEnvironmentVariables().Keys") == [NAME]
    assert dict(os.environ) == before
    assert in_powershell(shell, "PATH") == before["PATH"]
    assert in_powershell(shell) is None


def test_monkeypatch_sets_and_undoes(shell: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "patched")
    assert in_powershell(shell) == "patched"
    monkeypatch.undo()
    assert in_powershell(shell) is None


def test_an_empty_value_is_empty_on_both_sides(shell: Session) -> None:
    os.environ[NAME] = ""
    assert in_powershell(shell) == ""
    assert os.environ[NAME] == ""
    shell.run(f"[Environment]::SetEnvironmentVariable('{NAME}2', '')")
    assert os.environ[f"{NAME}2"] == ""


def test_case_counts_as_the_system_has_it(shell: Session) -> None:
    os.environ[NAME] = "upper"
    shell.run(f"[Environment]::SetEnvironmentVariable('{NAME}_a', 'small')")
    shell.run(f"[Environment]::SetEnvironmentVariable('{NAME}_A', 'large')")
    expected = ["large"] if sys.platform == "win32" else ["large", "small"]
    assert sorted({os.environ[f"{NAME}_a"], os.environ[f"{NAME}_A"]}) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="text is Unicode there")
def test_bytes_that_are_no_text_stay_pythons_own(shell: Session) -> None:
    os.environb[NAME.encode()] = b"a\xffb"
    assert in_powershell(shell) == "a\ufffdb"
    assert os.environb[NAME.encode()] == b"a\xffb"
    assert os.environ[NAME] == "a\udcffb"
    assert subprocess.check_output(["/bin/sh", "-c", f"printf %s ${NAME}"]) == b"a\xffb"
    odd = NAME.encode() + b"\xff"
    os.environb[odd] = b"1"
    assert in_powershell(shell, NAME + "\ufffd") == "1"
    assert os.environb[odd] == b"1"
    del os.environb[odd]
    assert in_powershell(shell, NAME + "\ufffd") is None


def test_what_python_refuses_changes_nothing(shell: Session) -> None:
    os.environ[NAME] = "kept"
    for name, value in [(f"{NAME}=x", "1"), ("", "1"), (f"{NAME}\0", "1"), (NAME, "a\0b")]:
        with pytest.raises((ValueError, OSError)):
            os.environ[name] = value
    for wrong in (1, None, b"x"):
        with pytest.raises(TypeError):
            os.environ[NAME] = wrong  # type: ignore[assignment]
    with pytest.raises(KeyError):
        del os.environ[f"{NAME}_none"]
    assert in_powershell(shell) == os.environ[NAME] == "kept"
    assert in_powershell(shell, f"{NAME}_none") is None


def test_putenv_is_pythons_alone(shell: Session) -> None:
    os.putenv(NAME, "libc's")
    try:
        assert NAME not in os.environ
        assert in_powershell(shell) is None
    finally:
        os.unsetenv(NAME)


# From PowerShell to Python


SETS = {
    "$env:": f"$env:{NAME} = 'new'",
    "Set-Item": f"Set-Item env:{NAME} new",
    "New-Item": f"$null = New-Item env:{NAME}2 -Value x; $env:{NAME} = 'new'",
    ".NET": f"[Environment]::SetEnvironmentVariable('{NAME}', 'new')",
    "another runspace": (
        f"$null = [powershell]::Create().AddScript('[Environment]::SetEnvironmentVariable(' +\n"
        f"'''{NAME}'', ''new'')').Invoke()"
    ),
    "a thread job": f"$null = Start-ThreadJob {{ $env:{NAME} = 'new' }} | Wait-Job | Receive-Job",
}


@pytest.mark.parametrize("how", SETS)
def test_python_has_what_powershell_sets(shell: Session, how: str) -> None:
    os.environ[NAME] = "old"
    shell.run(SETS[how])
    if sys.platform != "win32":
        assert in_c_library() == b"new"  # at once, for C libraries that read it themselves
        assert os.environb[NAME.encode()] == b"new"
    assert os.environ[NAME] == os.getenv(NAME) == os.path.expandvars(f"${NAME}") == "new"


def test_python_loses_what_powershell_removes(shell: Session) -> None:
    os.environ[NAME] = "old"
    shell.run(f"Remove-Item env:{NAME}")
    assert NAME not in os.environ
    assert in_c_library() is None
    shell.run(f"$env:{NAME} = 'again'; $env:{NAME} = $null")
    assert NAME not in dict(os.environ)


def test_every_way_to_read_is_up_to_date(shell: Session) -> None:
    from System import Environment

    ways: list[Callable[[], str | None]] = [
        lambda: os.environ[NAME],
        lambda: os.environ.get(NAME),
        lambda: dict(os.environ)[NAME],
        lambda: os.environ.copy()[NAME],
        lambda: (os.environ | {})[NAME],
        lambda: dict(os.environ.items())[NAME],
        lambda: repr(os.environ).partition(f"'{NAME}': '")[2].partition("'")[0],
        lambda: os.environ.pop(NAME),
    ]
    for number, read in enumerate(ways):
        Environment.SetEnvironmentVariable(NAME, f"value {number}")  # no pipeline ends here
        assert read() == f"value {number}"
    assert in_powershell(shell) is None
    count = len(os.environ)
    Environment.SetEnvironmentVariable(NAME, "x")
    assert len(os.environ) == count + 1
    Environment.SetEnvironmentVariable(NAME, None)
    with pytest.raises(KeyError):
        del os.environ[NAME]


def test_half_of_a_surrogate_pair_is_replaced(shell: Session) -> None:
    shell.run(f"$env:{NAME} = 'a' + [string][char] 0xd800")
    assert os.environ[NAME] == "a\ufffd"


def test_both_see_each_other_in_the_midst_of_a_pipeline(shell: Session) -> None:
    """A pipeline runs in one thread; Python looks, and answers, in another."""
    code = f"""
    $env:{NAME} = 'from PowerShell'
    while ($env:{NAME} -ne 'from Python') {{ [Threading.Thread]::Sleep(1) }}
    $env:{NAME}_DONE = 'yes'
    """
    thread = threading.Thread(target=shell.run, args=(code,))
    thread.start()
    until(lambda: os.environ.get(NAME) == "from PowerShell")
    os.environ[NAME] = "from Python"
    until(lambda: f"{NAME}_DONE" in os.environ)
    thread.join(30)
    assert not thread.is_alive()


def test_a_child_started_in_the_midst_of_a_pipeline_inherits(shell: Session) -> None:
    code = f"""
    $env:{NAME} = 'midst'; $ready.Set()
    $null = $done.WaitOne(30000)
    """
    from System.Threading import ManualResetEvent

    ready, done = ManualResetEvent(False), ManualResetEvent(False)
    thread = threading.Thread(
        target=shell.run,
        args=("param($ready, $done)" + code,),
        kwargs={"ready": ready, "done": done},
    )
    thread.start()
    try:
        assert ready.WaitOne(30_000)
        assert subprocess.check_output([sys.executable, "-c", SHOW], text=True) == "midst"
    finally:
        done.Set()
        thread.join(30)


class ShowVariable(Job):
    def run(self) -> Any:
        seen = os.environ.get(NAME)
        os.environ[f"{NAME}_JOB"] = "set in a job"
        return seen


def test_a_job_on_a_thread_of_net_sees_and_sets(shell: Session) -> None:
    shell.run(f"$env:{NAME} = 'for the job'")
    assert shell.start(ShowVariable()).result(timeout=30) == ["for the job"]
    assert shell.run(f"$env:{NAME}_JOB") == ["set in a job"]


def test_writers_on_both_sides_end_with_one_value(shell: Session) -> None:
    """Whoever was last, both have the same in the end."""
    code = f'foreach ($n in 1..300) {{ $env:{NAME} = "net $n"; $env:{NAME}_NET = "$n" }}'
    thread = threading.Thread(target=shell.run, args=(code,))
    thread.start()
    number = 0
    while thread.is_alive():
        number += 1
        os.environ[NAME] = f"python {number}"
        os.environ[f"{NAME}_PYTHON"] = str(number)
    thread.join()
    assert in_powershell(shell) == os.environ[NAME]
    assert in_powershell(shell, f"{NAME}_PYTHON") == str(number)
    assert os.environ[f"{NAME}_NET"] == "300"


# Children


def exit_codes() -> dict[str, Callable[[list[str]], Any]]:
    def spawn(arguments: list[str]) -> int:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=check_variable)
        process.start()
        process.join()
        return process.exitcode or 0

    def popen(arguments: list[str]) -> bool:
        with os.popen(f"printf %s ${NAME}") as said:
            return said.read() != "new"

    ways: dict[str, Callable[[list[str]], Any]] = {
        "subprocess": lambda arguments: subprocess.run(arguments, check=False).returncode,
        "subprocess with a copy": lambda arguments: (
            subprocess.run(arguments, env=os.environ.copy(), check=False).returncode
        ),
        "os.system": lambda arguments: os.system(f'test "${NAME}" = new'),
        "os.popen": popen,
        "os.spawnv": lambda arguments: os.spawnv(os.P_WAIT, arguments[0], arguments),
        "multiprocessing": spawn,
    }
    if sys.platform != "win32":
        ways["os.posix_spawn"] = lambda arguments: os.waitpid(
            os.posix_spawn(arguments[0], arguments, os.environ), 0
        )[1]
    return ways


def check_variable() -> None:
    sys.exit(os.environ.get(NAME) != "new")


@pytest.mark.parametrize("how", exit_codes())
def test_a_child_of_python_inherits_what_net_has_set(shell: Session, how: str) -> None:
    from System import Environment

    Environment.SetEnvironmentVariable(NAME, "new")  # no pipeline ends here
    check = f"import os, sys; sys.exit(os.environ.get('{NAME}') != 'new')"
    assert exit_codes()[how]([sys.executable, "-c", check]) == 0


CHILDREN = {
    "a native program": "& $python -c $code",
    "Process.Start": (
        "$start = [Diagnostics.ProcessStartInfo]::new($python); $start.ArgumentList.Add('-c')\n"
        "$start.ArgumentList.Add($code); $start.RedirectStandardOutput = $true\n"
        "$process = [Diagnostics.Process]::Start($start); $process.StandardOutput.ReadToEnd()"
    ),
    "Start-Process": (
        "$out = [IO.Path]::GetTempFileName()\n"
        "Start-Process $python -ArgumentList '-c', ('\"' + $code + '\"') -Wait "
        "-RedirectStandardOutput $out\n"
        "Get-Content $out; Remove-Item $out"
    ),
    "Start-Job": "Start-Job { $env:" + NAME + " } | Wait-Job | Receive-Job",
}


@pytest.mark.skipif(sys.platform == "win32", reason="exec is a new process there")
@pytest.mark.parametrize(
    "call", ["execv(*program)", "execvp(*program)", "execl(program[0], *program[1])"]
)
def test_a_program_in_pythons_place_has_what_net_has_set(run_python: RunPython, call: str) -> None:
    ran = run_python(
        f"""
import os
from psbridge import Session
shell = Session()
from System import Environment
Environment.SetEnvironmentVariable("{NAME}", "new")
program = "/bin/sh", ["sh", "-c", "printf %s ${NAME}"]
os.{call}
"""
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("new", "", 0)


@pytest.mark.parametrize("how", CHILDREN)
def test_a_child_of_powershell_inherits_what_python_has_set(shell: Session, how: str) -> None:
    os.environ[NAME] = "new"
    found = shell.run("param($python, $code)\n" + CHILDREN[how], python=sys.executable, code=SHOW)
    assert (found, found.errors) == (["new"], [])


def test_the_process_of_a_job_inherits_what_is_set_now(shell: Session) -> None:
    shell.run(f"$env:{NAME} = 'for the worker'")
    group = JobGroup([ShowVariable()], executor="process")
    assert shell.start(group).result(timeout=60) == ["for the worker"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_has_the_variables_and_goes_on_without_net(shell: Session) -> None:
    from System import Environment

    Environment.SetEnvironmentVariable(NAME, "new")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.environ[f"{NAME}_FORK"] = "fork's"
            seen = f"{os.environ[NAME]} {os.environ[f'{NAME}_FORK']} {type(os.environ).__name__}"
            os.write(writing, seen.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == "new fork's _Environ"
    os.waitpid(child, 0)
    assert f"{NAME}_FORK" not in os.environ


def test_a_copy_of_the_object_is_apart(shell: Session) -> None:
    copied = copy.deepcopy(os.environ)
    shell.run(f"$env:{NAME} = 'new'")
    assert copied.get(NAME) is None
    assert os.environ[NAME] == "new"


@pytest.mark.parametrize(
    "name",
    [name for name in ("system", "execv", "posix_spawn", "posix_spawnp") if hasattr(os, name)],
)
def test_what_starts_children_can_still_be_pickled(shell: Session, name: str) -> None:
    function = getattr(os, name)
    assert pickle.loads(pickle.dumps(function)) is function


# PATH


def test_a_program_is_found_by_both_wherever_path_was_changed(
    shell: Session, tmp_path: Path
) -> None:
    import shutil

    for name in ("first-tool", "second-tool"):
        tool = tmp_path / name / name
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\nprintf {name}")
        tool.chmod(0o755)
    before = os.environ["PATH"]
    try:
        os.environ["PATH"] += f"{os.pathsep}{tmp_path / 'first-tool'}"
        assert shell.run("first-tool") == ["first-tool"]
        shell.run(f"$env:PATH += '{os.pathsep}{tmp_path / 'second-tool'}'")
        assert shutil.which("second-tool") == str(tmp_path / "second-tool" / "second-tool")
        assert subprocess.check_output(["second-tool"], text=True) == "second-tool"
    finally:
        os.environ["PATH"] = before


# The start, and the end


def test_what_python_has_set_before_the_start_counts(run_python: RunPython) -> None:
    ran = run_python(
        f"""
import os
from psbridge import Session
os.environ["{NAME}"] = "before"
os.environ.pop("{NAME}_OLD")
with Session() as shell:
    print(shell.run("$env:{NAME}, (Test-Path env:{NAME}_OLD)"))
    print("PSModulePath" in os.environ, os.environ["{NAME}"])
""",
        env={f"{NAME}_OLD": "1"},
    )
    assert (ran.stdout, ran.stderr) == ("['before', False]\nTrue before\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="these are folders of Unix")
def test_what_only_net_is_to_have_stays_there(
    run_python: RunPython, engine_home: Path, tmp_path: Path
) -> None:
    """Where PowerShell cannot make its folder for modules, it is told of it; Python is not."""
    (tmp_path / ".local").touch()
    ran = run_python(
        """
import os, subprocess
from psbridge import Session
with Session() as shell:
    print(shell.run("$env:XDG_DATA_HOME") == [f"{os.environ['HOME']}/.local/share"])
    print("XDG_DATA_HOME" in os.environ, flush=True)
    subprocess.run("echo ${XDG_DATA_HOME:-none}", shell=True)
    os.environ["XDG_DATA_HOME"] = "/elsewhere"
    print(shell.run("$env:XDG_DATA_HOME"))
""",
        env={"HOME": str(tmp_path), "XDG_DATA_HOME": "", "PSBRIDGE_PSHOME": str(engine_home)},
    )
    assert ran.stdout.split("\n") == ["True", "True", "none", "['/elsewhere']", ""]


def test_the_last_changes_are_there_at_exit(run_python: RunPython) -> None:
    ran = run_python(
        f"""
import atexit, os, subprocess
atexit.register(lambda: print(os.environ["{NAME}"], type(os.environ).__name__, flush=True))
atexit.register(lambda: subprocess.run("echo ${NAME}", shell=True))
from psbridge import Session
shell = Session()
from System import Environment
Environment.SetEnvironmentVariable("{NAME}", "last")
"""
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("last\nlast _Environ\n", "", 0)


def test_ctrl_c_while_changes_are_taken_over_loses_none(
    shell: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from System import Environment

    from psbridge.engine import environment

    write = environment._write
    interrupted: list[str] = []

    def write_then_interrupt(name: str, value: str | None) -> None:
        write(name, value)
        if not interrupted:
            interrupted.append(name)
            raise KeyboardInterrupt

    for letter in "abc":
        Environment.SetEnvironmentVariable(f"{NAME}_{letter}", letter)
    monkeypatch.setattr(environment, "_write", write_then_interrupt)
    with pytest.raises(KeyboardInterrupt):
        os.environ.get(f"{NAME}_a")
    assert [os.environ[f"{NAME}_{letter}"] for letter in "abc"] == ["a", "b", "c"]

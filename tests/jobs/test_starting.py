"""PowerShell's own jobs, started from Python: arguments, time limits, throttles, surroundings."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import until
from early_stop import stop_when_open

from psbridge import (
    ConversionError,
    DeclarationError,
    JobFailed,
    JobHandle,
    JobScript,
    JobStopped,
    PowerShellError,
    PsbridgeError,
    Session,
    as_completed,
)

UP = "TimeoutError: the work did not end within {:g} seconds"
# What nothing in the process ends: a call of .NET's that waits.
HANG = "[System.Threading.Thread]::Sleep(600000)"

# A time limit, in seconds, within which a job has begun and written, also on a busy machine.
ENOUGH = {"start_job": 20.0, "start_thread_job": 3.0}
WAYS = list(ENOUGH)
Start = Callable[..., JobHandle]


@pytest.fixture(params=WAYS)
def start(shell: Session, request: pytest.FixtureRequest) -> Start:
    """Each of the calls that take a script and its arguments."""
    found: Start = getattr(shell, request.param)
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# ---- Arguments ----


def test_arguments_by_name_are_values(start: Start) -> None:
    job = start("param($a, $b, $c = 'd') $a; $b; $c", b="'; throw 'x' #$(1)", a=[1, {"k": 2.5}])
    assert job.result(60) == [1, {"k": 2.5}, "'; throw 'x' #$(1)", "d"]


def test_arguments_by_name_and_by_position(start: Start) -> None:
    script = "param([int] $a, [switch] $s, $b) \"$a $b $s $($args -join ',')\""
    assert start(script, "1", 2, 3, 4, s=True).result(60) == ["1 2 True 3,4"]


def test_one_simple_command_gets_arguments_by_name_too(start: Start) -> None:
    """The engine makes commands of such code, with the arguments that it knows put in."""
    assert start("param($a, $b) Write-Output $b $a", 5, b=6).result(60) == [6, 5]


def test_an_advanced_script_gets_arguments_by_name(start: Start) -> None:
    script = "[CmdletBinding()] param([Parameter(Mandatory)] [int] $n) $n + 1"
    assert start(script, n=41).result(60) == [42]


def test_a_parameter_that_has_the_name_of_one_of_ours(start: Start) -> None:
    job = start('param($name, $timeout) "$name $timeout"', parameters={"name": "n", "timeout": 5})
    assert job.result(60) == ["n 5"]


def test_arguments_that_the_script_does_not_take_are_refused(shell: Session, start: Start) -> None:
    with pytest.raises(TypeError, match="has no parameter 'b'"):
        start("param($a) $a", b=1)
    with pytest.raises(TypeError, match="no arguments by position, and 1 were given"):
        start("1", 2)
    with pytest.raises(TypeError, match="'a' was given twice"):
        start("param($a) $a", a=1, parameters={"a": 2})
    with pytest.raises(ConversionError, match="a"):
        start("param($a) $a", a=object())
    assert len(shell.jobs) == 0


def test_code_that_is_no_powershell_is_refused(shell: Session, start: Start) -> None:
    with pytest.raises(PowerShellError, match="Missing"):
        start("if (")
    assert len(shell.jobs) == 0


@pytest.mark.parametrize("script", ["param($n) Write-Output $using:x $n", "param($n) $using:x; $n"])
def test_variables_of_the_session_beside_arguments_by_name(shell: Session, script: str) -> None:
    shell.run("$x = 42")
    assert shell.start_job(script, n=1).result(60) == [42, 1]


def test_a_thread_job_says_that_it_cannot_have_both(shell: Session) -> None:
    shell.run("$x = 42")
    assert shell.start_thread_job("param($n) $using:x; $n", 1).result(60) == [42, 1]
    with pytest.raises(TypeError, match=r"\$using: takes no arguments by name"):
        shell.start_thread_job("param($n) $using:x; $n", n=1)


def test_the_place_of_an_error_is_that_in_the_script(start: Start) -> None:
    job = start("param($n)\n\nWrite-Error here", n=1)
    (error,) = job.result(60).errors
    assert error.script_stack_trace.splitlines()[0].endswith("line 3")


def test_a_thread_job_sees_nothing_of_how_its_arguments_came(shell: Session) -> None:
    script = (
        "param($n) Get-Variable code, positional, named, piped -ErrorAction Ignore; $args.Count"
    )
    assert shell.start_thread_job(script, n=1).result(60) == [0]


def test_a_thread_job_takes_live_objects(shell: Session) -> None:
    text = shell.run("[System.Text.StringBuilder]::new()").one()
    shell.start_thread_job("param($text) $null = $text.Append('there')", text=text).result(60)
    assert str(text) == "there"


# ---- Input ----


def test_input_is_any_iterable(start: Start) -> None:
    def values() -> Iterator[int]:
        yield from range(5)

    assert start("$input | ForEach-Object { $_ * 2 }", input=values()).result(60) == [0, 2, 4, 6, 8]
    job = start("param($by) process { $_ * $by }", input=values(), by=3)
    assert job.result(60) == [0, 3, 6, 9, 12]


def test_input_that_is_empty_and_input_with_null(start: Start) -> None:
    assert start("@($input).Count", input=[]).result(60) == [0]
    assert start("@($input).Count", input=[None, 1]).result(60) == [2]


@pytest.mark.parametrize("wrong", ["text", 5])
def test_what_is_no_input_is_refused(start: Start, wrong: Any) -> None:
    with pytest.raises(DeclarationError, match="input is"):
        start("1", input=wrong)


def test_what_the_input_raises_starts_nothing(shell: Session, start: Start) -> None:
    def values() -> Iterator[int]:
        yield 1
        raise KeyError("k")

    with pytest.raises(KeyError):
        start("$input", input=values())
    assert len(shell.jobs) == 0


# ---- What is there before it begins ----


def test_modules_are_imported_before_the_script(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "it's $(x)"
    folder.mkdir()
    module = folder / "Mine.psm1"
    module.write_text("function Get-Mine { 'mine' }")
    script = "Get-Mine; (Get-Module Microsoft.PowerShell.Archive).Name"
    job = start(script, modules=["Microsoft.PowerShell.Archive", module])
    assert job.result(60) == ["mine", "Microsoft.PowerShell.Archive"]


def test_a_module_that_is_not_there_fails_the_job_with_one_error(start: Start) -> None:
    job = start("'never'", modules=["No'Such"])
    with pytest.raises(JobFailed, match="the module No'Such could not be imported: ") as caught:
        job.result(60)
    assert caught.value.result == []
    assert len(caught.value.result.errors) == 1


def test_where_it_is_at_first(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "it's [a] $(x)"
    folder.mkdir()
    assert start("$PWD.Path", working_directory=folder).result(60) == [str(folder)]


def test_where_it_is_at_first_is_else_where_the_session_is(start: Start, tmp_path: Path) -> None:
    with Session(working_directory=tmp_path) as shell:
        other = getattr(shell, start.__name__)
        assert other("$PWD.Path").result(60) == [str(tmp_path)]


def test_surroundings_that_are_none_are_refused(shell: Session, start: Start) -> None:
    with pytest.raises(FileNotFoundError):
        start("1", working_directory="/no/such")
    with pytest.raises(DeclarationError, match="5 is no path"):
        start("1", working_directory=5)
    for wrong in ("Name", 5, [5], [""]):
        with pytest.raises((DeclarationError, ValueError)):
            start("1", modules=wrong)
    assert len(shell.jobs) == 0


# ---- Time limits ----


def test_a_job_whose_time_is_up_has_failed_and_has_what_came_before(
    shell: Session, start: Start
) -> None:
    limit = ENOUGH[start.__name__]
    job = start("1; Write-Warning w; Start-Sleep 600; 2", timeout=limit, name="late")
    with pytest.raises(JobFailed, match="^job late failed: " + UP.format(limit)) as caught:
        job.result(60)
    assert caught.value.result == [1]
    assert [str(warning) for warning in caught.value.result.warnings] == ["w"]
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert (job.state, job.reason) == ("Failed", UP.format(limit))
    # Others see it, too.
    assert shell.jobs["late"].reason == UP.format(limit)
    assert shell.run("(Get-Job late | Wait-Job).State.ToString()") == ["Failed"]


def test_a_job_within_its_time_is_as_one_without(start: Start) -> None:
    job = start("1; try { 2 } finally { 3 }", timeout=60)
    assert job.result(60) == [1, 2, 3]
    assert start("1", timeout=float("inf")).result(60) == [1]


def test_code_that_is_stopped_cleans_up(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "cleaned"
    script = "param($file) try { Start-Sleep 600 } finally { New-Item $file }"
    job = start(script, file, timeout=ENOUGH[start.__name__])
    assert job.wait(60)
    assert job.state == "Failed"
    assert file.exists()


def test_a_process_that_hangs_is_killed(shell: Session) -> None:
    limit = ENOUGH["start_job"]
    job = shell.start_job(f"$PID; {HANG}", timeout=limit)
    began = time.monotonic()
    with pytest.raises(JobFailed, match=UP.format(limit)) as caught:
        job.result(60)
    assert time.monotonic() - began < limit + 19
    (pid,) = caught.value.result
    until(lambda: not is_alive(pid))


def test_a_thread_that_hangs_is_given_up(shell: Session) -> None:
    job = shell.start_thread_job("1; [System.Threading.Thread]::Sleep(12000); 2", timeout=1)
    with pytest.raises(JobFailed, match=UP.format(1)) as caught:
        job.result(60)
    assert caught.value.result == [1]
    state = shell.run("param($id) (Get-Job -Id $id).State.ToString()", job.id)
    assert state == ["Failed"]


def test_a_thread_job_that_waits_for_its_place_has_all_its_time(shell: Session) -> None:
    gate = shell.run("[System.Threading.ManualResetEventSlim]::new()").one()
    first = shell.start_thread_job("param($g) $g.Wait()", gate, throttle_limit=1)
    second = shell.start_thread_job("'done'", timeout=ENOUGH["start_thread_job"])
    assert not second.wait(ENOUGH["start_thread_job"] + 0.5)
    assert second.state == "NotStarted"
    gate.Set()
    assert second.result(60) == ["done"]
    first.result(60)
    shell.start_thread_job("1", throttle_limit=5).result(60)


@pytest.mark.parametrize(
    ("wrong", "kind"), [(-1, ValueError), (float("nan"), ValueError), ("3", DeclarationError)]
)
def test_what_is_no_time_is_refused(start: Start, wrong: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="timeout is"):
        start("1", timeout=wrong)


def test_a_stop_before_the_time_is_up_is_a_stop(start: Start) -> None:
    job = start("1; Start-Sleep 600", timeout=600)
    until(lambda: job.receive(keep=True) == [1], 60)
    job.stop()
    with pytest.raises(JobStopped):
        job.result(60)


# ---- Several in processes ----


def test_several_scripts_are_children_of_one_job(shell: Session) -> None:
    scripts: list[str | JobScript] = ["'plain'", JobScript("param($n) $n * 2", n=21, name="twice"),
               JobScript("$input | Measure-Object -Sum | % Sum", input=range(5)),
               JobScript("Write-Output $args", 7)]  # fmt: skip
    job = shell.start_jobs(scripts, name="all", throttle_limit=2)
    assert shell.jobs["all"] == job
    assert len(shell.jobs) == 1
    children = job.children
    assert job.result(60) == ["plain", 42, 10, 7]
    assert children[1].name == "twice"
    assert [str(child.net.Command) for child in children][:2] == ["'plain'", "param($n) $n * 2"]
    assert shell.run("(Get-Job twice -IncludeChildJob).State.ToString()") == ["Completed"]


def test_no_more_run_at_a_time_than_the_throttle_lets(shell: Session, tmp_path: Path) -> None:
    script = 'param($folder) New-Item "$folder/$PID" > $null; (Get-ChildItem $folder).Count; '
    script += 'Start-Sleep 0.5; Remove-Item "$folder/$PID"'
    several = [JobScript(script, str(tmp_path)) for _ in range(6)]
    counts = shell.start_jobs(several, throttle_limit=2).result(120)
    assert len(counts) == 6
    assert max(counts) <= 2


def test_twenty_of_which_some_hang_are_collected_within_their_timeout(shell: Session) -> None:
    """Four hang where nothing but a kill ends them, and hold up nobody beyond their time."""
    script = f"param($n) $n; if ($n % 5 -eq 3) {{ $PID; {HANG} }}"
    several = [JobScript(script, n=n, name=f"host{n}") for n in range(20)]
    began = time.monotonic()
    job = shell.start_jobs(several, throttle_limit=4, timeout=15, name="twenty")
    ends = [child.name for child in as_completed(job.children, timeout=180)]
    assert sorted(ends) == sorted(one.name or "" for one in several)
    assert ends[-1] in ("host3", "host8", "host13", "host18")
    with pytest.raises(JobFailed, match="4 of 20 children") as caught:
        job.result(180)
    assert time.monotonic() - began < 120
    values = list(caught.value.result)
    assert {n for n in values if n < 20} == set(range(20))
    pids = [n for n in values if n >= 20]
    assert len(pids) == 4
    causes = [failure.__cause__ for failure in caught.value.failures]
    assert [type(cause) for cause in causes] == [TimeoutError] * 4
    until(lambda: not any(map(is_alive, pids)))
    for n, child in enumerate(job.children):
        assert child.name == f"host{n}"
        expected = ("Failed", UP.format(15)) if n % 5 == 3 else ("Completed", None)
        assert (child.state, child.reason) == expected
    job.remove()
    assert len(shell.jobs) == 0


def test_a_child_has_the_time_limit_that_its_script_says(shell: Session) -> None:
    several = [JobScript("Start-Sleep 600", timeout=2), JobScript("Start-Sleep 4; 1")]
    job = shell.start_jobs(several, timeout=60)
    with pytest.raises(JobFailed, match="1 of 2 children") as caught:
        job.result(60)
    assert caught.value.result == [1]


def test_the_time_of_a_child_that_waits_has_not_begun(shell: Session) -> None:
    several = [JobScript("Start-Sleep 16; 1", timeout=60), JobScript("2")]
    assert shell.start_jobs(several, throttle_limit=1, timeout=15).result(60) == [1, 2]


def test_the_parent_does_not_end_before_its_last_child(shell: Session) -> None:
    """It counts the ends that its children tell of, and one whose time is up tells one."""
    several = [JobScript("Start-Sleep 600", timeout=1), JobScript("Start-Sleep 5; 'last'")]
    job = shell.start_jobs(several)
    result = shell.run("param($job) $job | Wait-Job > $null; $job.ChildJobs[1].State.ToString()",
                       job=job.net)  # fmt: skip
    assert result == ["Completed"]


def test_a_module_that_hangs_counts(shell: Session, tmp_path: Path) -> None:
    module = tmp_path / "Slow.psm1"
    module.write_text("Start-Sleep 600")
    job = shell.start_jobs(["1", "2"], modules=[module], timeout=3)
    with pytest.raises(JobFailed, match="2 of 2 children"):
        job.result(60)


def test_one_child_is_stopped_and_the_others_go_on(shell: Session) -> None:
    job = shell.start_jobs([f"$PID; {HANG}", "Start-Sleep 1; 'other'"], throttle_limit=2)
    first, other = job.children
    until(lambda: first.net.Output.Count, 60)
    pid = first.net.Output[0].BaseObject
    first.stop()  # which kills it
    until(lambda: not is_alive(pid))
    assert first.finished
    assert other.result(60) == ["other"]
    assert job.wait(60)


def test_a_stop_in_the_moment_in_which_the_code_begins(shell: Session) -> None:
    """The process acknowledges it, and has not begun anything whose end it could tell of."""
    for number in range(8):
        job = shell.start_job("while ($true) { Start-Sleep 0.02 }")
        stop_when_open(job.children[0], number * 0.0002)
        # A process may die of it, which is no stop; see EarlyStop.cs.
        if "Remote transport error" not in str(job.children[0].reason):
            assert (job.children[0].state, job.children[0].reason) == ("Stopped", None)


# The module of Start-Sleep is there before the process tells its number: to a stop while PowerShell
# loads a module the answer may be that there is no such command.
SLEEPS = "Start-Sleep 0; $PID; Start-Sleep 600"


def test_a_stop_of_the_parent_ends_all(shell: Session) -> None:
    job = shell.start_jobs([SLEEPS] * 4, throttle_limit=2)
    running = job.children[:2]
    until(lambda: all(child.net.Output.Count for child in running), 60)
    pids = [child.net.Output[0].BaseObject for child in running]
    job.stop()
    with pytest.raises(JobStopped):
        job.result(60)
    until(lambda: not any(map(is_alive, pids)))
    assert {child.state for child in job.children} == {"Stopped"}


def test_the_close_of_the_session_ends_all() -> None:
    with Session() as shell:
        job = shell.start_jobs([SLEEPS] * 3, throttle_limit=2, timeout=600)
        until(lambda: job.children[0].net.Output.Count, 60)
        pid = job.children[0].net.Output[0].BaseObject
    until(lambda: not is_alive(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_a_child_whose_process_dies_has_failed(shell: Session) -> None:
    job = shell.start_jobs([SLEEPS, "'other'"])
    until(lambda: job.children[0].net.Output.Count, 60)
    os.kill(job.children[0].net.Output[0].BaseObject, signal.SIGKILL)
    with pytest.raises(JobFailed, match="1 of 2 children"):
        job.result(60)


def test_what_are_no_scripts_is_refused(shell: Session) -> None:
    wrong: Any
    for wrong in ("1", JobScript("1"), 5, [5], [("1", [2])]):
        with pytest.raises(DeclarationError):
            shell.start_jobs(wrong)
    with pytest.raises(ValueError, match="scripts is empty"):
        shell.start_jobs([])
    for limit in (0, -1):
        with pytest.raises(ValueError, match="throttle_limit is"):
            shell.start_jobs(["1"], throttle_limit=limit)
    with pytest.raises(TypeError, match="has no parameter 'b'"):
        shell.start_jobs(["1", JobScript("param($a) 1", b=1)])
    with pytest.raises(DeclarationError, match="script is"):
        JobScript(wrong)
    assert len(shell.jobs) == 0


def test_a_script_says_what_it_is() -> None:
    assert repr(JobScript("1", name="n")) == "<JobScript 'n'>"
    assert repr(JobScript("1")) == "<JobScript '1'>"


# ---- Threads: ForEach-Object -Parallel ----


def test_each_input_is_a_child(shell: Session) -> None:
    shell.run("$by = 3")
    job = shell.start_parallel("$_ * $using:by", (n for n in range(8)), name="threes")
    assert sorted(job.result(60)) == [n * 3 for n in range(8)]
    assert len(job.children) == 8
    assert shell.jobs["threes"] == job


def test_parallel_inputs_whose_time_is_up(shell: Session) -> None:
    script = "$_; if ($_ -lt 2) { Start-Sleep 600 }"
    job = shell.start_parallel(script, range(10), throttle_limit=2, timeout=2)
    with pytest.raises(JobFailed, match=UP.format(2)) as caught:
        job.result(60)
    assert sorted(caught.value.result) == [0, 1]
    assert isinstance(caught.value.__cause__, TimeoutError)
    until(lambda: all(child.finished for child in job.children))
    assert [child.state for child in job.children] == ["Failed"] * 2 + ["Stopped"] * 8


def test_parallel_inputs_of_which_one_hangs(shell: Session) -> None:
    script = "$_; if ($_ -eq 1) { [System.Threading.Thread]::Sleep(12000) }"
    job = shell.start_parallel(script, range(6), throttle_limit=2, timeout=2)
    with pytest.raises(JobFailed, match=UP.format(2)) as caught:
        job.result(60)
    assert sorted(caught.value.result) == list(range(6))
    assert [child.state for child in job.children] == [
        "Failed" if n == 1 else "Completed" for n in range(6)
    ]


def test_what_are_no_inputs_is_refused(shell: Session) -> None:
    wrong: Any
    for wrong in ("text", None, 5):
        with pytest.raises(DeclarationError):
            shell.start_parallel("$_", wrong)
    with pytest.raises(ValueError, match="inputs is empty"):
        shell.start_parallel("$_", [])
    with pytest.raises(ValueError, match="throttle_limit is 0"):
        shell.start_parallel("$_", [1], throttle_limit=0)
    with pytest.raises(DeclarationError, match="script is 5"):
        shell.start_parallel(5, [1])  # type: ignore[arg-type]


def test_a_closed_session_starts_nothing(start: Start, shell: Session) -> None:
    shell.close()
    calls: list[Callable[[], object]] = [
        lambda: start("1"),
        lambda: shell.start_jobs(["1"]),
        lambda: shell.start_parallel("1", [1]),
    ]
    for call in calls:
        with pytest.raises(PsbridgeError, match="closed"):
            call()


def test_a_session_with_visible_commands_starts_what_it_can() -> None:
    with Session(visible_commands=["Get-Date"]) as shell:
        assert shell.start_job("param($n) $n + 1", n=1).result(60) == [2]
        assert shell.start_jobs(["1", "2"]).result(60) == [1, 2]
        assert sorted(shell.start_parallel("$_", [1, 2]).result(60)) == [1, 2]
        with pytest.raises(PowerShellError, match="start_job, start_parallel or another session"):
            shell.start_thread_job("1")


def test_commands_of_the_session_are_not_asked(shell: Session) -> None:
    """It may have others of these names."""
    for name in ("Start-Job", "Start-ThreadJob", "ForEach-Object", "Import-Module"):
        shell.run(f"function global:{name} {{ throw 'mine' }}")
    assert shell.start_job("1").result(60) == [1]
    assert shell.start_thread_job("2").result(60) == [2]
    assert shell.start_parallel("$_", [3]).result(60) == [3]


def test_psbridges_own_cmdlet_is_in_no_session(shell: Session) -> None:
    assert shell.run("Get-Command Start-Scripts -ErrorAction Ignore") == []

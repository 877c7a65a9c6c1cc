"""Jobs on other machines, started from Python, over each way to reach one."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from conditions import until

from psbridge import JobFailed, JobStopped, PowerShellError, Session
from psbridge.remote.carrying import Target

if TYPE_CHECKING:
    from .conftest import Machine

# Tells its process, and runs until it is stopped.
LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"


def nobody(machine: Machine) -> Target:
    """A machine that is not there: a port that nobody listens on."""
    made: Target = machine.target(port=1)
    return made


def test_a_child_for_each_target_in_their_order(shell: Session, machine: Machine) -> None:
    targets = [machine.target() for _ in range(3)]
    job = shell.start_remote("$PID; 'x' * 3", targets, name="three")
    result = job.result(60)
    assert (job.name, job.state, job.finished) == ("three", "Completed", True)
    assert [child.location for child in job.children] == [target.location for target in targets]
    assert [child.state for child in job.children] == ["Completed"] * 3
    pids = {value for value in result if isinstance(value, int)}
    assert (len(result), len(pids), os.getpid() in pids) == (6, 3, False)
    assert set(result.origins) == {targets[0].location}
    assert shell.jobs["three"] == job
    job.remove()
    assert len(shell.jobs) == 0


def test_one_target_needs_no_list(shell: Session, target: Target) -> None:
    job = shell.start_remote("'only'", target)
    assert (job.result(60), len(job.children)) == (["only"], 1)


def test_arguments_and_input_are_values_on_each_machine(shell: Session, machine: Machine) -> None:
    targets = [machine.target(), machine.target()]
    script = "param($by, $text) $sum = 0; foreach ($n in $input) { $sum += $n * $by }; $sum; $text"
    text = '\'; Remove-Item * #\n"$(1)" é😀'
    job = shell.start_remote(script, targets, 10, text, input=(n for n in range(4)))
    assert sorted(map(str, job.result(60))) == sorted(["60", "60", text, text])
    nothing = shell.start_remote("@($input).Count; $args.Count", targets[0], input=[])
    assert nothing.result(60) == [0, 0]


def test_values_come_as_values(shell: Session, target: Target) -> None:
    result = shell.start_remote(
        "1; 2.5; 'é'; $true; $null; [datetime]::new(2020, 1, 2, 3, 4, 5, [DateTimeKind]::Utc); "
        "@{ a = @(1, 2) }; "
        "[pscustomobject]@{ Name = 'x'; Size = 3 }; , @(1, 2)",
        target,
    ).result(60)
    assert result[:5] == [1, 2.5, "é", True, None]
    assert result[5].isoformat() == "2020-01-02T03:04:05+00:00"
    assert result[6:] == [{"a": [1, 2]}, {"Name": "x", "Size": 3}, [1, 2]]


def test_output_is_there_while_the_work_goes_on(shell: Session, target: Target) -> None:
    job = shell.start_remote(LOOP, target)
    until(lambda: job.children[0].net.Output.Count)
    (pid,) = job.receive()
    assert (job.state, pid > 0) == ("Running", True)
    job.stop()


def test_the_throttle_limit_holds(shell: Session, machine: Machine) -> None:
    began_and_ended = (
        "$a = [datetime]::UtcNow.Ticks; Start-Sleep -m 300; $a, [datetime]::UtcNow.Ticks"
    )
    job = shell.start_remote(
        f"{began_and_ended} -join ' '", [machine.target() for _ in range(4)], throttle_limit=1
    )
    times = sorted(tuple(map(int, text.split())) for text in job.result(100))
    assert len(times) == 4
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


# ---- What fails ----


def test_what_fails_does_not_hide_what_the_others_gave(shell: Session, machine: Machine) -> None:
    targets = [machine.target(), nobody(machine), machine.target(), nobody(machine)]
    job = shell.start_remote("'here'", targets, name="mixed")
    with pytest.raises(JobFailed) as caught:
        job.result(60)
    first, *lines = str(caught.value).splitlines()
    assert first == "job mixed failed in 2 of 4 children"
    assert len(lines) == 2
    # Each names its machine, once.
    place = targets[1].location
    assert all(line.strip().startswith(f"{place}: ") for line in lines)
    assert all(line.count(f"{place}: ") == 1 for line in lines)
    assert caught.value.result == ["here", "here"]
    assert [child.state for child in job.children] == ["Completed", "Failed"] * 2
    assert [child.reason is None for child in job.children] == [True, False] * 2
    assert job.state == "Failed"
    assert len(caught.value.result.errors) == 2


def test_a_script_that_is_no_powershell_starts_no_job(shell: Session, target: Target) -> None:
    with pytest.raises(PowerShellError):
        shell.start_remote("if (", target)
    assert len(shell.jobs) == 0


def test_what_cannot_be_meant_is_refused(shell: Session, target: Target) -> None:
    with pytest.raises(ValueError, match="at least one target"):
        shell.start_remote("1", [])
    with pytest.raises(TypeError, match="no target"):
        shell.start_remote("1", ["web1"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="throttle limit"):
        shell.start_remote("1", target, throttle_limit=0)
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            shell.start_remote("1", target, timeout=seconds)
    for wrong in ({"timeout": "3"}, {"throttle_limit": "3"}, {"throttle_limit": 2.5}):
        with pytest.raises(TypeError, match=r"timeout|throttle limit"):
            shell.start_remote("1", target, **wrong)
    for script in (None, b"1", 1):
        with pytest.raises(TypeError, match="the script is"):
            shell.start_remote(script, target)  # type: ignore[arg-type]
    assert len(shell.jobs) == 0


def test_no_limit_is_too_high(shell: Session, target: Target) -> None:
    job = shell.start_remote("1", target, throttle_limit=10**12, timeout=float("inf"))
    assert job.result(60) == [1]
    assert shell.start_remote("1", target, timeout=10**9).result(60) == [1]


def test_errors_of_the_script_are_records_and_no_failure(shell: Session, target: Target) -> None:
    job = shell.start_remote("Get-Item /no/such/thing; 'on'", target)
    result = job.result(60)
    assert (result, job.state) == (["on"], "Completed")
    (error,) = result.errors
    assert (error.error_id.partition(",")[0], error.origin) == ("PathNotFound", target.location)


@pytest.mark.parametrize("code", [0, 5, 255, -1])
def test_exit_gives_its_code_and_ends_the_script(shell: Session, target: Target, code: int) -> None:
    job = shell.start_remote(f"'before'; Write-Warning w; exit {code}; 'after'", target)
    result = job.result(60)
    assert (result, len(result.warnings), job.state) == (["before"], 1, "Completed")
    assert result.exit_code == code


# ---- Time ----


def test_the_deadline_is_for_each_machine_and_ends_what_runs(
    shell: Session, machine: Machine
) -> None:
    began = time.monotonic()
    job = shell.start_remote(
        "'early'; if ($args[0]) { Start-Sleep 60 }", [machine.target()], True, timeout=8
    )
    with pytest.raises(JobFailed, match="the time of 8 s is up") as caught:
        job.result(60)
    assert 7.5 < time.monotonic() - began < 20
    assert caught.value.result == ["early"]
    until(lambda: not machine.far_processes())
    quick = shell.start_remote("'early'", machine.target(), timeout=60)
    assert quick.result(60) == ["early"]


# ---- Stopping ----


def test_a_stop_stops_the_work_there(shell: Session, machine: Machine) -> None:
    job = shell.start_remote(LOOP, [machine.target(), machine.target()])
    until(lambda: all(child.net.Output.Count for child in job.children))
    began = time.monotonic()
    job.stop()
    assert time.monotonic() - began < 2
    assert [job.state, *(child.state for child in job.children)] == ["Stopped"] * 3
    with pytest.raises(JobStopped) as caught:
        job.result()
    assert len(caught.value.result) == 2
    until(lambda: not (machine.far_processes() or machine.lines()))


def test_what_waits_for_its_turn_is_stopped_too(shell: Session, machine: Machine) -> None:
    job = shell.start_remote(LOOP, [machine.target() for _ in range(3)], throttle_limit=1)
    until(lambda: job.children[0].net.Output.Count)
    job.stop()
    # PowerShell's throttle tells those that had no turn yet a moment later.
    until(lambda: {child.state for child in job.children} == {"Stopped"}, 5)
    until(lambda: not machine.far_processes())


def test_one_child_can_be_stopped(shell: Session, machine: Machine) -> None:
    job = shell.start_remote(LOOP, [machine.target(), machine.target()])
    until(lambda: all(child.net.Output.Count for child in job.children))
    first, second = job.children
    first.stop()
    assert (first.state, second.state, job.state) == ("Stopped", "Running", "Running")
    job.stop()
    assert second.state == "Stopped"


def test_a_call_that_cannot_be_interrupted_holds_up_no_stop(
    shell: Session, machine: Machine
) -> None:
    job = shell.start_remote("1; [Threading.Thread]::Sleep(6000)", machine.target())
    until(lambda: job.children[0].net.Output.Count)
    job.stop()
    assert job.state == "Stopped"
    assert machine.far_processes()  # it is in the call
    until(lambda: not machine.far_processes())  # when the call has come back


# ---- PowerShell's own cmdlets, and Python's ways ----


def test_powershells_job_cmdlets_work_on_it(shell: Session, target: Target) -> None:
    job = shell.start_remote("1; Write-Error e", target, name="mine")
    found = shell.run(
        "$j = Wait-Job -Name mine; $j.State.ToString(); $j.ChildJobs[0].Location\n"
        "$r = Receive-Job $j -ErrorAction SilentlyContinue; $r; $r.PSComputerName\n"
        "Remove-Job $j; @(Get-Job).Count"
    )
    assert found == ["Completed", target.location, 1, target.location, 0]
    assert job.finished


def test_ctrl_c_ends_a_wait_and_not_the_job(shell: Session, target: Target) -> None:
    job = shell.start_remote(LOOP, target)
    until(lambda: job.children[0].net.Output.Count)
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        job.wait(30)
    timer.join()
    assert job.state == "Running"
    job.stop()


def test_many_jobs_from_many_threads(shell: Session, machine: Machine) -> None:
    results: list[list[object]] = []

    def work(number: int) -> None:
        job = shell.start_remote("$args[0]", [machine.target()], number)
        results.append(job.result(100))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert sorted(map(str, results)) == [f"[{number}]" for number in range(6)]

"""Sessions on other machines that are kept open, over each way to reach one."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until

from psbridge import JobFailed, PipelineTimeout, PowerShellError, Session, SessionClosedError
from psbridge.remote.carrying import Target

if TYPE_CHECKING:
    from .conftest import Machine

LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"


@pytest.fixture
def web(shell: Session, target: Target) -> Iterator[Any]:
    """A kept session."""
    with shell.connect(target) as session:
        yield session


def after(seconds: float, number: int = signal.SIGINT) -> threading.Timer:
    """A signal to this process, after a while."""
    timer = threading.Timer(seconds, os.kill, [os.getpid(), number])
    timer.start()
    return timer


# ---- Running ----


def test_what_is_defined_stays_from_call_to_call(web: Any) -> None:
    web.run("$answer = 42; function Get-Double($x) { 2 * $x }")
    assert web.run("Get-Double $answer; $PID -eq $args[0]", web.run("$PID")[0]) == [84, True]
    assert web.run("param($n) 1..$n", n=3) == [1, 2, 3]
    assert web.variables["answer"] == 42
    web.variables["answer"] = [1, 2]
    assert web.run("$answer.Count") == [2]


def test_calls_take_what_they_take_here(web: Any, tmp_path: Path) -> None:
    assert web.run("$input | ForEach-Object { 2 * $_ }", input=iter([1, 2])) == [2, 4]
    with pytest.raises(PipelineTimeout) as late:
        web.run("1; while ($true) { Start-Sleep 1 }", timeout=2)
    assert (late.value.result, late.value.result.origin) == ([1], web.location)
    with pytest.raises(PowerShellError, match="nowhere"):
        web.run("Get-Item /nowhere", check=True)
    assert web.call("Write-Output", 5, first=1) == [5]
    script = tmp_path / "a.ps1"
    script.write_text("param($x) 2 * $x")
    assert web.run_file(script, x=21) == [42]
    assert web.text("[pscustomobject]@{ A = 1 }", width=20).split() == ["A", "-", "1"]
    shown = web.text(
        "Write-Host sa -NoNewline; Write-Host id; Write-Warning careful; Write-Error wrong; 'value'"
    )
    assert shown.splitlines() == [
        *("said", "WARNING: careful", "Write-Error: wrong", "value"),
    ]
    assert asyncio.run(web.arun("1")) == [1]


def test_commands_and_completion_are_those_of_the_machine(web: Any) -> None:
    web.run("function Get-Far([int]$Number = 3, [ValidateSet('a', 'b')]$Which) { $Number }")
    assert web.commands.Get_Far(Number=5) == [5]
    assert "Get_Far" in dir(web.commands)
    assert str(inspect.signature(web.commands.Get_Far)).startswith(
        "(Number: int = 3, Which: Literal['a', 'b'] = Ellipsis, "
    )
    assert "Get-Far [[-Number] <int>]" in str(web.commands.Get_Far.__doc__)
    with pytest.raises(AttributeError, match="near it: Get_Far"):
        web.commands.Get_Farr  # noqa: B018
    (offer,) = web.complete("1; Get-Far -Num")
    assert (offer.text, offer.kind, offer.start, offer.length) == (
        "-Number",
        "ParameterName",
        11,
        4,
    )


def test_a_stream_comes_as_it_is_written_there(web: Any) -> None:
    values = web.stream("$input | ForEach-Object { 2 * $_ }; Write-Warning w", input=[1, 2])
    assert list(values) == [2, 4]
    assert [record.origin for record in values.result.warnings] == [web.location]
    for value in web.stream("1; while ($true) { Start-Sleep -Milliseconds 20 }"):
        assert value == 1
        break
    assert web.run("3") == [3]


def test_all_streams_say_where_they_are_from(web: Any) -> None:
    result = web.run(
        "1; Write-Warning w; Write-Verbose v -Verbose; Write-Debug d -Debug; Write-Error e; "
        "Write-Information i"
    )
    here = web.location
    assert (result, result.origins, result.origin) == ([1], [here], here)
    for records, text in (
        (result.warnings, "w"),
        (result.verbose, "v"),
        (result.debug, "d"),
        (result.errors, "e"),
        (result.information, "i"),
    ):
        assert [(record.message, record.origin) for record in records] == [(text, here)]


def test_a_terminating_error_keeps_what_came_before(web: Any) -> None:
    with pytest.raises(PowerShellError, match=r"^boom$") as caught:
        web.run("1; throw 'boom'")
    assert (caught.value.result, caught.value.result.origin) == ([1], web.location)
    assert web.run("'on'") == ["on"]


def test_a_question_that_nobody_can_answer_is_an_error(web: Any) -> None:
    """Not a wait without end: the far side knows that there is nobody to ask."""
    result = web.run("Read-Host name; 'on'")
    assert (result, len(result.errors)) == (["on"], 1)
    job = web.start("Read-Host name; 'on'")
    assert (job.result(20), job.state) == (["on"], "Completed")


def test_powershells_own_cmdlets_take_it(shell: Session, web: Any) -> None:
    assert web.net.ComputerName == web.location
    listed = shell.run("Get-PSSession | ForEach-Object { $_.ComputerName }")
    assert listed == [web.location]
    found = shell.run("param($s) $x = 5; Invoke-Command -Session $s { $using:x + 1 }", s=web.net)
    assert found == [6]


@pytest.mark.parametrize(
    "script",
    [
        "Write-Output a; Write-Output b",
        "Write-Output a\nWrite-Output b",
        "Set-Location /tmp\nGet-Location | Select-Object -ExpandProperty Path",
        "Write-Output $args",
        "Write-Output -- -x",
        "Write-Output 'a b' | ForEach-Object Length",
        "/bin/echo '/etc/*' '~/x' a,b",
        "Write-Output $using:x",
        "$job = Write-Output a &; Receive-Job $job -Wait",
    ],
)
def test_a_script_means_there_what_it_means_here(shell: Session, web: Any, script: str) -> None:
    """It goes out as it is: not as the commands that Invoke-Command makes of one."""
    here, there = shell.run(script), web.run(script)
    assert list(there) == list(here)
    assert [e.error_id for e in there.errors] == [e.error_id for e in here.errors]


# ---- Jobs ----


def test_a_job_is_one_of_the_session_that_opened_it(shell: Session, web: Any) -> None:
    job = web.start("$args[0] * 2; Write-Warning w", 21, name="mine")
    result = job.result(20)
    assert (job.name, result, result.origin) == ("mine", [42], web.location)
    assert [(record.message, record.origin) for record in result.warnings] == [("w", web.location)]
    assert shell.jobs["mine"] == job


def test_a_job_that_throws_has_failed_and_the_session_goes_on(web: Any) -> None:
    with pytest.raises(JobFailed, match="boom"):
        web.start("throw 'boom'").result(20)
    assert web.run("'on'") == ["on"]


def test_one_thing_at_a_time_and_the_next_waits_for_its_turn(web: Any) -> None:
    job = web.start("Start-Sleep -Milliseconds 500; 'job'")
    assert web.run("'run'") == ["run"]
    assert job.finished
    second = web.start("'second'")
    assert (job.result(20), second.result(20)) == (["job"], ["second"])
    for number in range(30):
        job = web.start("$args[0]", number)
        assert web.run("$args[0]", -number) == [-number]
        assert job.result(20) == [number]


def test_threads_wait_for_one_another(web: Any) -> None:
    seen: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 10):
            if number % 3:
                seen.extend(web.run("$args[0]", number))
            else:
                seen.extend(web.start("$args[0]", number).result(60))

    threads = [threading.Thread(target=work, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert sorted(seen) == list(range(40))


def test_a_stopped_job_leaves_the_session_usable(web: Any) -> None:
    (pid,) = web.run("$PID")
    job = web.start(LOOP)
    until(lambda: job.children[0].net.Output.Count)
    job.stop()
    assert (job.state, web.run("$PID")) == ("Stopped", [pid])


# ---- Ctrl-C ----


def test_ctrl_c_stops_what_runs_there_and_the_session_goes_on(web: Any) -> None:
    (pid,) = web.run("$PID")
    timer = after(0.5)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        web.run(LOOP)
    timer.join()
    assert time.monotonic() - began < 5
    assert web.run("$PID") == [pid]


def test_ctrl_c_ends_the_wait_for_a_turn(web: Any) -> None:
    job = web.start(LOOP)
    until(lambda: job.children[0].net.Output.Count)
    timer = after(0.3)
    with pytest.raises(KeyboardInterrupt):
        web.run("1")
    timer.join()
    assert job.state == "Running"
    job.stop()
    assert web.run("'on'") == ["on"]


def test_ctrl_c_ends_the_opening(shell: Session, machine: Machine) -> None:
    """The machine is one that is busy for longer than anybody wants to wait."""
    timer = after(0.3)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        shell.connect(machine.mute())
    timer.join()
    assert time.monotonic() - began < 5
    until(lambda: not machine.lines())
    assert shell.run("@(Get-PSSession).Count") == [0]


# ---- The end ----


@pytest.mark.parametrize("code", [0, 5, -1])
def test_exit_gives_its_code_and_closes_the_session(web: Any, code: int) -> None:
    result = web.run(f"'before'; exit {code}; 'after'")
    assert (result, result.exit_code) == (["before"], code)
    for call in (web.run, web.start):
        with pytest.raises(SessionClosedError, match=f"`exit {code}` in its script closed it"):
            call("1")


def test_exit_in_a_job_closes_the_session_too(web: Any) -> None:
    job = web.start("'before'; exit 7")
    result = job.result(20)
    assert (result, result.exit_code, job.state) == (["before"], 7, "Completed")
    with pytest.raises(SessionClosedError, match="`exit 7`"):
        web.run("1")


def test_a_closed_session_says_so(shell: Session, machine: Machine) -> None:
    web = shell.connect(machine.target())
    assert repr(web) == f"<RemoteSession {web.location} opened>"
    web.close()
    web.close()
    assert (web.closed, repr(web)) == (True, f"<RemoteSession {web.location} closed>")
    for call in (web.run, web.start):
        with pytest.raises(SessionClosedError):
            call("1")
    assert shell.run("@(Get-PSSession).Count") == [0]
    until(lambda: not (machine.far_processes() or machine.lines()))


def test_a_close_stops_what_runs(shell: Session, machine: Machine) -> None:
    web = shell.connect(machine.target())
    job = web.start(LOOP)
    until(lambda: job.children[0].net.Output.Count)
    began = time.monotonic()
    web.close()
    assert time.monotonic() - began < 2
    assert job.wait(2)
    assert (job.state, job.children[0].state) == ("Stopped", "Stopped")
    until(lambda: not machine.far_processes())


def test_a_close_ends_the_call_of_another_thread(shell: Session, machine: Machine) -> None:
    web = shell.connect(machine.target())
    ends: list[BaseException] = []

    def work() -> None:
        try:
            web.run(LOOP)
        except BaseException as error:
            ends.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: web._pipeline is not None)
    time.sleep(0.2)
    web.close()
    thread.join(10)
    assert [type(end) for end in ends] == [SessionClosedError]
    until(lambda: not machine.far_processes())


def test_powershell_may_remove_it(shell: Session, machine: Machine) -> None:
    web = shell.connect(machine.target())
    assert web.net.Name
    shell.run("Get-PSSession | Remove-PSSession")
    with pytest.raises(SessionClosedError):
        web.run("1")
    web.close()


def test_a_session_that_cannot_be_opened_leaves_nothing(shell: Session, machine: Machine) -> None:
    with pytest.raises(PowerShellError, match=r"^(localhost:1|127\.0\.0\.1)\b"):
        shell.connect(machine.target(port=1))
    assert shell.run("@(Get-PSSession).Count") == [0]
    with pytest.raises(TypeError, match="no target"):
        shell.connect("web1")  # type: ignore[arg-type]
    until(lambda: not machine.lines())

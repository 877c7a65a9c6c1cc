"""What happens in a cmdlet's hooks: mistakes, endless loops, the session they run in."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

import pytest
from conditions import until

from psbridge import (
    Cmdlet,
    Credential,
    JobCmdlet,
    Parameter,
    PowerShellError,
    PsbridgeError,
    Session,
    SessionClosedError,
)


class Faulty(Cmdlet, verb="Test", noun="Faulty"):
    """Raises in the hook that is named."""

    where: Annotated[str, Parameter(position=0)] = ""
    number: Annotated[int, Parameter(from_pipeline=True)] = 0

    def begin(self) -> None:
        self.fail("begin")

    def process(self) -> Iterator[int]:
        if self.number == 2:
            self.fail("process")
        yield self.number

    def end(self) -> None:
        self.fail("end")

    def dispose(self) -> None:
        self.fail("dispose")

    def fail(self, hook: str) -> None:
        if self.where == hook:
            raise ValueError(f"a mistake in {hook}")


@pytest.mark.parametrize(
    ("hook", "output"),
    [("begin", []), ("process", [1]), ("end", [1, 2, 3]), ("dispose", [1, 2, 3])],
)
def test_an_exception_in_a_hook_is_an_error_and_what_came_before_stays(
    shell: Session, hook: str, output: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    shell.import_cmdlets(Faulty)
    result = shell.run(f"1..3 | Test-Faulty {hook}; 'on'")
    assert result == [*output, "on"]
    if hook == "dispose":  # there is no pipeline any more that could show it
        assert "a mistake in dispose" in caplog.text
    else:
        assert [error.message for error in result.errors] == [f"ValueError: a mistake in {hook}"]
        assert result.errors[0].error_id == "ValueError,PSBridge.Cmdlets.TestFaultyCommand"
    assert shell.run("1 | Test-Faulty") == [1]


def test_an_exception_in_the_constructor_is_an_error(shell: Session) -> None:
    class Unmade(Cmdlet, verb="Test", noun="Unmade"):
        def __init__(self) -> None:
            raise ValueError("not made")

    shell.import_cmdlets(Unmade)
    (error,) = shell.run("Test-Unmade").errors
    assert "not made" in error.message


def test_an_exception_in_dynamic_parameters_is_an_error(shell: Session) -> None:
    class Dynamic(Cmdlet, verb="Test", noun="DynamicMistake"):
        def dynamic_parameters(self) -> Mapping[str, Any]:
            raise ValueError("no parameters today")

    shell.import_cmdlets(Dynamic)
    (error,) = shell.run("Test-DynamicMistake").errors
    assert "no parameters today" in error.message


def run_and_close(shell: Session, script: str, began: threading.Event) -> float:
    """Run code until the session is closed, and give how long that took."""

    def run() -> None:
        with contextlib.suppress(SessionClosedError):
            shell.run(script)

    running = threading.Thread(target=run)
    running.start()
    assert began.wait(10)
    started = time.monotonic()
    shell.close()
    running.join(20)
    return time.monotonic() - started


def test_a_hook_that_never_writes_is_interrupted_by_a_stop(shell: Session) -> None:
    seen = []
    began = threading.Event()

    class Busy(Cmdlet, verb="Test", noun="Busy"):
        def process(self) -> None:
            began.set()
            try:
                while True:
                    time.sleep(0.01)
            finally:
                seen.append("finally")

        def dispose(self) -> None:
            for _ in range(100):  # longer than the grace, and in peace
                time.sleep(0.01)
            seen.append("dispose")

    shell.import_cmdlets(Busy)
    assert run_and_close(shell, "Test-Busy", began) < 3
    assert seen == ["finally", "dispose"]


def test_end_is_not_called_where_the_input_was_broken_off(shell: Session) -> None:
    hooks: list[object] = []

    class Total(JobCmdlet, verb="Measure", noun="Total", children="one"):
        number: Annotated[int, Parameter(from_pipeline=True)] = 0

        def process(self) -> None:
            hooks.append(self.number)

        def end(self) -> None:
            hooks.append("end")

        def dispose(self) -> None:
            hooks.append("dispose")

    def broken() -> Iterator[int]:
        yield 1
        until(lambda: 1 in hooks or as_job)
        raise ValueError("no more")

    shell.import_cmdlets(Total)
    for as_job in (False, True):
        hooks.clear()
        with pytest.raises(ValueError, match="no more"):
            shell.call("Measure-Total", input=broken(), parameters={"AsJob": as_job})
        assert hooks == ([] if as_job else [1, "dispose"])
        assert len(shell.jobs) == 0
    assert shell.call("Measure-Total", input=[2, 3]) == []
    assert hooks == [2, 3, "end", "dispose"]


def test_a_hook_that_ends_by_itself_when_it_is_told_is_not_interrupted(shell: Session) -> None:
    seen = []
    began = threading.Event()

    class Polite(Cmdlet, verb="Test", noun="Polite"):
        asked = threading.Event()

        def process(self) -> None:
            began.set()
            self.asked.wait(10)
            seen.append(self.stopping)

        def stop(self) -> None:
            self.asked.set()

    shell.import_cmdlets(Polite)
    assert run_and_close(shell, "Test-Polite", began) < 3
    assert seen == [True]


def test_an_exception_in_stop_is_logged_and_harms_nothing(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    began = threading.Event()

    class BadStop(Cmdlet, verb="Test", noun="BadStop"):
        def process(self) -> None:
            began.set()
            while not self.stopping:
                time.sleep(0.01)

        def stop(self) -> None:
            raise ValueError("a mistake in stop")

    shell.import_cmdlets(BadStop)
    with caplog.at_level(logging.ERROR, logger="psbridge"):
        run_and_close(shell, "Test-BadStop", began)
    assert "a mistake in stop" in caplog.text


class AskSession(JobCmdlet, verb="Test", noun="Session", uses_variables=["Proxy", "Unset"]):
    """Uses what the session has."""

    def process(self) -> Iterator[Any]:
        yield self.variables["Proxy"]
        yield self.variables["Unset"]
        yield self.session.variables["local"]
        self.session.variables["left"] = 7


def test_the_session_has_the_variables_of_the_caller(shell: Session) -> None:
    shell.import_cmdlets(AskSession)
    script = "$Proxy = 'p'; & { $local = 'inner'; Test-Session; $left }; $null -eq $left"
    assert shell.run(script) == ["p", None, "inner", 7, True]


def test_a_job_has_the_variables_that_it_uses_and_says_that_it_has_no_session(
    shell: Session,
) -> None:
    shell.import_cmdlets(AskSession)
    job = shell.run("$Proxy = @{ host = 'h' }; $job = Test-Session -AsJob; $Proxy = 1; $job")[0]
    handle = shell.jobs[job.Id]
    handle.wait(10)
    assert handle.state == "Failed"
    assert handle.reason is not None
    assert "a job runs outside of any pipeline" in handle.reason
    assert handle.receive()[0] == {"host": "h"}


class Complain(JobCmdlet, verb="Test", noun="Complaint", supports_should_process=True):
    """Writes to each stream."""

    def process(self) -> Iterator[Any]:
        self.write_verbose("a detail")
        self.write_warning("a warning")
        self.write_error(ValueError("an error"))
        if self.should_process("the thing"):
            yield "the end"


STREAMS = [
    ("", ["the end"], ["ValueError: an error"], ["a warning"]),
    ("-ErrorAction SilentlyContinue", ["the end"], [], ["a warning"]),
    ("-ErrorAction Ignore -WarningAction Ignore", ["the end"], [], []),
    ("-WarningAction SilentlyContinue", ["the end"], ["ValueError: an error"], []),
    ("-WhatIf", [], ["ValueError: an error"], ["a warning"]),
]


@pytest.mark.parametrize(("arguments", "output", "errors", "warnings"), STREAMS)
def test_preferences_hold_in_the_foreground_and_in_a_job(
    shell: Session, arguments: str, output: list[str], errors: list[str], warnings: list[str]
) -> None:
    shell.import_cmdlets(Complain)
    front = shell.run(f"Test-Complaint {arguments}")
    assert (front, [e.message for e in front.errors]) == (output, errors)
    assert [w.message for w in front.warnings] == warnings
    if "WhatIf" not in arguments:  # then there is no job
        back = shell.run(f"Test-Complaint {arguments} -AsJob | Wait-Job | Receive-Job")
        assert (back, [e.message for e in back.errors]) == (output, errors)
        assert [w.message for w in back.warnings] == warnings


def test_preference_variables_hold_too(shell: Session) -> None:
    shell.import_cmdlets(Complain)
    shell.run("$ErrorActionPreference = $WarningPreference = 'SilentlyContinue'")
    for script in ("Test-Complaint", "Test-Complaint -AsJob | Wait-Job | Receive-Job"):
        result = shell.run(script)
        assert (result, result.errors, result.warnings) == (["the end"], [], [])
    shell.run("$VerbosePreference = 'Continue'")
    assert [v.message for v in shell.run("Test-Complaint").verbose] == ["a detail"]


def test_error_action_stop_ends_the_work_in_the_foreground_and_in_a_job(shell: Session) -> None:
    shell.import_cmdlets(Complain)
    with pytest.raises(PowerShellError, match="an error"):
        shell.run("Test-Complaint -ErrorAction Stop")
    (job,) = shell.run("Test-Complaint -ErrorAction Stop -AsJob | Wait-Job")
    handle = shell.jobs[job.Id]
    assert (handle.state, handle.reason) == ("Failed", "ValueError: an error")
    received = handle.receive()
    assert (received, [e.message for e in received.errors]) == ([], ["ValueError: an error"])


class Outer(JobCmdlet, verb="Test", noun="Outer"):
    """Starts a job in a session of its own, in the foreground or in a job."""

    def process(self) -> Iterator[Any]:
        with Session() as inner:
            inner.import_cmdlets(Inner)
            yield from inner.run("1..3 | Test-Inner -AsJob | Wait-Job | Receive-Job")


class Inner(JobCmdlet, verb="Test", noun="Inner", children="each"):
    """Squares."""

    number: Annotated[int, Parameter(from_pipeline=True)] = 0

    def process(self) -> int:
        return self.number**2


@pytest.mark.parametrize("run", ["Test-Outer", "Test-Outer -AsJob | Wait-Job | Receive-Job"])
def test_as_job_inside_as_job(shell: Session, run: str) -> None:
    shell.import_cmdlets(Outer)
    assert shell.run(run) == [1, 4, 9]


def test_as_job_inside_a_script_block_that_another_cmdlet_calls(shell: Session) -> None:
    class Calls(Cmdlet, verb="Test", noun="Calls"):
        how: Annotated[Callable[..., Any], Parameter(position=0, mandatory=True)]

        def process(self) -> Iterator[Any]:
            yield from self.how()

    shell.import_cmdlets(Calls, Inner)
    assert shell.run("Test-Calls { 4 | Test-Inner -AsJob | Wait-Job | Receive-Job }") == [16]


def test_as_job_in_the_runspaces_of_foreach_parallel(shell: Session) -> None:
    shell.import_cmdlets(Inner, AskSession)
    result = shell.run(
        """
        $path = (Get-Command Test-Inner).Module.Path
        1..4 | ForEach-Object -Parallel {
            Import-Module $using:path
            $_ | Test-Inner -AsJob | Wait-Job | Receive-Job
            try { Test-Session } catch { "$_" }
        }
        @(Get-Job).Count
        """
    )
    said = [value for value in result if isinstance(value, str)]
    assert sorted(value for value in result if isinstance(value, int)) == [0, 1, 4, 9, 16]
    assert len(said) == 4
    assert all("this runspace is not one of psbridge's" in text for text in said)


def test_several_sessions_run_jobs_at_once(shell: Session) -> None:
    with Session() as other:
        for session in (shell, other):
            session.import_cmdlets(Inner)
        script = "1..20 | Test-Inner -AsJob | Wait-Job | Receive-Job"
        found: list[list[Any]] = []
        threads = [
            threading.Thread(target=lambda s=session: found.append(s.run(script)))
            for session in (shell, other) * 3
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [sorted(values) for values in found] == [[n * n for n in range(1, 21)]] * 6


def test_outside_of_a_call_there_is_nothing(shell: Session) -> None:
    with pytest.raises(PsbridgeError, match="has no session here"):
        _ = Inner().session
    with pytest.raises(PsbridgeError, match="is not running"):
        _ = Inner().variables


class Login(JobCmdlet, verb="Test", noun="Login"):
    """Shows a credential, as no cmdlet should."""

    credential: Annotated[Credential, Parameter(position=0, mandatory=True)]

    def process(self) -> Iterator[str]:
        yield f"{self.credential.username} {self.credential.password.reveal()}"
        yield repr(self.credential)


@pytest.mark.parametrize("run", ["", "-AsJob | Wait-Job | Receive-Job"])
def test_a_credential_goes_along_into_a_job(shell: Session, run: str) -> None:
    shell.import_cmdlets(Login)
    shell.run(
        "$secret = [securestring]::new(); 'hidden'.ToCharArray() | % { $secret.AppendChar($_) }"
    )
    shown, text = shell.run(f"Test-Login ([pscredential]::new('me', $secret)) {run}")
    assert shown == "me hidden"
    assert "hidden" not in text


def test_a_missing_mandatory_value_is_an_error_where_nobody_can_be_asked(shell: Session) -> None:
    shell.import_cmdlets(Login)
    (error,) = shell.run("Test-Login").errors
    assert "missing mandatory parameters: Credential" in error.message


def test_what_is_local_to_the_thread_lasts_as_long_as_the_call(shell: Session) -> None:
    local = threading.local()

    class Remember(Cmdlet, verb="Test", noun="Memory"):
        number: Annotated[int, Parameter(from_pipeline=True)] = 0

        def begin(self) -> str:
            before = getattr(local, "count", "nothing")
            local.count = 0
            return f"{before} before"

        def process(self) -> int:
            local.count += self.number
            return int(local.count)

    shell.import_cmdlets(Remember)
    for _ in range(2):
        assert shell.run("1..3 | Test-Memory") == ["nothing before", 1, 3, 6]
    script = "1..2 | Test-Memory | ForEach-Object { if ($_ -is [int]) { Test-Memory } }"
    assert shell.run(script) == ["1 before", 0, "2 before", 0]
    assert shell.run("Test-Memory") == ["nothing before", 0]


class ShowForeign(Cmdlet, verb="Show", noun="Foreign", supports_should_process=True):
    """What other threads are told that write or ask in the foreground."""

    def process(self) -> Iterator[str]:
        told: list[str] = []

        def attempt(call: Callable[[], object]) -> None:
            try:
                call()
            except PsbridgeError as error:
                told.append(str(error))

        for call in (
            lambda: self.write(1),
            lambda: self.write_error("no"),
            lambda: self.write_progress("no"),
            lambda: self.should_process("it"),
        ):
            thread = threading.Thread(target=attempt, args=(call,), name="mine")
            thread.start()
            thread.join()
        yield from told


def test_another_thread_that_writes_in_the_foreground_is_told_what_to_do(shell: Session) -> None:
    shell.import_cmdlets(ShowForeign)
    result = shell.run("Show-Foreign")
    assert len(result) == 4
    for text in result:
        assert text.startswith("Show-Foreign cannot write or ask here, on thread 'mine'")
        assert "queue.Queue" in text
    assert not result.errors


HOW = ["nothing", "begin", "process", "end", "dispose"]
TWIN = """
using System; using System.Management.Automation;
namespace Twin;
[Cmdlet("Test", "NetEnding")]
public sealed class TestNetEndingCommand : PSCmdlet, IDisposable
{
    public static string Log = "";
    [Parameter(Position = 0)] public string Where { get; set; } = "";
    private void Note(string hook)
    {
        Log += hook + " ";
        if (hook == Where) throw new Exception("in " + hook);
    }
    protected override void BeginProcessing() => Note("begin");
    protected override void ProcessRecord() { Note("process"); WriteObject(1); }
    protected override void EndProcessing() => Note("end");
    public void Dispose() => Note("dispose");
}
"""


class Ending(JobCmdlet, verb="Test", noun="Ending"):
    """The same in Python."""

    where: Annotated[str, Parameter(position=0)] = ""
    log: ClassVar[list[str]] = []

    def note(self, hook: str) -> None:
        self.log.append(hook)
        if hook == self.where:
            raise RuntimeError(f"in {hook}")

    def begin(self) -> None:
        self.note("begin")

    def process(self) -> int:
        self.note("process")
        return 1

    def end(self) -> None:
        self.note("end")

    def dispose(self) -> None:
        self.note("dispose")


def test_dispose_keeps_to_one_rule_in_the_foreground_in_a_job_and_in_csharp(
    shell: Session,
) -> None:
    shell.run("param($code) Add-Type $code -PassThru -EA Stop | % Assembly | Import-Module", TWIN)
    shell.import_cmdlets(Ending)

    def outcome(script: str, how: str) -> tuple[list[Any], int, list[str]]:
        Ending.log.clear()
        shell.run("[Twin.TestNetEndingCommand]::Log = ''")
        result = shell.run("param($how) " + script, how)
        hooks = Ending.log or shell.run("[Twin.TestNetEndingCommand]::Log")[0].split()
        return list(result), len(result.errors), list(hooks)

    for how in HOW:
        expected = outcome("Test-NetEnding $how", how)
        assert outcome("Test-Ending $how", how) == expected
        job = "($job = Test-Ending $how -AsJob) | Wait-Job | Receive-Job -ErrorAction Continue"
        assert outcome(job, how)[::2] == expected[::2]
        failed = how in ("begin", "process", "end")
        assert shell.run("$job.State") == ["Failed" if failed else "Completed"]


def test_dispose_is_not_called_where_begin_is_not(shell: Session) -> None:
    class Unbegun(JobCmdlet, verb="Test", noun="Unbegun"):
        def dynamic_parameters(self) -> Mapping[str, Any]:
            return {"depth": Annotated[int, Parameter()]}

        def begin(self) -> None:
            seen.append("begin")

        def dispose(self) -> None:
            seen.append("dispose")

    seen: list[str] = []
    shell.import_cmdlets(Unbegun)
    assert len(shell.run("Test-Unbegun -Depth x").errors) == 1
    assert seen == []
    shell.run("Test-Unbegun -AsJob | Wait-Job")
    assert seen == ["begin", "dispose"]


def test_dispose_can_write_nothing_anywhere(
    shell: Session, caplog: pytest.LogCaptureFixture
) -> None:
    class Late(JobCmdlet, verb="Test", noun="Late"):
        def dispose(self) -> None:
            self.write("too late")

    shell.import_cmdlets(Late)
    for script in ("Test-Late", "Test-Late -AsJob | Wait-Job | Receive-Job"):
        caplog.clear()
        result = shell.run(script)
        assert (list(result), result.errors) == ([], [])
        assert "it can write only while PowerShell runs it" in caplog.text

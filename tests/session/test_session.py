"""Running PowerShell code: arguments, streams, errors, closing, Ctrl-C, the end of the program."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conditions import IMPORT, is_in, until

from psbridge import Cmdlet, ConversionError, PowerShellError, Session, SessionClosedError

# An advanced function: the only way to the message streams with PowerShell's core commands alone.
SPEAK = """
function Speak {
    [CmdletBinding()] param([Parameter(ValueFromPipeline)] $Text)
    process {
        $PSCmdlet.WriteWarning("w $Text")
        $PSCmdlet.WriteVerbose("v $Text")
        $PSCmdlet.WriteDebug("d $Text")
        $PSCmdlet.WriteInformation([pscustomobject]@{ Text = $Text }, [string[]]('a', 'b'))
        $PSCmdlet.WriteError([System.Management.Automation.ErrorRecord]::new(
            [System.IO.FileNotFoundException]::new("e $Text"), 'Id', 'ObjectNotFound', $Text))
        $PSCmdlet.WriteObject("o $Text")
    }
}
"""


# Arguments


def test_arguments_are_given_by_position_and_by_name(shell: Session) -> None:
    assert shell.run("$args[0]; $args[1]; $args.Count", "a", 2) == ["a", 2, 2]
    assert shell.run("param($x, $y) $y; $x", 1, 2) == [2, 1]
    assert shell.run("param($x, $y) $y; $x", y=1, x=2) == [1, 2]
    assert shell.run("param($x, $y) $y; $x", 1, y=2) == [2, 1]


@pytest.mark.parametrize(
    "name", ["script", "self", "arguments", "parameters", "timeout", "check", "named"]
)
def test_any_name_can_be_a_parameters(shell: Session, name: str) -> None:
    assert shell.run(f"param(${name}) ${name}", parameters={name: 5}) == [5]
    if name in ("script", "self", "arguments", "named"):  # no names of ours
        assert eval(f"shell.run('param(${name}) ${name}', {name}=5)") == [5]


@pytest.mark.parametrize(
    "text",
    ["'; throw 'x", '"; exit 1 #', "$(throw 1)", "`", "-Name", "a b", "@{a=1}", "$null", "", "\n"],
)
def test_an_argument_is_never_a_part_of_the_code(shell: Session, text: str) -> None:
    assert shell.run("$args[0]", text) == [text]
    assert shell.run("param($x) $x", x=text) == [text]


def test_a_parameter_that_does_not_exist_is_an_error(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("[CmdletBinding()] param($x) $x", nonsense=1)
    assert caught.value.error_id == "NamedParameterNotFound"
    assert "nonsense" in str(caught.value)


def test_an_argument_without_counterpart_leaves_the_session_usable(shell: Session) -> None:
    with pytest.raises(ConversionError, match="generator"):
        shell.run("$args", (x for x in ""))
    assert shell.run("1") == [1]


# Streams


def test_every_stream_has_its_place(shell: Session) -> None:
    shell.run(SPEAK)
    result = shell.run("$VerbosePreference = $DebugPreference = 'Continue'; 1, 2 | Speak")
    assert result == ["o 1", "o 2"]
    assert [str(record) for record in result.warnings] == ["w 1", "w 2"]
    assert [str(record) for record in result.verbose] == ["v 1", "v 2"]
    assert [str(record) for record in result.debug] == ["d 1", "d 2"]
    assert [record.message for record in result.information] == [{"Text": 1}, {"Text": 2}]
    assert [record.tags for record in result.information] == [("a", "b")] * 2
    first, second = result.errors
    assert (first.message, first.error_id, first.category) == ("e 1", "Id,Speak", "ObjectNotFound")
    assert (first.target, second.target) == (1, 2)
    assert "Speak" in first.script_stack_trace
    assert first.net.Exception.GetType().Name == "FileNotFoundException"


def test_streams_that_are_not_asked_for_are_empty(shell: Session) -> None:
    shell.run(SPEAK)
    result = shell.run("1 | Speak")
    assert (result.verbose, result.debug) == ([], [])


def test_many_errors_are_collected_fast(shell: Session) -> None:
    shell.run(SPEAK)
    result = shell.run("1..2000 | Speak")
    assert len(result.errors) == len(result.warnings) == len(result) == 2000
    assert result.errors[-1].message == "e 2000"


def test_what_defies_conversion_in_a_record_does_not_lose_the_others(shell: Session) -> None:
    shell.run(SPEAK)
    broken = '"a$([char]0xD800)b"'
    result = shell.run(f"{broken} | Speak; {broken}; 'after'")
    assert result == ["o a\ud800b", "a\ud800b", "after"]
    assert result.errors[0].message == "e a\ud800b"
    assert result.errors[0].target == "a\ud800b"
    assert result.warnings[0].message == "w a\ud800b"
    with pytest.raises(PowerShellError) as caught:
        shell.run(f"'before'; throw {broken}")
    assert str(caught.value) == "a\ud800b"
    assert caught.value.result == ["before"]


# Errors


def test_throw_is_a_powershell_error_with_what_came_before(shell: Session) -> None:
    shell.run(SPEAK)
    with pytest.raises(PowerShellError) as caught:
        shell.run("1; 'x' | Speak; throw 'oh no'; 2")
    error = caught.value
    assert str(error) == "oh no"
    assert error.error_id == "oh no"
    assert error.category == "OperationStopped"
    assert error.result == [1, "o x"]
    assert [record.message for record in error.result.errors] == ["e x"]
    assert error.record is not None
    assert error.exception.GetType().Name == "RuntimeException"


def test_a_parse_error_is_one(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("1 +")
    assert caught.value.category == "ParserError"
    assert caught.value.result == []


def test_error_action_stop_makes_an_error_terminating(shell: Session) -> None:
    shell.run(SPEAK)
    with pytest.raises(PowerShellError, match="e x") as caught:
        shell.run("'x' | Speak -ErrorAction Stop; 2")
    assert (caught.value.error_id, caught.value.category) == ("Id,Speak", "ObjectNotFound")
    assert caught.value.result == []


def test_an_exception_in_a_net_method_is_an_error_record(shell: Session) -> None:
    result = shell.run("[int]::Parse('x'); 2")
    assert result == [2]
    assert result.errors[0].error_id == "FormatException"


def test_an_exception_that_is_thrown_keeps_its_net_original(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.run("throw [System.IO.FileNotFoundException]::new('gone', 'a.txt')")
    assert str(caught.value) == "gone"
    assert caught.value.error_id == "gone"
    import System

    assert isinstance(caught.value.__cause__, System.Exception)
    assert caught.value.record.Exception.FileName == "a.txt"


def test_an_errors_causes_are_the_inner_exceptions(shell: Session) -> None:
    script = """
        $inner = [FormatException]::new('inner', [ArithmeticException]::new('innermost'))
        throw [InvalidOperationException]::new('outer', $inner)
    """
    with pytest.raises(PowerShellError, match="outer") as caught:
        shell.run(script)
    error: BaseException | None = caught.value
    chain = []
    while error := error and error.__cause__:
        chain.append(type(error).__name__)
    assert chain == ["InvalidOperationException", "FormatException", "ArithmeticException"]
    with pytest.raises(PowerShellError) as caught:
        shell.run("Get-Item nowhere -ErrorAction Stop")
    assert caught.value.exception is not None
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_script_that_throws_what_a_stop_throws_has_failed(shell: Session) -> None:
    with pytest.raises(PowerShellError):
        shell.run("throw [System.Management.Automation.PipelineStoppedException]::new()")
    assert shell.run("1") == [1]


def test_exit_ends_the_script(shell: Session) -> None:
    assert shell.run("1; exit 3; 2") == [1]
    assert shell.run("2") == [2]


# State


def test_what_a_script_defines_stays(shell: Session) -> None:
    shell.run("$a = 5; function Twice($x) { 2 * $x }")
    assert shell.run("Twice $a") == [10]


def test_two_sessions_have_nothing_in_common(shell: Session) -> None:
    with Session() as other:
        shell.run("$a = 1; function F { 'one' }")
        other.run("$a = 2")
        shell.start(lambda: 1).wait()
        assert shell.run("$a") == [1]
        assert other.run("$a") == [2]
        assert (len(shell.jobs), len(other.jobs)) == (1, 0)
        assert other.run("F").errors[0].error_id == "CommandNotFoundException"


def test_a_call_from_inside_a_pipeline_runs_nested(shell: Session) -> None:
    class AskBack(Cmdlet, verb="Get", noun="Answer"):
        """Ask the session it runs in."""

        depth: int = 0

        def process(self) -> Iterator[Any]:
            """Go down."""
            assert self.session is shell
            if self.depth > 0:
                yield from self.session.run("param($d) Get-Answer -Depth $d", d=self.depth - 1)
            yield self.depth + self.session.run("$base")[0]
            with pytest.raises(PowerShellError, match="inner"):
                self.session.run("throw 'inner'")

    shell.import_cmdlets(AskBack)
    assert shell.run("$base = 10; Get-Answer -Depth 2; 'end'") == [10, 11, 12, "end"]


def test_many_threads_take_turns(shell: Session) -> None:
    failures: list[object] = []

    def work(number: int) -> None:
        for count in range(50):
            result = shell.run("param($a, $b) $a; $b", a=number, b=count)
            if result != [number, count]:
                failures.append(result)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert failures == []


# Closing


def test_closing_twice_does_nothing_and_use_after_it_is_an_error() -> None:
    shell = Session()
    assert not shell.closed
    assert "PowerShell 7" in repr(shell)
    shell.close()
    shell.close()
    assert shell.closed
    assert "closed" in repr(shell)
    for use in (
        lambda: shell.run("1"),
        lambda: shell.show("1"),
        lambda: shell.start(print),
        lambda: shell.import_module("x"),
        lambda: len(shell.jobs),
        shell.__enter__,
    ):
        with pytest.raises(SessionClosedError):
            use()


class InThread:
    """A call that runs in a thread, and how it ended."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.result: object = None
        self._call = call
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.result = error

    def join(self, timeout: float) -> object:
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "the call has not returned"
        return self.result


def running(shell: Session, script: str, **values: object) -> InThread:
    """Run a script in a thread, until it sets ``$begun``."""
    from System.Threading import ManualResetEvent

    begun = ManualResetEvent(False)
    shell.variables["begun"] = begun
    for name, value in values.items():
        shell.variables[name] = value
    call = InThread(lambda: shell.run(script))
    until(lambda: begun.WaitOne(0))
    return call


def closed_behind_what_ran(shell: Session) -> bool:
    """Whether nothing was given up when a session closed."""
    return str(shell._runspace.RunspaceStateInfo.State) == "Closed"


@pytest.mark.parametrize(
    "script", ["while ($true) { }", "while ($true) { try { throw 1 } catch { } }"]
)
def test_closing_stops_what_runs_in_another_thread(script: str) -> None:
    shell = Session()
    first = running(shell, f"$null = $begun.Set(); {script}")
    waiting = InThread(lambda: shell.run("1"))
    until(lambda: is_in(waiting.thread, "_wait_for_turn"))
    shell.close()
    assert closed_behind_what_ran(shell)
    assert isinstance(first.join(10), SessionClosedError)
    assert isinstance(waiting.join(10), SessionClosedError)


def test_closing_gives_up_a_net_call_after_five_seconds() -> None:
    shell = Session()  # PowerShell runs from here on
    from System.Threading import ManualResetEvent

    gate = ManualResetEvent(False)
    call = running(shell, "$null = $begun.Set(); $gate.WaitOne(60000)", gate=gate)
    start = time.monotonic()
    shell.close()
    assert 4 < time.monotonic() - start < 30
    assert isinstance(call.join(10), SessionClosedError)
    assert not closed_behind_what_ran(shell)
    gate.Set()
    until(lambda: closed_behind_what_ran(shell))


def test_closing_lets_finally_blocks_run() -> None:
    shell = Session()
    done: list[object] = []

    class Note(Cmdlet, verb="Add", noun="Note"):
        """Take a note."""

        def process(self) -> None:
            """Take it."""
            done.append("cleaned")

    shell.import_cmdlets(Note)
    call = running(
        shell,
        "try { $null = $begun.Set(); while ($true) { } }"
        " finally { [Threading.Thread]::Sleep(300); Add-Note }",
    )
    shell.close()
    assert isinstance(call.join(10), SessionClosedError)
    assert closed_behind_what_ran(shell)
    assert done == ["cleaned"]


def test_a_race_of_closing_and_running_hangs_nowhere() -> None:
    for round_number in range(20):
        shell = Session()
        calls = [InThread(lambda: shell.run("while ($true) { }")) for _ in range(3)]  # noqa: B023
        time.sleep(0.005 * (round_number % 5))
        closing = [InThread(shell.close) for _ in range(2)]
        for call in closing:
            assert call.join(10) is None
        for call in calls:
            assert isinstance(call.join(10), SessionClosedError)


def test_closing_from_inside_a_pipeline_closes_behind_it() -> None:
    shell = Session()

    class CloseIt(Cmdlet, verb="Close", noun="It"):
        """Close the session it runs in."""

        def process(self) -> None:
            """Close it."""
            shell.close()

    shell.import_cmdlets(CloseIt)
    assert isinstance(InThread(lambda: shell.run("Close-It; 1")).join(5), SessionClosedError)
    assert shell.closed
    assert shell._runspace.RunspaceStateInfo.State.ToString() == "Closed"


def test_a_session_that_is_dropped_warns_and_closes() -> None:
    shell = Session()
    runspace = shell._runspace
    with pytest.warns(ResourceWarning, match="unclosed <Session PowerShell"):  # noqa: PT031
        del shell
        gc.collect()
    assert runspace.RunspaceStateInfo.State.ToString() == "Closed"


def test_a_session_that_is_closed_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shell = Session()
        shell.close()
        del shell
        gc.collect()


def test_sessions_leave_no_threads_behind() -> None:
    def open_and_close(count: int) -> None:
        for _ in range(count):
            with Session() as shell:
                assert shell.run("1") == [1]

    open_and_close(20)
    before = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    open_and_close(200)
    # The thread pool may have grown by a few; 200 of them would be a leak.
    until(lambda: len(os.listdir("/proc/self/task")) <= before + 10)  # noqa: PTH208


# Ctrl-C, each in a process of its own


class Child:
    """Python code in a process of its own, which prints lines."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        watch = threading.Timer(30, self.process.kill)
        watch.start()
        assert self.process.stdout.readline().rstrip() == line
        watch.cancel()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self, timeout: float = 30) -> tuple[int, str, str]:
        # Not communicate: it does not see what came together with a line that was waited for.
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        watch = threading.Timer(timeout, self.process.kill)
        watch.start()
        with self.process:
            out, err = self.process.stdout.read(), self.process.stderr.read()
        watch.cancel()
        return self.process.returncode, out, err


# Show-Ready says from inside the script that it runs; $gate keeps a .NET call.
INTERRUPTED = f"""{IMPORT}
import os, threading
from psbridge import Cmdlet, Session
from psbridge.session import runs
class Ready(Cmdlet, verb="Show", noun="Ready"):
    def process(self):
        os.write(1, b"ready\\n")
shell = Session()
shell.import_cmdlets(Ready)
from System.Threading import ManualResetEvent
gate = shell.variables["gate"] = ManualResetEvent(False)
shell.run("$a = 5")
{{before}}
try:
    shell.run({{script!r}})
except KeyboardInterrupt:
    print("interrupted", gate.WaitOne(0), flush=True)
gate.Set()
print(shell.run("$a"), flush=True)
shell.close()
"""
CALL = "Show-Ready; $gate.WaitOne(60000)"


@pytest.mark.parametrize(
    "script",
    [
        "Show-Ready; while ($true) { }",
        "$job = Start-Job { while ($true) { } }; Show-Ready; Wait-Job $job",
        CALL,
    ],
)
def test_ctrl_c_interrupts_what_runs_and_does_not_wait_for_a_net_call(script: str) -> None:
    child = Child(INTERRUPTED.format(before="", script=script))
    child.wait_for("ready")
    child.interrupt()
    child.wait_for("interrupted False")
    assert child.end() == (0, "[5]\n", "")


def test_ctrl_c_still_works_after_net_has_used_the_console_and_started_processes() -> None:
    before = (
        "shell.run('[Console]::Error.Write([string]::Empty); Start-Job { 1 } | Receive-Job -Wait')"
    )
    child = Child(INTERRUPTED.format(before=before, script="Show-Ready; while ($true) { }"))
    child.wait_for("ready")
    child.interrupt()
    child.wait_for("interrupted False")
    assert child.end() == (0, "[5]\n", "")


def test_ctrl_c_twice_waits_no_longer() -> None:
    before = """
runs._INTERRUPT_SECONDS = 1000
def watch():
    until(lambda: is_in(threading.main_thread(), "stop_pipeline"))
    print("stopping", flush=True)
threading.Thread(target=watch, daemon=True).start()
"""
    child = Child(INTERRUPTED.format(before=before, script=CALL))
    child.wait_for("ready")
    child.interrupt()
    child.wait_for("stopping")
    child.interrupt()
    child.wait_for("interrupted False")
    assert child.end() == (0, "[5]\n", "")


def test_ctrl_c_while_waiting_for_a_turn() -> None:
    child = Child(f"""{IMPORT}
import threading
from psbridge import Session, SessionClosedError
shell = Session()
def work():
    try:
        shell.run("while ($true) {{ }}")
    except SessionClosedError:
        print("closed", flush=True)
thread = threading.Thread(target=work)
thread.start()
until(lambda: is_in(thread, "run_pipeline"))
def watch():
    until(lambda: is_in(threading.main_thread(), "_wait_for_turn"))
    print("ready", flush=True)
threading.Thread(target=watch, daemon=True).start()
try:
    shell.run("1")
except KeyboardInterrupt:
    print("interrupted", flush=True)
shell.close()
thread.join()
""")
    child.wait_for("ready")
    child.interrupt()
    child.wait_for("interrupted")
    assert child.end() == (0, "closed\n", "")


def test_ctrl_c_ends_pythons_own_waits_once_net_runs() -> None:
    child = Child(f"""{IMPORT}
import threading
from psbridge import Session
def watch():
    until(lambda: is_in(threading.main_thread(), "rest"))
    print("ready", flush=True)
def rest():
    threading.Event().wait()
with Session():
    threading.Thread(target=watch, daemon=True).start()
    try:
        rest()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
""")
    child.wait_for("ready")
    child.interrupt()
    child.wait_for("interrupted")
    assert child.end() == (0, "", "")


# The end of the program

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "import sys; sys.exit(0)",
        "del shell._host",
        "shell2 = Session(); shell2.run('$x = 1')",
        "from psbridge import Console; c = Session(console=Console()); c.show('$null')",
    ],
)
def test_a_program_may_end_with_an_open_session(run_python: RunPython, ending: str) -> None:
    code = (
        f"from psbridge import Session\nshell = Session()\nassert shell.run('1') == [1]\n{ending}"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


DAEMONS = f"""{IMPORT}
import threading, time
from psbridge import Cmdlet, Console, Session

begun = threading.Semaphore(0)

class Begun(Cmdlet, verb="Set", noun="Begun"):
    def process(self):
        begun.release()

class Tick(Cmdlet, verb="Get", noun="Tick"):
    def process(self):
        time.sleep(0.001)
        yield from self.session.run("1")

shells = [Session(), Session(console=Console())]
for shell in shells:
    shell.import_cmdlets(Begun, Tick)
    arguments = ("Set-Begun; " + {{script!r}},)
    pair = [threading.Thread(target=shell.run, args=arguments, daemon=True) for _ in range(2)]
    for thread in pair:
        thread.start()
    begun.acquire()
    until(lambda: any(is_in(thread, "_wait_for_turn") for thread in pair))
"""


@pytest.mark.parametrize(
    "script",
    [
        "while ($true) { }",
        "while ($true) { $null = Get-Tick }",
        "while ($true) { $host.UI.Write('') }",
        "while ($true) { try { throw 1 } catch { } }",
        "Wait-Job (Start-Job { while ($true) { } })",
        "[Threading.Thread]::Sleep(1000000)",
    ],
)
def test_a_program_may_end_while_daemon_threads_run_pipelines(
    run_python: RunPython, script: str
) -> None:
    done = run_python(DAEMONS.format(script=script))  # which has a minute
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_session_that_fails_to_close_at_exit_keeps_no_other_one_open(
    run_python: RunPython,
) -> None:
    done = run_python("""
import atexit
from psbridge import Session
class Broken(Session):
    def _stop_what_would_run_on(self):
        raise ValueError("cannot close")
states = lambda: [str(shell._runspace.RunspaceStateInfo.State) for shell in shells]
shells = []
import psbridge.engine.starting as starting
starting.start()
atexit.register(lambda: print(states()))
shells += [Session(), Broken(), Session(), Broken(), Session()]
""")
    states = "['Closed', 'Opened', 'Closed', 'Opened', 'Closed']\n"
    assert (done.returncode, done.stdout) == (0, states)
    assert done.stderr.endswith("ValueError: cannot close\n")


def test_a_use_in_another_exit_handler_is_told_that_the_session_is_closed(
    run_python: RunPython,
) -> None:
    done = run_python("""
import atexit
from psbridge import Session, SessionClosedError
def late():
    try:
        shell.run("1")
    except SessionClosedError as error:
        print(error)
atexit.register(late)
shell = Session()
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the session is closed\n", "")


def test_importing_starts_nothing(run_python: RunPython, tmp_path: Path) -> None:
    done = run_python(
        "import psbridge, sys; assert 'clr' not in sys.modules and 'pythonnet' not in sys.modules",
        env={"PSBRIDGE_PSHOME": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

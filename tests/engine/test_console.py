"""The console program ``pwsh`` of our own copy, as those who start it see it.

The engine alone has just the cmdlets of Microsoft.PowerShell.Core, so these tests call the host
and .NET where a full PowerShell would call Write-Host or Start-Sleep.
"""

from __future__ import annotations

import base64
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

TIMEOUT = 60
unix = pytest.mark.skipif(sys.platform == "win32", reason="Unix terminals and signals")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="session")
def program(own_copy: Path) -> Path:
    return own_copy / ("pwsh.exe" if sys.platform == "win32" else "pwsh")


@pytest.fixture
def pwsh(program: Path, tmp_path: Path) -> Run:
    """Run the program to its end, with nothing on its standard input unless a test gives it."""

    def run(
        *arguments: str | Path,
        stdin: str = "",
        cwd: Path = tmp_path,
        executable: str | Path = program,
        **environment: str,
    ) -> Result:
        done = subprocess.run(
            [executable, *arguments],
            input=stdin.encode(),
            capture_output=True,
            cwd=cwd,
            env=_environment(environment),
            timeout=TIMEOUT,
        )
        return Result(done.returncode, _text(done.stdout), _text(done.stderr))

    return run


def _environment(changes: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | changes


def _text(data: bytes) -> str:
    return data.decode().replace("\r\n", "\n")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


# --- a job of the native Start-Job ---------------------------------------------------------------


def test_start_job(pwsh: Run) -> None:
    result = pwsh("-c", "Start-Job { 1 + 1 } | Receive-Job -Wait")
    assert result == Result(0, "2\n", "")


def test_start_job_from_its_own_folder(pwsh: Run, own_copy: Path, program: Path) -> None:
    relative = str(program) if sys.platform == "win32" else f"./{program.name}"
    result = pwsh(
        "-c",
        "$PSHOME; Start-Job { 1 + 1 } | Receive-Job -Wait",
        cwd=own_copy,
        executable=relative,
    )
    assert result.code == 0
    assert result.err == ""
    home, answer = result.out.splitlines()
    assert Path(home).samefile(own_copy)
    assert answer == "2"


@unix
def test_starts_through_a_link(pwsh: Run, program: Path, own_copy: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked"
    link.symlink_to(program)
    result = pwsh("-c", "$PSHOME", executable=link)
    assert Path(result.out.strip()).samefile(own_copy)


def test_job_starts_in_the_folder_of_its_session(pwsh: Run, tmp_path: Path) -> None:
    # Quotes, wildcard characters and spaces: the folder is part of a script on the way.
    folder = tmp_path / "o'dd [x] é"
    folder.mkdir()
    result = pwsh(
        "-c",
        "Start-Job { $pwd.Path; [Environment]::CurrentDirectory } | Receive-Job -Wait",
        cwd=folder,
    )
    assert [Path(line) for line in result.out.splitlines()] == [folder.resolve()] * 2


def test_job_working_directory_and_initialization_script(pwsh: Run, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    result = pwsh(
        "-c",
        # `param` must stay the first thing in its script, whatever runs before it.
        "Start-Job -WorkingDirectory elsewhere "
        '-InitializationScript { param($unused) function Get-It { "it\'s é" }; $kept = 3 } '
        "{ Get-It; $kept; $pwd.Path } | Receive-Job -Wait",
    )
    assert result.out.splitlines() == ["it's é", "3", str(folder.resolve())]


def test_job_arguments_input_and_failure(pwsh: Run) -> None:
    result = pwsh(
        "-c",
        '$j = Start-Job { param($a) "$a <$input>"; throw "broken" } -ArgumentList ü -InputObject 5;'
        "$null = Wait-Job $j; $j.State; Receive-Job $j",
    )
    assert result.out == "Failed\nü <5>\n"
    assert "broken" in result.err
    assert result.code == 1


def test_server_speaks_the_protocol_and_ends_with_its_input(program: Path) -> None:
    with subprocess.Popen(
        [program, "-s", "-NoLogo", "-NoProfile"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        # The end of the input is the end of the server, so that none outlives its session.
        out, _ = server.communicate(timeout=TIMEOUT)
    assert b"System.Management.Automation" not in out


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option", ["-c", "-Command", "--command", "/c", "-com", "-COMMAND", "\N{EN DASH}c"]
)
def test_command(pwsh: Run, option: str) -> None:
    assert pwsh(option, "1;", "'two", "words'") == Result(0, "1\ntwo words\n", "")


def test_command_takes_the_rest_of_the_line(pwsh: Run) -> None:
    assert pwsh("-c", "&", "{ $args }", "-File", "x").out == "-File\nx\n"


def test_command_with_arguments(pwsh: Run) -> None:
    assert pwsh("-cwa", "$args.Count; $args[1]", "a", "b c").out == "2\nb c\n"


@pytest.mark.parametrize("option", ["-EncodedCommand", "-e", "-ec", "-enc"])
def test_encoded_command(pwsh: Run, option: str) -> None:
    assert pwsh("-NoProfile", option, _encoded("'é'; 1 + 1")) == Result(0, "é\n2\n", "")


def test_unicode_both_ways_whatever_the_locale(pwsh: Run) -> None:
    result = pwsh("-c", "'ä∑😀'; $input", stdin="ü😀\n", LC_ALL="C", LANG="C")
    assert result.out == "ä∑😀\nü😀\n"


def test_accepted_without_effect(pwsh: Run) -> None:
    options = ["-NoLogo", "-nop", "-noni", "-ExecutionPolicy", "Bypass", "-ep", "RemoteSigned"]
    formats = ["-OutputFormat", "Text", "-if", "text", "-Login"]
    assert pwsh(*options, *formats, "-c", "1") == Result(0, "1\n", "")


def test_working_directory(pwsh: Run, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    for option in ("-WorkingDirectory", "-wd", "-wo"):
        result = pwsh(option, "there", "-c", "$pwd.Path")
        assert Path(result.out.strip()).samefile(folder)


def test_missing_working_directory_runs_nothing(pwsh: Run) -> None:
    result = pwsh("-wd", "nowhere", "-c", "'ran'")
    assert (result.code, result.out) == (1, "")
    assert "nowhere" in result.err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("1", 0),
        ("", 0),
        ("exit 7", 7),
        ("exit", 0),
        ("1; exit 258 % 256", 2),
        ("& { exit 5 }; 'not reached'", 5),
        ("throw 'x'", 1),
        ("Get-Nothing", 1),
        ("Get-Nothing; 1", 0),
        ("1; Get-Nothing", 1),
        ("1; {", 1),
        ("1 +", 1),
        ("$ErrorActionPreference = 'Stop'; Get-Nothing; 1", 1),
    ],
)
def test_exit_code_of_a_command(pwsh: Run, command: str, code: int) -> None:
    assert pwsh("-c", command).code == code


@unix
def test_exit_code_after_a_native_program(pwsh: Run) -> None:
    assert pwsh("-c", "sh -c 'exit 5'").code == 1
    assert pwsh("-c", "sh -c 'exit 5'; exit $LASTEXITCODE").code == 5


# --- scripts -------------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "a script [1].ps1"
    path.write_text(
        """
        param(
            [string]$Name, [int]$Count, [switch]$Loud,
            [Parameter(ValueFromRemainingArguments)]$Rest
        )
        "$Name|$Count|$Loud|$Rest"
        """,
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "bound"),
    [
        (["é", "2"], "é|2|False|"),
        (["-Name", "x y", "-Count", "2"], "x y|2|False|"),
        (["-Count:2", "-Name:", "v"], "v|2|False|"),
        (["-n", "v", "-Loud"], "v|0|True|"),
        (["-Loud:$true", "v"], "v|0|True|"),
        (["-Loud:$false", "v"], "v|0|False|"),
        (["-Loud:false", "v", "1", "x", "-y", "-"], "v|1|False|x -y -"),
        (["$env:HOME"], "$env:HOME|0|False|"),
        (["-Name", "-c"], "|0|False|"),
    ],
)
def test_script_arguments(pwsh: Run, script: Path, arguments: list[str], bound: str) -> None:
    result = pwsh("-File", script, *arguments)
    if arguments == ["-Name", "-c"]:
        # Not a value: what begins with a dash is a parameter, and this one wants its own value.
        assert result.code == 1
        assert "Missing an argument" in result.err
    else:
        assert result == Result(0, bound + "\n", "")


def test_first_argument_is_a_script(pwsh: Run, script: Path) -> None:
    assert pwsh("-NoProfile", script.name, "v").out == "v|0|False|\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1", 0),
        ("exit 9", 9),
        ("& { exit 8 }", 8),
        ("throw 'x'", 1),
        ("Get-Nothing", 0),
        ("'begun'; if (1) {", 1),
    ],
)
def test_exit_code_of_a_script(pwsh: Run, tmp_path: Path, text: str, code: int) -> None:
    path = tmp_path / "s.ps1"
    path.write_text(text, encoding="utf-8")
    assert pwsh("-File", path).code == code


def test_error_in_a_script_shows_its_place(pwsh: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.ps1"
    path.write_text("1\nthrow 'broken'\n", encoding="utf-8")
    result = pwsh(path)
    assert result.out == "1\n"
    assert "s.ps1:2" in result.err
    assert "| broken" in result.err


@unix
def test_script_with_a_shebang(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_text(f'#!{program}\nparam($a) "a=$a"; exit 3\n', encoding="utf-8")
    path.chmod(0o755)
    done = subprocess.run(
        [path, "v"], capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT
    )
    assert (done.returncode, done.stdout) == (3, b"a=v\n")


# --- the standard input --------------------------------------------------------------------------


def test_input_lines(pwsh: Run, tmp_path: Path) -> None:
    assert pwsh("-c", '$input | % { "<$_>" }', stdin="a\nb\n").out == "<a>\n<b>\n"
    path = tmp_path / "s.ps1"
    path.write_text('$input | % { "<$_>" }', encoding="utf-8")
    assert pwsh(path, stdin="a\nb").out == "<a>\n<b>\n"
    assert pwsh("-InputFormat", "None", "-c", "@($input).Count", stdin="a\n").out == "0\n"


def test_reading_from_the_input(pwsh: Run) -> None:
    assert pwsh("-c", "'<' + $host.UI.ReadLine() + '>'", stdin="a\nb\n").out == "<a>\n"


def test_input_left_to_a_native_program(pwsh: Run) -> None:
    program = "sort" if sys.platform == "win32" else "cat"
    assert pwsh("-c", program, stdin="a\nb\n").out == "a\nb\n"


def test_input_that_never_ends_is_not_waited_for(program: Path) -> None:
    with subprocess.Popen(
        [program, "-c", "'done'"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.read().strip() == b"done"
        assert process.wait(TIMEOUT) == 0
        process.stdin.close()


@pytest.mark.parametrize("options", [["-Command", "-"], ["-File", "-"], []])
def test_commands_from_the_input(pwsh: Run, options: list[str]) -> None:
    text = "1 + 1\nif ($true) {\n'in a block'\n\n'still'\n}\n\n$x = 3\n$x\n"
    assert pwsh("-NoProfile", *options, stdin=text) == Result(0, "2\nin a block\nstill\n3\n", "")


@pytest.mark.parametrize(
    ("text", "out", "code"),
    [
        ("'a'\nexit 4\n'never'\n", "a\n", 4),
        ("throw 'x'\n", "", 1),
        ("throw 'x'\n'goes on'\n", "goes on\n", 0),
        ("& {\n'unended block'\n}", "unended block\n", 0),
        ("& {\n'unfinished'\n", "", 1),
        ("", "", 0),
    ],
)
def test_end_of_commands_from_the_input(pwsh: Run, text: str, out: str, code: int) -> None:
    result = pwsh("-c", "-", stdin=text)
    assert (result.out, result.code) == (out, code)


def test_commands_run_as_they_come(program: Path) -> None:
    with subprocess.Popen(
        [program, "-c", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for number in ("1", "2"):
            process.stdin.write(number + "\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == number
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0


# --- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-Version", "-v", "--version", "-vers"])
def test_version(pwsh: Run, option: str) -> None:
    result = pwsh(option, "-anything")
    assert result.code == 0
    assert re.fullmatch(r"PowerShell 7\.\d+\.\d+\n", result.out)


@pytest.mark.parametrize("option", ["-Help", "-h", "-?", "/?", "--help"])
def test_help(pwsh: Run, option: str) -> None:
    result = pwsh(option)
    assert result.code == 0
    assert "-Command" in result.out
    assert result.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-nonsense"], "-nonsense"),
        (["missing.ps1"], "missing.ps1"),
        (["-n"], "noninteractive"),
        (["-File"], "-File requires"),
        (["-c"], "-Command requires"),
        (["-c", "-", "x"], "no other arguments"),
        (["-wd"], "-WorkingDirectory requires"),
        (["-e", "no-base64!"], "Base64"),
        (["-e", _encoded("1"), "-c", "2"], "already specified"),
        (["-ExecutionPolicy", "Strict", "-c", "1"], "Strict"),
        (["-OutputFormat", "XML", "-c", "1"], "XML"),
        (["-if", "XML", "-c", "1"], "XML"),
        (["-NoExit", "-c", "1"], "psbridge shell"),
        (["-sshs"], "not supported"),
        (["-ConfigurationName", "x", "-c", "1"], "not supported"),
    ],
)
def test_refused_command_lines(pwsh: Run, arguments: list[str], message: str) -> None:
    result = pwsh(*arguments)
    assert (result.code, result.out) == (64, "")
    assert message in result.err


# --- what is shown, and where --------------------------------------------------------------------


def test_errors_apart_from_everything_else(pwsh: Run) -> None:
    result = pwsh(
        "-c",
        """
        function f {
            [CmdletBinding()] param()
            'value'
            $PSCmdlet.WriteWarning('careful')
            $PSCmdlet.WriteVerbose('detail')
            $PSCmdlet.WriteDebug('inside')
            $PSCmdlet.WriteError([Management.Automation.ErrorRecord]::new('wrong', 'id', 0, $null))
            $host.UI.WriteLine('Red', 'Blue', 'host')
        }
        $DebugPreference = 'Continue'
        f -Verbose
        """,
    )
    assert result.out == "value\nWARNING: careful\nVERBOSE: detail\nDEBUG: inside\nhost\n"
    assert result.err.startswith("f: ")
    assert result.err.endswith("| wrong\n")


def test_table(pwsh: Run) -> None:
    result = pwsh("-c", "$null = Start-Job { 1 } | Wait-Job; Get-Job")
    lines = [line.split() for line in result.out.splitlines() if line]
    assert lines[0][:4] == ["Id", "Name", "PSJobTypeName", "State"]
    assert lines[0][4:] == ["HasMoreData", "Location", "Command"]
    assert lines[2][:6] == ["1", "Job1", "BackgroundJob", "Completed", "True", "localhost"]


def test_width_without_a_terminal(pwsh: Run) -> None:
    result = pwsh("-c", "[pscustomobject]@{ A = 'x' * 500 }; 'y' * 500", TERM="xterm")
    # The formatter keeps the last column free, and does not break what is text already.
    assert max(map(len, result.out.splitlines()[:4])) == 119
    assert "y" * 500 in result.out


@pytest.mark.parametrize("text", ["1; {", "1 +", "function {"])
def test_parse_error_points_at_its_place(pwsh: Run, text: str) -> None:
    result = pwsh("-c", text)
    assert result.err.startswith("ParserError")
    assert text in result.err


def test_no_escapes_and_no_progress_without_a_terminal(pwsh: Run) -> None:
    result = pwsh(
        "-c",
        "$host.UI.WriteProgress(1, [Management.Automation.ProgressRecord]::new(1, 'Busy', 'x'));"
        "$PSStyle.Foreground.Red + 'red'; $host.UI.WriteWarningLine('w');"
        "Get-Job; $host; Get-Nothing",
        TERM="xterm-256color",
    )
    assert "\x1b" not in result.out + result.err
    assert "red" in result.out
    assert "Busy" not in result.out + result.err


def test_escapes_in_a_file_for_those_who_want_them(pwsh: Run) -> None:
    result = pwsh("-c", "$PSStyle.OutputRendering = 'Ansi'; $PSStyle.Foreground.Red + 'red'")
    assert result.out.startswith("\x1b[31mred")


def test_host(pwsh: Run) -> None:
    result = pwsh("-c", '$Host.Name; "$($Host.Version)" -eq "$($PSVersionTable.PSVersion)"')
    assert result.out == "ConsoleHost\nTrue\n"


def test_this_copy_comes_first_on_path_and_sends_no_telemetry(pwsh: Run, own_copy: Path) -> None:
    result = pwsh(
        "-c", "(Get-Command pwsh -CommandType Application).Source; $env:POWERSHELL_TELEMETRY_OPTOUT"
    )
    found, telemetry = result.out.splitlines()
    assert Path(found).parent.samefile(own_copy)
    assert telemetry == "1"


def test_modules_of_the_home_are_found(pwsh: Run, own_copy: Path) -> None:
    result = pwsh("-c", "$env:PSModulePath")
    folders = [Path(entry) for entry in result.out.strip().split(os.pathsep)]
    assert any(entry == own_copy.resolve() / "Modules" for entry in folders)


def test_exiting_event(pwsh: Run) -> None:
    result = pwsh(
        "-c",
        "$null = $ExecutionContext.Events.SubscribeEvent($null, $null, 'PowerShell.Exiting', $null,"
        " { [Console]::Out.WriteLine('bye') }, $true, $false); 'hello'",
    )
    assert result.out == "hello\nbye\n"


# --- questions -----------------------------------------------------------------------------------

CHOICE = "$host.UI.PromptForChoice('C', 'M', [Management.Automation.Host.ChoiceDescription[]]"
CHOICE += "('&Yes', '&No'), 0)"
MANDATORY = 'function f { param([Parameter(Mandatory)][int]$x) "got $x" } f'


@pytest.mark.parametrize(
    "question",
    [
        "$host.UI.ReadLine()",
        "$host.UI.ReadLineAsSecureString()",
        "$host.UI.PromptForCredential('', '', 'u', '')",
        CHOICE,
    ],
)
def test_non_interactive_refuses_questions(pwsh: Run, question: str) -> None:
    result = pwsh("-NonInteractive", "-c", question, stdin="y\n")
    assert (result.code, result.out) == (1, "")
    assert "PowerShell is in NonInteractive mode" in result.err


def test_non_interactive_missing_parameter(pwsh: Run) -> None:
    result = pwsh("-noni", "-c", MANDATORY, stdin="1\n")
    assert result.code == 1
    assert "missing mandatory parameters: x" in result.err


def test_answers_from_the_input(pwsh: Run) -> None:
    assert pwsh("-c", CHOICE, stdin="what\nn\n").out.endswith(": 1\n")
    assert pwsh("-c", CHOICE, stdin="\n").out.endswith(": 0\n")
    result = pwsh("-c", MANDATORY, stdin="twelve\n12\n")
    assert result.out.endswith("x: got 12\n")
    assert "twelve" in result.err
    listed = "function f { param([Parameter(Mandatory)][int[]]$x) $x.Count } f"
    assert pwsh("-c", listed, stdin="5\n6\n\n").out.endswith("x[2]: 2\n")


def test_no_answer_is_an_error(pwsh: Run) -> None:
    result = pwsh("-c", CHOICE)
    assert result.code == 1
    assert "canceled" in result.err
    result = pwsh("-c", MANDATORY)
    assert result.code == 1
    assert "missing mandatory parameters: x" in result.err


# --- Ctrl-C --------------------------------------------------------------------------------------

_LOOP = "[Console]::Out.WriteLine('begun'); while ($true) { $null = 1 }; 'never'"


@unix
def test_interrupt_stops_the_pipeline(program: Path) -> None:
    with _started(program, _LOOP) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (130, "", "")


@unix
def test_interrupt_lets_finally_run(program: Path) -> None:
    command = _LOOP.replace("while", "try { while").replace(
        "; 'never'", " } finally { [Console]::Out.WriteLine('cleaned') }"
    )
    with _started(program, command) as process:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (130, "cleaned\n")


@unix
def test_second_interrupt_kills(program: Path) -> None:
    # Nothing can stop a thread that sleeps in .NET, so only the second one ends this.
    with _started(
        program, "[Console]::Out.WriteLine('begun'); [Threading.Thread]::Sleep(600000)"
    ) as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == -signal.SIGINT


@unix
def test_terminate(program: Path) -> None:
    with _started(program, _LOOP) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) in (-signal.SIGTERM, 128 + signal.SIGTERM)


@contextmanager
def _started(program: Path, command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said "begun"; killed in the end where it still runs."""
    with subprocess.Popen(
        [program, "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


# --- on a terminal -------------------------------------------------------------------------------


# ^C is a signal only to those who have the terminal as their controlling one.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The program on a terminal of its own, 100 columns wide."""

    def __init__(self, program: Path, *arguments: str, **environment: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self._shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, program, *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env=_environment({"TERM": "xterm-256color"} | environment),
        )
        os.close(inner)

    def expect(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self._shown:
            assert time.monotonic() < deadline, f"not shown: {text}\n{self._shown!r}"
            assert self._read(), f"ended before: {text}\n{self._shown!r}"

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def finish(self) -> tuple[int, str]:
        """Wait for the end; the exit code and everything that was shown."""
        while self._read():
            pass
        return self.process.wait(TIMEOUT), self._shown.replace("\r\n", "\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], TIMEOUT)
        try:
            data = os.read(self._fd, 65536) if ready else b""
        except OSError:  # how Linux says that nobody has the terminal open any more
            data = b""
        self._shown += data.decode(errors="replace")
        return bool(data)


@pytest.fixture
def terminal(program: Path) -> Iterator[Callable[..., Terminal]]:
    if sys.platform == "win32":
        pytest.skip("needs a Unix pseudo-terminal")
    made: list[Terminal] = []

    def make(*arguments: str, **environment: str) -> Terminal:
        made.append(Terminal(program, *arguments, **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()


Make = Callable[..., Terminal]


def test_terminal_colours(terminal: Make) -> None:
    code, shown = terminal(
        "-c",
        "Get-Nothing; $host.UI.WriteLine('Red', $host.UI.RawUI.BackgroundColor, 'r');"
        "[pscustomobject]@{ A = 1 }",
    ).finish()
    assert code == 0
    assert "\x1b[31;1mGet-Nothing" in shown  # an error
    assert "\x1b[91mr\x1b[0m" in shown  # a host colour
    assert "\x1b[32;1m" in shown  # a table's head


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_without_colours(terminal: Make, environment: dict[str, str]) -> None:
    _, shown = terminal("-c", "Get-Nothing; [pscustomobject]@{ A = 1 }", **environment).finish()
    assert "Get-Nothing: The term" in shown
    assert not re.search(r"\x1b\[[\d;]*m", shown)


def test_terminal_width(terminal: Make) -> None:
    _, shown = terminal("-c", "$host.UI.RawUI.WindowSize.Width").finish()
    assert "100" in shown


def test_terminal_is_left_as_it_was(terminal: Make) -> None:
    _, shown = terminal("-c", "1").finish()
    assert shown.rfind("\x1b[?1l") > shown.rfind("\x1b[?1h")


def test_terminal_progress_is_shown_and_taken_away(terminal: Make) -> None:
    code, shown = terminal(
        "-c",
        "$r = [Management.Automation.ProgressRecord]::new(1, 'Busy', 'with' + 'x' * 200);"
        "$r.PercentComplete = 40; $host.UI.WriteProgress(1, $r); 'done'",
    ).finish()
    assert code == 0
    line = re.search(r"Busy 40%: withx+", shown)
    assert line is not None
    assert len(line[0]) == 99
    assert "\r\x1b[Kdone" in shown[line.end() :]


def test_terminal_questions(terminal: Make) -> None:
    screen = terminal(
        "-c",
        "$c = $host.UI.PromptForCredential('Who', '', '', '');"
        '"$($c.UserName) $($c.GetNetworkCredential().Password)";'
        "'name ' + $host.UI.ReadLine();" + CHOICE,
    )
    screen.expect("User: ")
    screen.type("joe\n")
    screen.expect("Password for user joe: ")
    screen.type("sx\x7fecret\n")
    screen.expect("joe secret")
    screen.type("Zoë\n")
    screen.expect("name Zoë")
    screen.expect('(default is "Y"): ')
    screen.type("no\n")
    code, shown = screen.finish()
    assert code == 0
    assert shown.count("secret") == 1  # what was printed, not what was typed


def test_terminal_interrupt(terminal: Make) -> None:
    screen = terminal("-c", _LOOP)
    screen.expect("begun")
    screen.type("\x03")
    code, shown = screen.finish()
    assert code == 130
    assert "never" not in shown


def test_terminal_interrupt_stops_a_native_program(terminal: Make, tmp_path: Path) -> None:
    # Not a shell that sleeps: one that is interrupted while it starts its child keeps that for
    # when the child has ended, and then nobody is interrupted.
    (tmp_path / "sleeper.py").write_text(
        "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
    )
    screen = terminal("-c", f"& '{sys.executable}' '{tmp_path / 'sleeper.py'}'; 'never'")
    screen.expect("begun")
    screen.type("\x03")
    code, shown = screen.finish()
    assert code == 130
    assert "never" not in shown


def test_terminal_interrupt_during_a_question(terminal: Make) -> None:
    screen = terminal("-c", "$host.UI.Write('name? '); $host.UI.ReadLine(); 'never'")
    screen.expect("name? ")
    time.sleep(0.3)  # from the question to the reading
    screen.type("\x03")
    code, shown = screen.finish()
    assert code in (-signal.SIGINT, 130)
    assert "never" not in shown


@pytest.mark.parametrize("arguments", [[], ["-NoLogo"], ["-NoExit"], ["-Interactive"]])
def test_terminal_no_prompt(terminal: Make, arguments: list[str]) -> None:
    code, shown = terminal(*arguments).finish()
    assert code == 64
    assert "psbridge shell" in shown


def test_terminal_dash_needs_redirected_input(terminal: Make) -> None:
    code, shown = terminal("-c", "-").finish()
    assert code == 64
    assert "not been redirected" in shown


# --- making it -----------------------------------------------------------------------------------


def test_made_in_a_home_without_it(own_copy: Path, tmp_path: Path) -> None:
    """What setup does: everything else is there, the program is compiled last."""
    home = tmp_path / "home"
    home.mkdir()
    for entry in own_copy.iterdir():
        if entry.is_file() and entry.name != "pwsh.dll":
            (home / entry.name).symlink_to(entry)
    before = {entry.name for entry in home.iterdir()}
    done = _make(home)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert {entry.name for entry in home.iterdir()} == before | {"pwsh.dll"}
    assert (home / "pwsh.dll").read_bytes() == (own_copy / "pwsh.dll").read_bytes()


def test_one_error_for_a_folder_that_is_no_home(tmp_path: Path) -> None:
    done = _make(tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path).encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


def _make(home: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "psbridge.engine.console", str(home)],
        capture_output=True,
        timeout=TIMEOUT,
    )

"""PowerShell's host on a console: what is shown, where, and what is asked."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psbridge import Console, Session

from .terminal import Terminal

TABLE = "[pscustomobject]@{ Name = 'a'; Size = 1 }, [pscustomobject]@{ Name = 'b'; Size = 22 }"
PROGRESS = """
$p = [System.Management.Automation.ProgressRecord]::new(1, 'Copying', 'file 3')
$p.PercentComplete = 40
$host.UI.WriteProgress(1, $p)
"""
CHOICE = """
$choices = [System.Management.Automation.Host.ChoiceDescription[]]('&Yes', '&No', 'Maybe')
$host.UI.PromptForChoice('Title', 'Really?', $choices, 1)
"""
SHOW = """
import sys
from psbridge import Console, Session
with Session(console=Console()) as shell:
    ok = shell.show({script!r})
    print(ok, shell.exit_code, flush=True)
"""


class Shown:
    """A session whose console writes to memory."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.shell = Session(console=Console(self.out, self.err))

    def show(self, script: str) -> tuple[bool, str, str]:
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        succeeded = self.shell.show(script)
        return succeeded, self.out.getvalue(), self.err.getvalue()


@pytest.fixture
def shown() -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.shell.close()


# What is shown, without a terminal


def test_output_is_formatted_by_powershell(shown: Shown) -> None:
    assert shown.show(TABLE) == (True, "\nName Size\n---- ----\na       1\nb      22\n\n", "")
    assert shown.show("'text', 5, $null, $true") == (True, "text\n5\nTrue\n", "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("throw 'oh no'", "Exception: oh no\n"),
        ("1/0", "RuntimeException: Attempted to divide by zero.\n"),
        ("Get-NoSuchThing", "Get-NoSuchThing: The term 'Get-NoSuchThing' is not recognized"),
        ("'a'; foreach (", "Missing variable name after foreach."),
        ("if (", "Missing condition in if statement"),
        ("'a' + ", "You must provide a value expression"),
    ],
)
def test_an_error_goes_to_standard_error(shown: Shown, script: str, said: str) -> None:
    succeeded, out, err = shown.show(script)
    assert (succeeded, out) == (False, "")
    assert said in err
    assert "\x1b" not in err


def test_what_comes_before_an_error_is_shown_before_it(shown: Shown) -> None:
    succeeded, out, err = shown.show("'before'; throw 'x'; 'after'")
    assert (succeeded, out, err) == (False, "before\n", "Exception: x\n")


def test_an_error_that_the_script_goes_on_after_is_no_failure(shown: Shown) -> None:
    succeeded, out, err = shown.show("Get-NoSuchThing; 'after'")
    assert (succeeded, out) == (True, "after\n")
    assert "Get-NoSuchThing" in err


def test_messages_go_to_standard_error(shown: Shown) -> None:
    speak = """
    function Speak {
        [CmdletBinding()] param()
        $PSCmdlet.WriteWarning('w'); $PSCmdlet.WriteVerbose('v'); $PSCmdlet.WriteDebug('d')
    }
    """
    shown.show(speak)
    assert shown.show("Speak") == (True, "", "WARNING: w\n")
    _, _, err = shown.show("$DebugPreference = 'Continue'; Speak -Verbose")
    assert err == "WARNING: w\nVERBOSE: v\nDEBUG: d\n"
    assert shown.show("$host.UI.WriteErrorLine('e')")[2] == "e\n"


def test_the_hosts_own_writes_are_output(shown: Shown) -> None:
    script = """
    $host.UI.Write('a'); $host.UI.WriteLine('b'); $host.UI.WriteLine()
    $host.UI.Write('Red', 'Black', 'c'); $host.UI.WriteLine('Red', 'Black', 'd')
    $host.UI.Write($null); $host.UI.Write('')
    """
    assert shown.show(script) == (True, "ab\n\ncd\n", "")


def test_a_message_to_the_host_is_shown_and_recorded(shown: Shown) -> None:
    script = """
    function Say {
        [CmdletBinding()] param()
        $message = [System.Management.Automation.HostInformationMessage]@{ Message = 'hello' }
        $PSCmdlet.WriteInformation($message, [string[]]'PSHOST')
    }
    Say
    """
    assert shown.show(script) == (True, "hello\n", "")
    (record,) = shown.shell.run("Say").information
    assert (str(record), record.tags) == ("hello", ("PSHOST",))


def test_no_escape_sequences_without_a_terminal(shown: Shown) -> None:
    _, out, err = shown.show(f"$PSStyle.Foreground.Red + 'r' + $PSStyle.Reset; {TABLE}; 1/0")
    assert "\x1b" not in out + err
    assert out.startswith("r\n")


def test_no_progress_without_a_terminal(shown: Shown) -> None:
    assert shown.show(PROGRESS) == (True, "", "")


def test_exit_gives_the_exit_code(shown: Shown) -> None:
    before = shown.shell.exit_code
    _, out, _ = shown.show("'a'; exit 3; 'b'")
    assert (before, out, shown.shell.exit_code) == (None, "a\n", 3)
    shown.shell.run("exit 4")
    assert shown.shell.exit_code == 4


def test_the_host_says_who_and_how_wide_it_is(shown: Shown) -> None:
    assert shown.shell.run(
        "$host.Name; $host.UI.RawUI.BufferSize.Width; $host.CurrentCulture.Name"
    ) == [
        "psbridge",
        120,
        shown.shell.run("[cultureinfo]::CurrentCulture.Name")[0],
    ]
    assert shown.shell.run("$host.Version.Major -ge 7; $host.InstanceId -eq $host.InstanceId") == [
        True,
        True,
    ]
    script = "$host.UI.RawUI.WindowTitle = 'x'; $host.UI.RawUI.WindowTitle"
    assert shown.shell.run(script) == ["x"]


def test_every_member_of_the_host_answers(shown: Shown) -> None:
    """All that can be read is read, and what can be set is set to what it is."""
    script = """
    foreach ($thing in $Host, $Host.UI, $Host.UI.RawUI, $Host.PrivateData) {
        foreach ($property in $thing.PSObject.Properties) {
            try {
                $value = $property.Value
                if ($property.IsSettable) { $property.Value = $value }
            }
            catch { "$($property.Name): $_" }
        }
    }
    $raw = $Host.UI.RawUI
    $cell = [System.Management.Automation.Host.BufferCell]::new('x', 'Red', 'Black', 'Complete')
    $all = [System.Management.Automation.Host.Rectangle]::new(-1, -1, -1, -1)
    $part = [System.Management.Automation.Host.Rectangle]::new(0, 0, 2, 1)
    $origin = [System.Management.Automation.Host.Coordinates]::new(0, 0)
    $raw.FlushInputBuffer()
    $raw.SetBufferContents($all, $cell)
    $contents = $raw.GetBufferContents($part)
    $raw.SetBufferContents($origin, $contents)
    $raw.ScrollBufferContents($part, $origin, $all, $cell)
    $Host.NotifyBeginApplication(); $Host.NotifyEndApplication(); $Host.ExitNestedPrompt()
    $contents.Length
    """
    assert shown.show(script) == (True, "6\n", "")


def test_text_is_measured_in_cells(shown: Shown) -> None:
    script = """
    $raw = $Host.UI.RawUI
    $raw.LengthInBufferCells('漢字a'), $raw.LengthInBufferCells('漢字a', 1)
    $raw.LengthInBufferCells([char] '漢'), $raw.LengthInBufferCells([char] 'a')
    $raw.LengthInBufferCells("`e[31m漢`e[0m"), $raw.LengthInBufferCells('👍')
    $raw.LengthInBufferCells('')
    """
    assert shown.shell.run(script) == [5, 3, 2, 1, 2, 2, 0]


def test_half_of_a_surrogate_pair_is_shown_as_it_is(shown: Shown) -> None:
    script = "[string] [char] 0xd83d + 'a'; '👍'; $host.UI.WriteErrorLine([char] 0xdc4d)"
    assert shown.show(script) == (True, "\ud83da\n👍\n", "\udc4d\n")


def test_a_transcript_has_what_was_shown(shown: Shown, tmp_path: Path) -> None:
    script = "'output'; Write-Host 'host'; Write-Warning 'warning'"
    shown.show(f"$null = Start-Transcript '{tmp_path / 'log'}'; {script}; $null = Stop-Transcript")
    lines = (tmp_path / "log").read_text("utf-8").splitlines()
    assert {"output", "host", "WARNING: warning"} <= set(lines)


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("$host.UI.ReadLine()", "a text"),
        ("$host.UI.ReadLineAsSecureString()", "a text that is not shown"),
        (CHOICE, "a choice (-Confirm:$false asks for none), "),
        ("$host.UI.PromptForCredential('c', 'm', 'u', 't')", 'a credential, "c m"'),
        (
            "$d = [System.Management.Automation.Host.FieldDescription]::new('Size')\n"
            "$host.UI.Prompt('c', 'm', @($d))",
            'a text, "c m Size"',
        ),
        ("$host.UI.RawUI.ReadKey()", "a key"),
        ("$host.EnterNestedPrompt()", "a nested prompt"),
    ],
)
def test_a_prompt_without_a_user_is_an_error_that_says_so(
    shown: Shown, script: str, wanted: str
) -> None:
    succeeded, out, err = shown.show(script)
    assert (succeeded, out) == (False, "")
    assert f"PowerShell asks for {wanted}" in err
    assert "This session has nobody to ask: give it as an argument or run in a terminal" in err


def test_a_mandatory_parameter_without_a_user_is_powershells_own_error(shown: Shown) -> None:
    succeeded, _, err = shown.show("function F { param([Parameter(Mandatory)] $Size) }; F")
    assert not succeeded
    assert "missing mandatory parameters: Size" in err


def test_a_prompt_without_a_console_is_an_error(shell: Session) -> None:
    assert shell.run("$host.UI.ReadLine(); 1").errors != []


def test_the_formatter_may_be_used_by_many_sessions_at_once() -> None:
    all_shown = [Shown() for _ in range(4)]
    failures: list[object] = []

    def work(shown: Shown) -> None:
        for _ in range(10):
            result = shown.show(TABLE)
            if result != (True, "\nName Size\n---- ----\na       1\nb      22\n\n", ""):
                failures.append(result)

    threads = [threading.Thread(target=work, args=(shown,)) for shown in all_shown]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    for shown in all_shown:
        shown.shell.close()


def test_a_property_that_writes_to_the_host_does_not_block_its_conversion(shown: Shown) -> None:
    script = """
    $o = [pscustomobject]@{ A = 1 }
    $o.psobject.Properties.Add([psscriptproperty]::new('B', { $host.UI.WriteLine('read'); 2 }))
    $o
    """
    assert shown.shell.run(script) == [{"A": 1, "B": 2}]
    assert shown.out.getvalue() == "read\n"


# Streams


def test_characters_that_the_encoding_lacks_do_not_end_the_script() -> None:
    code = SHOW.format(script="'grün'; $host.UI.WriteErrorLine('漢'); throw 'größer'")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == "gr?n\nFalse None\n"
    # Python gives standard error an error handler that always finds something to write.
    assert done.stderr == "\\u6f22\nException: gr\\xf6\\xdfer\n"


def test_a_reader_that_goes_away_ends_the_script_without_a_traceback() -> None:
    code = """
import os, sys
from psbridge import Console, Session
console = Console()
with Session(console=console) as shell:
    ok = shell.show("while ($true) { 'line' }")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(7 if console.broken and not ok else 1)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), err) == (7, "")


# On a terminal


def test_a_terminal_gets_colours_and_its_own_width() -> None:
    script = f"{TABLE}; $host.UI.Write('Red', 'Black', 'c'); $host.UI.RawUI.BufferSize.Width; 1/0"
    code, text = Terminal(SHOW.format(script=script), size=(77, 20)).end()
    assert code == 0
    assert "\x1b[32;1mName" in text
    assert "\x1b[91m\x1b[40mc\x1b[0m" in text
    assert "77\n" in text
    assert "\x1b[31;1m" in text.partition("RuntimeException")[0]


def test_no_color_turns_colours_off_on_a_terminal() -> None:
    code, text = Terminal(SHOW.format(script=f"{TABLE}; 1/0"), NO_COLOR="1").end()
    assert code == 0
    assert "\x1b" not in text
    assert "RuntimeException: Attempted to divide by zero." in text


def test_write_host_has_the_colours_of_the_terminal_unless_told() -> None:
    script = """
    Write-Host plain; Write-Host red -ForegroundColor Red; Write-Host blue -BackgroundColor Blue
    $Host.UI.RawUI.ForegroundColor = 'Green'; Write-Host both -BackgroundColor Blue; 'green'
    """
    code, text = Terminal(SHOW.format(script=script)).end()
    assert code == 0
    assert text.startswith(
        "plain\n\x1b[91mred\x1b[0m\n\x1b[104mblue\x1b[0m\n\x1b[39;49m\x1b[92m"
        "\x1b[92m\x1b[104mboth\x1b[0m\x1b[92m\ngreen\n"
    )


def test_messages_have_the_styles_that_the_user_has_chosen() -> None:
    script = '$PSStyle.Formatting.Warning = "`e[35m"; Write-Warning w; Write-Verbose v -Verbose'
    _, text = Terminal(SHOW.format(script=script)).end()
    assert text.startswith("\x1b[35mWARNING: w\x1b[0m\n\x1b[33;1mVERBOSE: v\x1b[0m\n")


def test_the_title_goes_to_the_terminal_without_what_could_command_it() -> None:
    script = '$Host.UI.RawUI.WindowTitle = "a`e]0;b`a"; $Host.UI.RawUI.WindowTitle.Length'
    assert Terminal(SHOW.format(script=script)).end() == (0, "\x1b]0;a]0;b\x077\nTrue None\n")


def test_keys_and_the_cursors_place_are_read_from_the_terminal() -> None:
    script = """
    $raw = $Host.UI.RawUI
    'ready'; $key = $raw.ReadKey(); $key.VirtualKeyCode; $key.Character
    'arrow'; $raw.ReadKey('NoEcho,IncludeKeyDown').VirtualKeyCode
    'place'; [string] $raw.CursorPosition
    'waits'; $raw.ReadKey('NoEcho,IncludeKeyDown').Character; $raw.KeyAvailable
    """
    terminal = Terminal(SHOW.format(script=script))
    for shown, typed in (
        ("ready\r\n", "漢"), ("arrow\r\n", "\x1b[A"), ("\x1b[6n", "\x1b[7;3R"), ("waits\r\n", "kl"),
    ):  # fmt: skip
        terminal.wait_for(shown)
        terminal.wait_for_silence()
        terminal.send(typed)
    code, text = terminal.end()
    assert code == 0
    assert text == ("ready\n漢0\n漢\narrow\n38\nplace\n\x1b[6n2,6\nwaits\nk\nTrue\nTrue None\n")


def test_ctrl_c_at_a_key_takes_it_back_and_the_terminal_shows_typing_again() -> None:
    terminal = Terminal("""
from psbridge import Console, Session
shell = Session(console=Console())
try:
    shell.show("'ready'; $Host.UI.RawUI.ReadKey('NoEcho,IncludeKeyDown')")
except KeyboardInterrupt:
    print("interrupted", input("again? "), flush=True)
shell.close()
""")
    terminal.wait_for("ready")
    terminal.wait_for_silence()
    terminal.send("\x03")
    terminal.wait_for("again? ")
    terminal.send("seen\n")
    code, text = terminal.end()
    assert (code, text) == (0, "ready\nagain? seen\ninterrupted seen\n")


def test_progress_is_nested_and_completed_and_keeps_out_of_the_way() -> None:
    script = """
    $PSStyle.Progress.Style = "`e[35m"; $PSStyle.Progress.MaxWidth = 40
    Write-Progress A -Id 1 -Status s -PercentComplete 50
    Write-Progress B -Id 2 -ParentId 1 -SecondsRemaining 75
    Write-Progress C -Id 3 -ParentId 1 -Completed
    'value'
    Write-Progress B -Id 2 -Completed
    Write-Progress A -Id 1 -Completed
    """
    code, text = Terminal(SHOW.format(script=script), size=(60, 24)).end()
    assert code == 0
    a = "\x1b[35mA [\x1b[7ms" + " " * 16 + "\x1b[27m" + " " * 17 + "]\x1b[0m"
    assert text.startswith(f"\r\x1b[K{a}\r\x1b[K\r\x1b[K{a}\r\n  \x1b[35mB [")
    assert text.count("75s") == 1
    assert text.endswith(f"\r\x1b[K\x1b[A\x1b[Kvalue\n\r\x1b[K{a}\r\x1b[KTrue None\n")


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {}])
def test_progress_without_colours_or_by_the_classic_view_is_words(variable: dict[str, Any]) -> None:
    script = "$PSStyle.Progress.View = 'Classic'; Write-Progress Work -Status on -PercentComplete 7"
    code, text = Terminal(SHOW.format(script=script), **variable).end()
    assert code == 0
    assert "Work" in text
    assert "\x1b[7m" not in text
    assert ("Work: 7% on" in text) == bool(variable)


def bar(columns: int) -> str:
    """What PowerShell's own host shows for PROGRESS in so many columns."""
    width = columns - len("Copying") - 4
    text = "file 3".ljust(width - 1)
    done = 40 * width // 100
    return f"\x1b[33;1mCopying [\x1b[7m{text[:done]}\x1b[27m{text[done:]}]\x1b[0m"


def test_progress_is_shown_and_cleaned_on_a_terminal() -> None:
    code, text = Terminal(SHOW.format(script=f"{PROGRESS}; 'value'")).end()
    assert code == 0
    assert text == f"\r\x1b[K{bar(79)}\r\x1b[Kvalue\nTrue None\n"


def test_progress_that_nobody_completes_is_cleaned_at_the_end() -> None:
    code, text = Terminal(SHOW.format(script=f"{PROGRESS}; throw 'x'")).end()
    assert code == 0
    assert text.count("\r\x1b[K") == 2
    code, text = Terminal(SHOW.format(script=PROGRESS)).end()
    assert text == f"\r\x1b[K{bar(79)}\r\x1b[KTrue None\n"


def test_progress_goes_to_the_terminal_though_output_does_not() -> None:
    reader, writer = os.pipe()
    terminal = Terminal(SHOW.format(script=f"{PROGRESS}; {TABLE}"), size=(40, 24), stdout=writer)
    os.close(writer)
    code, text = terminal.end()
    with os.fdopen(reader) as out:
        assert out.read() == "\nName Size\n---- ----\na       1\nb      22\n\nTrue None\n"
    assert (code, text) == (0, f"\r\x1b[K{bar(39)}\r\x1b[K")


@pytest.mark.parametrize(
    ("answer", "chosen"), [("y\n", 0), ("NO\n", 1), ("\n", 1), ("what\nmaybe\n", 2)]
)
def test_a_choice_is_asked_for_on_a_terminal(answer: str, chosen: int) -> None:
    terminal = Terminal(SHOW.format(script=CHOICE))
    terminal.wait_for('(default is "N"): ')
    assert "Title" in terminal.shown
    assert "Really?" in terminal.shown
    assert "\x1b[97m[Y] Yes\x1b[0m  \x1b[93m[N] No\x1b[0m  \x1b[97m[] Maybe" in terminal.shown
    terminal.send(answer)
    code, text = terminal.end()
    assert code == 0
    assert text.endswith(f"{chosen}\nTrue None\n")


def test_a_line_and_a_secret_are_asked_for_on_a_terminal() -> None:
    script = """
    $host.UI.Write('line? '); 'hello ' + $host.UI.ReadLine()
    function F { param([Parameter(Mandatory)] $Name, [Parameter(Mandatory)] [securestring] $Word)
        $Name + [System.Net.NetworkCredential]::new('', $Word).Password.Length }
    F
    $c = $host.UI.PromptForCredential('', '', '', ''); $c.UserName
    $c.GetNetworkCredential().Password.Length
    """
    terminal = Terminal(SHOW.format(script=script))
    terminal.wait_for("line? ")
    terminal.send("world\n")
    terminal.wait_for("hello world")
    for question, answer in (
        ("Name: ", "me\n"), ("Word: ", "hidden\n"), ("User: ", "you\n"),
        ("Password for user you: ", "hidden!\n"),
    ):  # fmt: skip
        terminal.wait_for(question)
        terminal.send(answer)
    code, text = terminal.end()
    assert code == 0
    assert "me6\n" in text
    assert text.endswith("you\n7\nTrue None\n")
    assert "hidden" not in text


def test_questions_have_help_types_lists_and_several_choices() -> None:
    script = """
    function F {
        param([Parameter(Mandatory, HelpMessage = 'what to say')] $A,
            [Parameter(Mandatory)] [int] $B, [Parameter(Mandatory)] [string[]] $C)
        "$A|$B|$($C -join ';')"
    }
    F
    $choices = [System.Management.Automation.Host.ChoiceDescription[]] @(
        [System.Management.Automation.Host.ChoiceDescription]::new('&One', 'the first'),
        '&Two', '&Three')
    $Host.UI.PromptForChoice('Title', 'Which?', $choices, -1)
    $Host.UI.PromptForChoice('', 'Several?', $choices, [int[]] (0, 1)) -join ','
    Read-Host prompt
    (Read-Host secret -AsSecureString).Length
    """
    terminal = Terminal(SHOW.format(script=script))
    for shown, typed in (
        ("A: ", "!?\n"), ("what to say\r\nA: ", "a\n"), ("B: ", "b\n"),
        ('Cannot recognize "b" as a System.Int32 due to a format error.\r\nB: ', "2\n"),
        ("C[0]: ", "c\n"), ("C[1]: ", "d\n"), ("C[2]: ", "\n"), ("[?] Help: ", "\n"),
        ("[?] Help: ", "?\n"), ("O - the first\r\nT - \r\nT - \r\n", "three\n"),
        ('(default choices are "O,T")\r\nChoice[0]: ', "Three\n"), ("Choice[1]: ", "o\n"),
        ("Choice[2]: ", "\n"), ("prompt: ", "read\n"), ("secret: ", "hidden\n"),
    ):  # fmt: skip
        terminal.wait_for(shown)
        terminal.shown = terminal.shown.partition(shown)[2]
        terminal.send(typed)
    code, text = terminal.end()
    assert code == 0
    assert "hidden" not in text
    assert text.endswith("6\nTrue None\n")


def test_the_end_of_input_is_an_error_in_the_script_that_asked() -> None:
    terminal = Terminal(SHOW.format(script="$host.UI.PromptForCredential('', '', '', '')"))
    terminal.wait_for("User: ")
    terminal.send("\x04")
    code, text = terminal.end()
    assert code == 0
    assert "standard input has ended" in text
    assert "Traceback" not in text
    assert text.endswith("False None\n")


@pytest.mark.parametrize(
    ("script", "question"),
    [
        ("$host.UI.Write('Q: '); $host.UI.ReadLine()", "Q: "),
        (CHOICE, '(default is "N"): '),
        ("$host.UI.PromptForCredential('', '', 'me', '')", "Password for user me: "),
    ],
)
def test_ctrl_c_at_a_question_takes_it_back(script: str, question: str) -> None:
    terminal = Terminal(f"""
from psbridge import Console, Session
shell = Session(console=Console())
try:
    shell.show({script!r})
except KeyboardInterrupt:
    print("interrupted", flush=True)
shell.show("$host.UI.Write('again? '); $host.UI.ReadLine()")
""")
    terminal.wait_for(question)
    terminal.send("\x03")
    terminal.wait_for("interrupted")
    terminal.wait_for("again? ")
    terminal.send("line\n")
    code, text = terminal.end()
    assert code == 0
    assert text.endswith("again? line\nline\n")  # what is typed is seen again, too


def test_ctrl_c_at_a_question_can_end_the_program() -> None:
    terminal = Terminal(SHOW.format(script="$host.UI.Write('Q: '); $host.UI.ReadLine()"))
    terminal.wait_for("Q: ")
    terminal.send("\x03")
    code, text = terminal.end()
    assert code in (1, 130, -signal.SIGINT)
    assert text.rstrip().endswith("KeyboardInterrupt")
    assert "Fatal" not in text

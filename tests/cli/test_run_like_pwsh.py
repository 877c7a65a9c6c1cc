"""`psbridge run` beside the engine's own pwsh: one table, both are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from psbridge.cli import main

PARAMETERS = """\
param($Name, [switch] $Flag, [string[]] $List, [int] $Number)
"$Name|$Flag|$($List -join ';')|$($List.Count)|$Number|$($args.Count)|$($args -join ';')"
"""
PLACE = """\
param($a)
$PSCommandPath; $PSScriptRoot; $MyInvocation.InvocationName; $MyInvocation.MyCommand.Name
"$($args.Count)$a"
"""
FILES = {
    "parameters.ps1": PARAMETERS,
    "place.ps1": PLACE,
    "with [odd] name.ps1": PLACE,
    "exit.ps1": "exit 3",
    "exit-text.ps1": "exit 'abc'",
    "throw.ps1": "'before'; throw 'no'",
    "error.ps1": "Get-NoSuchThing",
    "error.txt": "Get-NoSuchThing",
    "throw.txt": "'before'; throw 'no'",
    "native.ps1": "sh -c 'exit 5'",
    "native-code.ps1": "sh -c 'exit 5'; exit $LASTEXITCODE",
    "parse.ps1": "if (",
    "inner.ps1": "& $PSScriptRoot/exit.ps1; \"after $LASTEXITCODE\"",
    "shebang": "#!/usr/bin/env pwsh\n\"$args|$PSCommandPath|$PSScriptRoot\"\nexit 4",
    "input.ps1": "$input | ForEach-Object { \"<$_>\" }",
    "cat.ps1": "cat",
}  # fmt: skip
# Wide characters, an emoji, a combining character.
WIDE = (
    "[pscustomobject]@{ '漢字' = '日本'; b = 'é👍'; c = 'x' }, "
    "[pscustomobject]@{ '漢字' = 'a'; b = \"e`u{301}\"; c = 'y' }"
)
P = "parameters.ps1"
SAME = [
    # arguments of a file
    ["-f", P], ["-f", P, "-Name", "x", "-List", "a,b", "c"], ["-f", P, "x", "a", "5", "more"],
    ["-f", P, "-Name:x", "-Flag:$false"], ["-f", P, "-Name:", "-Flag"], ["-f", P, "-flag:TRUE"],
    ["-f", P, "-n:1"], ["-f", P, "-Number", "5", "-Flag"], ["-f", P, "-Number", "five"],
    ["-f", P, "-Bogus", "x"], ["-f", P, "-Name"], ["-f", P, "-", "x"], ["-f", P, "-1"],
    ["-f", P, "-Name", "-1"], ["-f", P, "--", "-Name", "x"], ["-f", P, ""],
    ["-f", P, "-Name:"], ["-f", P, "-m", "x"], ["-f", P, "\N{EN DASH}Name", "x"],
    ["-f", P, "-Name", "größe 漢"],
    # where a file is
    ["-f", "place.ps1", "x", "y"], ["-f", "./with [odd] name.ps1"], ["-f", "shebang", "a", "b"],
    # exit codes of a file
    *(["-f", f"{name}.ps1"] for name in (
        "exit", "exit-text", "throw", "error", "native", "native-code", "parse", "inner")),
    ["-f", "missing.ps1"], ["-f", "folder.ps1"], ["-f", "error.txt"], ["-f", "throw.txt"],
    # exit codes of a command
    *(["-c", command] for command in (
        "1", "exit 3", "exit", "exit -1", "throw 'no'", "Get-NoSuchThing", "Get-NoSuchThing; 1",
        "Write-Error x", "1/0", "$false", "", "# nothing", "sh -c 'exit 5'", "sh -c 'exit 5'; 1",
        "& ./exit.ps1", "./exit.ps1; $LASTEXITCODE", "function f { exit 7 }; f",
        "try { exit 8 } finally { 'f' }", "$host.SetShouldExit(6); 'on'", "if (")),
    # arguments of a command, and what a session has
    ["-c", "Write-Output", "a", "b c"], ["-c", "./place.ps1", "-a", "x", "y"],
    ["-c", "$PROFILE; $PROFILE.AllUsersAllHosts; $PROFILE.CurrentUserAllHosts"],
    ["-c", "\"<$PSCommandPath$PSScriptRoot>\""],
    ["-c", "[int] $Host.UI.RawUI.ForegroundColor; $Host.PrivateData"],
    ["-c", "(Get-Location).Path; $PWD.Path; $HOME"],
    ["-c", "$ErrorView; $ErrorActionPreference; $ProgressPreference; $OutputEncoding.WebName"],
    ["-c", "Write-Host a -NoNewline; Write-Host b -ForegroundColor Red; Write-Information i"],
    ["-c", WIDE],
]  # fmt: skip
# Values behind param or $args, which pwsh takes with its -CommandWithArgs.
WITH_VALUES = [
    ["$args.Count; $args", "a b", "-c", "$(1)"],
    ["param($Name, [switch] $Flag) \"$Name|$Flag|$args\"", "x", "-Flag", "'; throw"],
]  # fmt: skip
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z=]|\x1b=")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses sh")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "folder.ps1").mkdir()
    return folder


def pwsh(home: Path, folder: Path, *arguments: str, text: bytes = b"") -> tuple[int, str]:
    ran = subprocess.run(
        [str(home / "pwsh"), "-NoProfile", *arguments],
        cwd=folder, input=text, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return ran.returncode, ESCAPES.sub("", ran.stdout.decode(errors="replace"))


@pytest.mark.parametrize("arguments", SAME, ids=" ".join)
def test_what_runs_gives_the_output_and_the_exit_code_of_pwsh(
    engine_home: Path,
    folder: Path,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    wanted, output = pwsh(engine_home, folder, *arguments)
    code = main(["run", *(arguments[1:] if arguments[0] == "-c" else arguments)])
    shown = capsys.readouterr()
    assert code & 255 == wanted, shown.err
    if wanted == 64:  # pwsh shows its usage on standard output
        output = ""
        (line,) = shown.err.splitlines()
        assert Path(arguments[1]).name in line
    assert shown.out == output


@pytest.mark.parametrize("arguments", WITH_VALUES, ids=" ".join)
def test_code_that_takes_arguments_gets_them_as_values(
    engine_home: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = pwsh(engine_home, Path.cwd(), "-CommandWithArgs", *arguments)
    assert (main(["run", *arguments]), capsys.readouterr().out) == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "input.ps1"],
        ["-f", "cat.ps1"],
        ["-c", "$n = 0; foreach ($line in $input) { $n += $line.Length }; $n; cat"],
        ["-c", "process { \"<$_>\" }"],
        ["-c", "& { @($input).Count }; cat"],
        ["-c", "[Console]::In.ReadLine()"],
        ["-c", "-"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_standard_input_goes_where_pwsh_lets_it_go(
    engine_home: Path, folder: Path, arguments: list[str]
) -> None:
    text = b"'a'\n\"\xc3\xa9\xff\"\r\n1 + 1\n"
    wanted = pwsh(engine_home, folder, *arguments, text=text)
    words = arguments[1:] if arguments[0] == "-c" else arguments
    ran = subprocess.run(
        [sys.executable, "-m", "psbridge", "run", *words],
        cwd=folder, input=text, capture_output=True, timeout=60, check=False, env=os.environ,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.decode(errors="replace")) == wanted
    assert ran.stderr == b""

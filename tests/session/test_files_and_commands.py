"""Script files, single commands, and output as a text."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psbridge import CustomObject, DeclarationError, PipelineTimeout, PowerShellError, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


# ---- Script files ----


def script(folder: Path, text: str, name: str = "a.ps1") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_file_runs_with_its_arguments(shell: Session, tmp_path: Path) -> None:
    path = script(tmp_path, "param($x, [switch]$y, $timeout) $x; [bool]$y; $timeout; $PSScriptRoot")
    assert shell.run_file(path, 1) == [1, False, None, str(tmp_path)]
    assert shell.run_file(str(path), x=2, y=True) == [2, True, None, str(tmp_path)]
    assert shell.run_file(path, 1, y=True)[:2] == [1, True]
    assert shell.run_file(path, parameters={"timeout": 3})[2] == 3


def test_a_file_gets_input_and_stops_in_time(shell: Session, tmp_path: Path) -> None:
    path = script(tmp_path, "process { $_ * 2 } end { while ($args[0]) { } }")
    assert shell.run_file(path, input=[1, 2]) == [2, 4]
    with pytest.raises(PipelineTimeout) as caught:
        shell.run_file(path, True, input=[1], timeout=2)
    assert caught.value.result == [2]


def test_a_file_has_a_scope_of_its_own(shell: Session, tmp_path: Path) -> None:
    shell.run_file(script(tmp_path, "$inside = 5"))
    assert shell.run("$null -eq $inside") == [True]


def test_exit_ends_a_file_and_its_code_is_in_the_result(shell: Session, tmp_path: Path) -> None:
    path = script(tmp_path, "1; exit 7; 2")
    result = shell.run_file(path)
    assert (result, result.exit_code, result.exited) == ([1], 7, True)
    with pytest.raises(PowerShellError, match="exit code 7"):
        shell.run_file(path, check=True)
    assert shell.run("3") == [3]


def test_an_error_names_the_file_and_the_line(shell: Session, tmp_path: Path) -> None:
    path = script(tmp_path, "\n\nthrow 'no more'", "ö [x].ps1")
    with pytest.raises(PowerShellError, match="no more") as caught:
        shell.run_file(path)
    position = caught.value.record.InvocationInfo
    assert (position.ScriptName, position.ScriptLineNumber) == (str(path), 3)
    assert caught.value.__notes__ == [f"At {path}:3 char:1\n+ throw 'no more'\n+ ~~~~~~~~~~~~~~~"]


def test_what_a_file_does_not_take_is_refused(shell: Session, tmp_path: Path) -> None:
    path = script(tmp_path, "param($x) $x")
    with pytest.raises(TypeError, match="no parameter 'y'"):
        shell.run_file(path, y=1)
    with pytest.raises(TypeError, match="one argument by position, and 2"):
        shell.run_file(path, 1, 2)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_read_as_its_first_bytes_say(
    shell: Session, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "a.ps1"
    path.write_text("param($x) $x", encoding)
    assert shell.run_file(path, x="ö") == ["ö"]


def test_what_is_no_script_file_is_refused(shell: Session, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        shell.run_file(tmp_path / "nowhere.ps1")
    with pytest.raises(ValueError, match=r"does not end with \.ps1"):
        shell.run_file(script(tmp_path, "1", "a.txt"))


# ---- Commands ----


def test_a_command_is_called_with_its_parameters(shell: Session, tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "b").mkdir()
    assert [f.Name for f in shell.call("Get-ChildItem", tmp_path, File=True)] == ["a.txt"]
    assert len(shell.call("Get-ChildItem", path=tmp_path, file=False)) == 2
    assert shell.call("Sort-Object", input=[2, 3, 1], Descending=True) == [3, 2, 1]


@pytest.mark.parametrize("kind", ["function", "alias", "program"])
def test_whatever_is_a_command_can_be_called(shell: Session, kind: str) -> None:
    shell.run("function Get-Twice($x) { 2 * $x }; Set-Alias twice Get-Twice")
    if kind == "program":
        result = shell.call("sh", "-c", "echo $1; exit 3", "sh", "; rm -rf x")
        assert (result, result.exit_code) == (["; rm -rf x"], 3)
    else:
        assert shell.call({"function": "Get-Twice", "alias": "twice"}[kind], 21) == [42]


def test_a_command_is_no_code(shell: Session) -> None:
    with pytest.raises(PowerShellError) as caught:
        shell.call("Get-Date; Get-Date")
    assert caught.value.error_id == "CommandNotFoundException"


def test_properties_are_selected_by_powershell(shell: Session) -> None:
    shell.run("function Select-Object { throw 'mine' }")
    (item,) = shell.call("Get-Item", "/", select=["Name", "PSIsContainer"])
    assert isinstance(item, CustomObject)
    assert item == {"Name": "/", "PSIsContainer": True}
    assert shell.call("Get-Item", "/", select="Name") == [{"Name": "/"}]
    shell.run("Remove-Item function:Select-Object")


def test_a_command_is_stopped_when_enough_has_come(shell: Session) -> None:
    shell.run("function Get-Endless { for ($i = 0; $true; $i++) { $i } }")
    assert shell.call("Get-Endless", first=3) == [0, 1, 2]


def test_parameters_with_a_name_of_the_calls_own(shell: Session) -> None:
    shell.run("function Get-First($first, $x) { $first; $x }")
    assert shell.call("Get-First", parameters={"first": 1}, x=2) == [1, 2]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"first": 0}, ValueError),
        ({"first": 2**40}, ValueError),
        ({"select": []}, ValueError),
        ({"first": "1"}, TypeError),
        ({"first": True}, TypeError),
        ({"select": [1]}, TypeError),
        ({"select": [""]}, TypeError),
    ],
)
def test_what_selects_nothing_sensible_is_refused(
    shell: Session, given: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"{next(iter(given))} is"):
        shell.call("Get-Date", **given)


@pytest.mark.parametrize("command", ["", 5, None])
def test_what_names_no_command_is_refused(shell: Session, command: Any) -> None:
    with pytest.raises(DeclarationError, match="command is"):
        shell.call(command)


def test_check_and_time_are_as_for_run(shell: Session) -> None:
    with pytest.raises(PowerShellError, match="nowhere"):
        shell.call("Get-Item", "/nowhere", check=True)
    with pytest.raises(PipelineTimeout):
        shell.call("Start-Sleep", 60, timeout=0.1)


# ---- Text ----


def test_the_text_is_what_a_console_shows(shell: Session) -> None:
    shown = shell.text("[pscustomobject]@{ A = 1; B = 'x' * 40 }; Write-Error 'no more'", width=30)
    assert "A B\n- -\n1 " in shown
    assert "Write-Error: no more" in shown
    assert max(map(len, shown.splitlines())) <= 30
    assert "\x1b" not in shown
    assert shell.text("") == ""


def test_the_text_has_what_is_said_to_the_host_in_its_place(shell: Session) -> None:
    shown = shell.text(
        "'first'; Write-Host 'a' -NoNewline; Write-Host 'b'; Write-Warning 'careful'; 'last';"
        "Set-Content /x 1 -WhatIf; Write-Verbose v -Verbose; Write-Debug d -Debug;"
        "Write-Information unseen; Write-Information seen -InformationAction Continue;"
        "Get-Date -Year 2000 -Format yyyy | Out-Host; 'end'"
    )
    assert shown.splitlines() == [
        *("first", "ab", "WARNING: careful", "last"),
        'What if: Performing the operation "Set Content" on target "Path: /x".',
        *("VERBOSE: v", "DEBUG: d", "seen", "2000", "end"),
    ]


def test_the_text_has_what_programs_write(shell: Session) -> None:
    # Each by itself: two pipes have no order between them.
    for file in ("stdout", "stderr"):
        program = f"& {sys.executable!r} -c 'import sys; print(1, 2, sep=chr(10), file=sys.{file})'"
        assert shell.text(f"{program}; 'end'").splitlines() == ["1", "2", "end"]


def test_the_text_until_the_time_was_up(shell: Session) -> None:
    with pytest.raises(PipelineTimeout) as caught:
        shell.text("'some'; Write-Host 'more'; Start-Sleep 60", timeout=3)
    assert caught.value.result == ["some\nmore\n"]


def test_a_text_in_the_midst_of_a_pipeline(shell: Session) -> None:
    shell.functions["Get-Text"] = lambda: shell.text("Write-Host inner; 'value'")
    assert shell.text("Write-Host outer; Get-Text").split() == ["outer", "inner", "value"]


def test_the_text_has_colours_where_they_are_wanted(shell: Session) -> None:
    code = "[pscustomobject]@{ A = 1 }"
    coloured = shell.text(code, colours=True)
    assert "\x1b[" in coloured
    assert "\x1b[" in shell.text("Write-Host x -ForegroundColor Red", colours=True)
    assert shell.text("Write-Host x -ForegroundColor Red") == "x\n"
    assert "\x1b" not in shell.text(code)
    shell.run("function Get-Inner { $PSStyle.OutputRendering.ToString() }")
    assert shell.run("Get-Inner") == ["Host"]


def test_texts_with_colours_of_two_sessions_at_once(shell: Session) -> None:
    with Session() as other:
        texts: list[str] = []

        def ask() -> None:
            texts.extend(other.text("$true", colours=True) for _ in range(20))

        asking = threading.Thread(target=ask)
        asking.start()
        texts.extend(shell.text("$true", colours=True) for _ in range(20))
        asking.join()
        assert len(set(texts)) == 1
        assert other.run("$PSStyle.OutputRendering.ToString()") == ["Host"]


@pytest.mark.parametrize(
    ("given", "kind"), [({"width": 0}, ValueError), ({"colours": 1}, TypeError)]
)
def test_a_text_of_no_width_is_refused(
    shell: Session, given: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=f"{next(iter(given))} is"):
        shell.text("1", **given)


def test_what_is_wrong_with_arguments_is_a_declaration_error(shell: Session) -> None:
    with pytest.raises(DeclarationError, match="width is 'x'"):
        shell.text("1", width="x")  # type: ignore[arg-type]

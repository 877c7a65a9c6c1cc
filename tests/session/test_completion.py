"""PowerShell's own completion for Python."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import pytest
from conditions import until

from psbridge import Completion, DeclarationError, Parameter, Session


def completed(text: str, offer: Completion) -> str:
    return text[: offer.start] + offer.text + text[offer.start + offer.length :]


def test_commands_parameters_and_values(shell: Session) -> None:
    (process,) = shell.complete("Get-Proces")
    assert (process.text, process.list_item, process.kind) == ("Get-Process",) * 2 + ("Command",)
    assert (process.start, process.length) == (0, 10)
    assert "Get-Process [[-Name] <string[]>]" in process.tooltip
    text = "Get-Date -Display"
    (hint,) = shell.complete(text)
    assert hint.kind == "ParameterName"
    assert completed(text, hint) == "Get-Date -DisplayHint"
    offers = shell.complete("Get-Date -DisplayHint ")
    assert [(each.text, each.kind) for each in offers] == [
        ("Date", "ParameterValue"), ("DateTime", "ParameterValue"), ("Time", "ParameterValue"),
    ]  # fmt: skip
    assert shell.complete("no-such-thing-at-all") == []


def test_what_the_session_has(shell: Session, tmp_path: Path) -> None:
    shell.run("function Get-Mine($Colour) { }; $mineOnly = 1")
    assert [each.text for each in shell.complete("$mineO")] == ["$mineOnly"]
    assert [each.text for each in shell.complete("Get-Mine -Co")] == ["-Colour"]
    (tmp_path / "a file.txt").touch()
    text = f"Get-Item {tmp_path}/a"
    (file,) = shell.complete(text)
    assert file.kind == "ProviderItem"
    assert completed(text, file) == f"Get-Item '{tmp_path}/a file.txt'"


def test_a_function_of_python_s_completes(shell: Session) -> None:
    def get(colour: Annotated[str, Parameter(complete=lambda word: ["red", "green"])]) -> str:
        return colour

    shell.functions["Get-Colour"] = get
    assert [each.text for each in shell.complete("Get-Colour -Colour ")] == ["red", "green"]


def test_the_cursor_may_be_inside(shell: Session) -> None:
    text = "Get-Proc -Name x; 'after'"
    (offer,) = shell.complete(text, 8)
    assert completed(text, offer) == "Get-Process -Name x; 'after'"
    for wrong in (-1, len(text) + 1):
        with pytest.raises(ValueError, match=f"cursor is {wrong}; it has to be from 0 to 25"):
            shell.complete(text, wrong)
    with pytest.raises(DeclarationError, match="cursor is 'x'"):
        shell.complete(text, "x")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="text is 3"):
        shell.complete(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["'😀😀 ü'; ", "'ü'; ", "# \ud800 😀\n"])
def test_places_are_counted_in_python_s_letters(shell: Session, before: str) -> None:
    text = f"{before}Get-Proces -Name 😀"
    (offer,) = shell.complete(text, len(before) + 10)
    assert completed(text, offer) == f"{before}Get-Process -Name 😀"


def test_it_waits_for_its_turn(shell: Session) -> None:
    shell.run("$go = [System.Threading.ManualResetEventSlim]::new(); $began = $false")
    (go,) = shell.run(", $go")
    offers: list[Completion] = []
    first = threading.Thread(target=lambda: shell.run("$began = $true; $go.Wait(); $late = 1"))
    first.start()
    until(lambda: shell._turns.holder is not None)
    second = threading.Thread(target=lambda: offers.extend(shell.complete("$lat")))
    second.start()
    second.join(0.3)
    assert offers == []
    go.Set()
    first.join(30)
    second.join(30)
    assert [each.text for each in offers] == ["$late"]

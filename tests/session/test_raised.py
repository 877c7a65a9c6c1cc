"""A Python exception that went through PowerShell comes out as itself."""

from __future__ import annotations

import asyncio
import gc
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from conditions import until

from psbridge import Cmdlet, PowerShellError, Session
from psbridge.values import raised


class Own(Exception):
    """An exception of a program's own."""


def fail() -> None:
    raise Own("no", 3)


class Thrice(Cmdlet, verb="Test", noun="Thrice"):
    """Runs a command that fails, in one that runs it."""

    depth: int = 0

    def process(self) -> None:
        if self.depth:
            self.session.run("Test-Thrice -Depth $args[0]; 'never'", self.depth - 1, check=True)
        fail()


@pytest.fixture
def failing(shell: Session) -> Session:
    shell.functions["Test-It"] = fail
    return shell


STOP = "$ErrorActionPreference = 'Stop'; Test-It"


@pytest.mark.parametrize(
    "call",
    [
        lambda shell: shell.run(STOP),
        lambda shell: shell.run("1; Test-It", check=True),
        lambda shell: shell.run("try { Test-It } catch { throw }"),
        lambda shell: shell.run("1..9 | ForEach-Object { Test-It -ErrorAction Stop }", check=True),
        lambda shell: shell.call("Test-It"),
        lambda shell: shell.commands.Test_It(),
        lambda shell: list(shell.stream(STOP)),
        lambda shell: list(shell.stream("1; Test-It", check=True)),
        lambda shell: asyncio.run(shell.arun(STOP)),
        lambda shell: shell.run("Test-It").raise_for_errors(),
    ],
)
def test_it_is_raised_itself_with_its_traceback(
    failing: Session, call: Callable[[Session], object]
) -> None:
    with pytest.raises(Own) as caught:
        call(failing)
    assert caught.value.args == ("no", 3)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "fail"
    assert names[0] == "test_it_is_raised_itself_with_its_traceback"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert failing.run("'goes on'") == ["goes on"]


def test_a_note_says_where_in_powershell_it_was(failing: Session) -> None:
    with pytest.raises(Own) as caught:
        failing.run(STOP)
    assert any("line:1 char:34" in note.lower() for note in caught.value.__notes__)


def test_it_is_itself_through_several_commands(shell: Session) -> None:
    shell.import_cmdlets(Thrice)
    with pytest.raises(Own) as caught:
        shell.run("Test-Thrice -Depth 3", check=True)
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("raise Own") == 1


def test_powershell_sees_it_as_before(failing: Session) -> None:
    assert failing.run("try { Test-It } catch { $_.Exception.PythonType }") == ["Own"]
    result = failing.run("Test-It; 'on'")
    assert result == ["on"]
    (error,) = result.errors
    assert error.message.startswith("Own:")
    assert isinstance(error.raised, Own)


def test_what_powershell_makes_of_it_is_powershell_s(failing: Session) -> None:
    with pytest.raises(PowerShellError, match="something else"):
        failing.run("try { Test-It } catch { throw 'something else' }")


class Ending(BaseException):
    """What ends more than a call, as a test framework's own."""


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), Ending()], ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda shell: shell.call("Stop-It"),
        lambda shell: shell.run("try { 1; Stop-It } catch { $went = 1 }; $went = 1"),
        lambda shell: shell.run("trap { $went = 1; continue } 1..9 | % { Stop-It; $went = 1 }"),
        lambda shell: shell.run("Stop-Outer; $went = 1"),
        lambda shell: shell.text("Stop-It; $went = 1"),
        lambda shell: list(shell.stream("1; Stop-It; $went = 1")),
        lambda shell: asyncio.run(shell.arun("1; Stop-It; $went = 1")),
    ],
)
def test_what_ends_a_program_ends_the_code_and_comes_out(
    shell: Session, error: BaseException, call: Callable[[Session], object]
) -> None:
    def end() -> None:
        raise error

    def outer() -> None:
        try:
            shell.run("Stop-It; $went = 1")
        finally:
            shell.variables["was_here"] = True

    shell.functions.update({"Stop-It": end, "Stop-Outer": outer})
    with pytest.raises(type(error)) as caught:
        call(shell)
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "went" not in shell.variables
    assert shell.run("'goes on'") == ["goes on"]


def test_what_ends_a_program_is_an_error_where_it_is_shown(
    shell: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    def end() -> None:
        raise SystemExit(3)

    shell.functions["Stop-It"] = end
    assert shell.show("Stop-It; 'goes on'")
    shown = capsys.readouterr()
    assert "SystemExit: 3" in shown.err
    assert shown.out == "goes on\n"


def test_what_ends_an_iteration_is_described_only(shell: Session) -> None:
    def end() -> None:
        raise StopIteration

    shell.functions["Stop-It"] = end
    with pytest.raises(PowerShellError, match="StopIteration"):
        shell.call("Stop-It")


def test_nothing_of_it_stays_behind(failing: Session) -> None:
    failing.run("foreach ($i in 1..200) { try { Test-It } catch { } }")
    assert raised._by_session == {}
    kept: list[Any] = []

    def hold() -> None:
        try:
            failing.run(STOP)
        except Own as error:
            kept.append(weakref.ref(error))

    hold()
    assert raised._by_session == {}

    def is_gone() -> bool:
        failing.run("[GC]::Collect(); [GC]::WaitForPendingFinalizers()")  # .NET has had it, too
        failing.run("1")
        gc.collect()
        return kept[0]() is None

    until(is_gone)


def test_one_that_did_not_end_the_code_has_its_place_too(shell: Session) -> None:
    def fail() -> None:
        raise LookupError("nowhere")

    shell.functions["Get-Fail"] = fail
    with pytest.raises(LookupError) as caught:
        shell.run("'before'\nGet-Fail", check=True)
    assert "At line:2" in caught.value.__notes__[0]

"""What a cmdlet runs in its own session, and whose errors that has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from psbridge import Cmdlet, PowerShellError, Session


class InvokeCode(Cmdlet, verb="Invoke", noun="Code"):
    """Run code in the session."""

    code: str
    take: bool = False

    def process(self) -> Iterator[object]:
        """Run it, and go on."""
        result = self.session.run(self.code)
        if self.take:
            yield from (f"taken {error}" for error in result.errors)
        yield from result
        yield "after"


class ReadCode(Cmdlet, verb="Read", noun="Code"):
    """Run code in the session, and take its values as they come."""

    code: str
    leave: bool = False
    take: bool = False

    def process(self) -> Iterator[object]:
        """Go through the first or all of them."""
        stream = self.session.stream(self.code)
        for value in stream:
            yield value
            if self.leave:
                break
        if self.take:
            yield from (f"taken {error}" for error in stream.result.errors)


@pytest.fixture
def shell() -> Iterator[Session]:
    with Session() as session:
        session.import_cmdlets(InvokeCode, ReadCode)
        yield session


def test_the_callers_see_the_errors_of_code_that_a_cmdlet_runs(shell: Session) -> None:
    result = shell.run("Invoke-Code -Code '1; Write-Error ''oh''; 2'; 'next'")
    assert result == [1, 2, "after", "next"]
    assert [str(error) for error in result.errors] == ["oh"]


def test_errors_that_the_author_looks_at_are_his(shell: Session) -> None:
    result = shell.run("Invoke-Code -Code 'Write-Error ''oh''' -Take")
    assert result == ["taken oh", "after"]
    assert result.errors == []


@pytest.mark.parametrize(
    ("given", "output", "errors"),
    [("", [1, 2], ["oh"]), ("-Leave", [1], ["oh"]), ("-Take", [1, 2, "taken oh"], [])],
)
def test_a_stream_of_values_is_such_code_too(
    shell: Session, given: str, output: list[object], errors: list[str]
) -> None:
    result = shell.run(f"Read-Code -Code '1; Write-Error ''oh''; 2' {given}")
    assert result == output
    assert [str(error) for error in result.errors] == errors


def test_errors_of_each_cmdlet_go_to_its_own_caller(shell: Session) -> None:
    inner = "Invoke-Code -Code 'Write-Error inner' 2>&1 | ForEach-Object { \"$_\" }"
    result = shell.run("param($code) Invoke-Code -Code $code", f"Write-Error outer; {inner}")
    assert result == ["after", "inner", "after"]
    assert [str(error) for error in result.errors] == ["outer"]


def test_the_callers_error_action_holds(shell: Session) -> None:
    with pytest.raises(PowerShellError, match="oh"):
        shell.run("Invoke-Code -Code 'Write-Error ''oh''' -ErrorAction Stop; 'not reached'")
    result = shell.run(
        "Invoke-Code -Code 'Write-Error ''oh''' -ErrorAction SilentlyContinue -ErrorVariable found;"
        "$found.Count"
    )
    assert (list(result), result.errors) == (["after", 1], [])


def test_what_another_session_runs_is_not_the_callers(shell: Session) -> None:
    with Session() as other:

        def ask() -> str:
            other.run("Write-Error 'elsewhere'")
            return "done"

        shell.functions["Get-Elsewhere"] = ask
        result = shell.run("Get-Elsewhere")
    assert (list(result), result.errors) == (["done"], [])

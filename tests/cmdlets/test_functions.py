"""Python functions that validate, transform and complete arguments."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from psbridge import Cmdlet, Parameter, Session


def even(number: int) -> bool:
    return number % 2 == 0


def short(text: str) -> None:
    if len(text) > 3:
        raise ValueError(f"{text!r} is too long")


def colours(word: str, given: dict[str, Any]) -> Iterator[str | tuple[str, str]]:
    """Depends on what has been typed before."""
    for name in ("red", "dark red", "it's blue", "rose"):
        if name.startswith(word):
            yield (name, f"as {given['Text']}") if "Text" in given else name


def fails(word: str) -> Iterator[str]:
    raise RuntimeError("no")


class Checked(Cmdlet, verb="Test", noun="Checked"):
    numbers: Annotated[list[int], Parameter(validate=even)] = []  # noqa: RUF012
    text: Annotated[str, Parameter(validate=short, transform=str.strip)] = ""
    anything: Annotated[object, Parameter(transform=lambda value: {"got": value})] = None
    colour: Annotated[str, Parameter(complete=colours)] = ""
    broken: Annotated[str, Parameter(complete=fails)] = ""

    def process(self) -> Iterator[object]:
        yield from (self.numbers, self.text, self.anything)


@pytest.fixture
def checked(shell: Session) -> Session:
    shell.import_cmdlets(Checked)
    return shell


def test_what_they_accept_goes_through(checked: Session) -> None:
    assert checked.run("Test-Checked -Numbers 2, 4 -Text ' ab '") == [[2, 4], "ab", None]


def test_a_transformed_value_is_what_the_parameter_gets(checked: Session) -> None:
    assert checked.run("Test-Checked -Anything 5")[2] == {"got": 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-Numbers 2, 3", '"3" is not accepted'),
        ("-Text long", "'long' is too long"),
        ("-Text 5", "strip"),  # a transformation gets what the user gave, a number here
    ],
)
def test_what_they_refuse_is_an_error_of_binding(
    checked: Session, arguments: str, message: str
) -> None:
    (error,) = checked.run(f"Test-Checked {arguments}").errors
    assert message in error.message
    assert error.error_id.split(",")[0] in (
        "ParameterArgumentValidationError", "ParameterArgumentTransformationError"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("Test-Checked -Colour ", ["red", "'dark red'", "'it''s blue'", "rose"]),
        ("Test-Checked -Colour r", ["red", "rose"]),
        ("Test-Checked -Colour 'da", ["'dark red'"]),
    ],
)
def test_completion_offers_their_values(checked: Session, line: str, offers: list[str]) -> None:
    assert completed(checked, line, "CompletionText") == offers


def test_completion_knows_the_other_arguments(checked: Session) -> None:
    assert completed(checked, "Test-Checked -Text hi -Colour re", "ToolTip") == ["as hi"]


def test_a_completion_that_raises_offers_nothing_of_its_own(checked: Session) -> None:
    assert "no" not in completed(checked, "Test-Checked -Broken x", "CompletionText")


def test_two_sessions_have_their_own_functions(shell: Session) -> None:
    def make(limit: int) -> type[Cmdlet]:
        class Limited(Cmdlet, verb="Test", noun="Limited"):
            number: Annotated[int, Parameter(validate=lambda n: n < limit)] = 0

            def process(self) -> int:
                return self.number

        return Limited

    with Session() as other:
        shell.import_cmdlets(make(5))
        other.import_cmdlets(make(50))
        assert shell.run("Test-Limited -Number 20").errors
        assert other.run("Test-Limited -Number 20") == [20]


def completed(shell: Session, line: str, what: str) -> list[Any]:
    return shell.run(
        "param($line, $what) [System.Management.Automation.CommandCompletion]::"
        "CompleteInput($line, $line.Length, $null).CompletionMatches | % { $_.$what }",
        line=line,
        what=what,
    )

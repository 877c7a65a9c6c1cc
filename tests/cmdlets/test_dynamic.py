"""Parameters that depend on the values of others."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pytest

from psbridge import Cmdlet, Parameter, PowerShellError, Session


class Dynamic(Cmdlet, verb="Test", noun="Dynamic"):
    kind: Annotated[str, Parameter(position=0)] = ""

    def dynamic_parameters(self) -> Mapping[str, Any]:
        if self.kind == "tree":
            return {
                "depth": Annotated[int, Parameter(mandatory=True, alias=["Levels"])],
                "order": Literal["Up", "Down"],
                "all_of_it": bool,
            }
        if self.kind == "broken":
            raise ValueError("no parameters today")
        if self.kind == "wrong":
            return {"bad": memoryview}
        return {}

    def process(self) -> Iterator[object]:
        for name in ("depth", "order", "all_of_it"):
            yield getattr(self, name, "none")


@pytest.fixture
def dynamic(shell: Session) -> Session:
    shell.import_cmdlets(Dynamic)
    return shell


def test_they_are_there_where_the_other_values_say_so(dynamic: Session) -> None:
    assert dynamic.run("Test-Dynamic tree -Depth 3 -Order up -AllOfIt") == [3, "Up", True]
    assert dynamic.run("Test-Dynamic tree -Levels 3") == [3, None, None]
    assert dynamic.run("Test-Dynamic flat") == ["none"] * 3
    (error,) = dynamic.run("Test-Dynamic flat -Depth 3").errors
    assert error.error_id.startswith("NamedParameterNotFound")


def test_their_declarations_hold(dynamic: Session) -> None:
    (missing,) = dynamic.run("Test-Dynamic tree").errors
    assert missing.error_id.startswith("MissingMandatoryParameter")
    (wrong,) = dynamic.run("Test-Dynamic tree -Depth 1 -Order sideways").errors
    assert wrong.error_id.startswith("ParameterArgumentValidationError")
    (text,) = dynamic.run("Test-Dynamic tree -Depth x").errors
    assert text.error_id.startswith("CannotConvertArgument")


def test_completion_knows_them(dynamic: Session) -> None:
    script = (
        "$line = 'Test-Dynamic tree -De'; [System.Management.Automation.CommandCompletion]::"
        "CompleteInput($line, $line.Length, $null).CompletionMatches | % { $_.CompletionText }"
    )
    assert "-Depth" in dynamic.run(script)


@pytest.mark.parametrize(
    ("kind", "message"), [("broken", "no parameters today"), ("wrong", "is no type")]
)
def test_what_goes_wrong_there_is_an_error(dynamic: Session, kind: str, message: str) -> None:
    try:
        errors = [error.message for error in dynamic.run(f"Test-Dynamic {kind}").errors]
    except PowerShellError as error:
        errors = [str(error)]
    assert message in errors[0]

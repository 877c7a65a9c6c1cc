"""A decorated function is a cmdlet, and still a function."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from psbridge import DeclarationError, Parameter, Session, cmdlet


@cmdlet("Measure-Sum", as_job=True, children="each", alias=["sum"])
def add(
    first: Annotated[int, Parameter(position=0, mandatory=True, from_pipeline=True)],
    second: int = 2,
    *,
    times: int = 1,
    loud: bool = False,
    how: Literal["plain", "text"] = "plain",
) -> Iterator[Any]:
    """Add two numbers."""
    total = (first + second) * times
    yield str(total) if how == "text" else total
    if loud:
        yield "!"


@cmdlet("Get-Greeting")
def greet(name: str, greeting: str | None = None) -> str:
    return f"{greeting or 'Hello'}, {name}"


def test_it_is_still_a_function() -> None:
    assert list(add(1)) == [3]
    assert greet("Ada") == "Hello, Ada"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Measure-Sum 1", [3]),
        ("Measure-Sum 1 5", [6]),
        ("sum 1 -Times 3", [9]),
        ("Measure-Sum 1 -Loud", [3, "!"]),
        ("Measure-Sum 1 -How TEXT", ["3"]),
        ("1..3 | Measure-Sum", [3, 4, 5]),
        (
            "1..3 | Measure-Sum -AsJob -ThrottleLimit 1 | Receive-Job -Wait -AutoRemoveJob",
            [3, 4, 5],
        ),
        ("Get-Greeting Ada", ["Hello, Ada"]),
        ("Get-Greeting Ada Moin", ["Moin, Ada"]),
    ],
)
def test_it_binds_as_the_function_says(shell: Session, script: str, expected: list[Any]) -> None:
    shell.import_cmdlets(add, greet)
    assert shell.run(script) == expected


def test_what_has_no_default_is_mandatory(shell: Session) -> None:
    shell.import_cmdlets(greet)
    (error,) = shell.run("Get-Greeting").errors
    assert error.error_id.startswith("MissingMandatoryParameter")


def test_what_is_by_keyword_only_has_no_position(shell: Session) -> None:
    shell.import_cmdlets(add)
    (error,) = shell.run("Measure-Sum 1 2 3").errors
    assert error.error_id.startswith("PositionalParameterNotFound")


def test_a_module_s_functions_are_found(shell: Session, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from psbridge import cmdlet\n\n@cmdlet('Get-Mine')\ndef mine(n: int = 1):\n    return n\n"
    )
    assert shell.import_module(path) == ["Get-Mine"]
    assert shell.run("Get-Mine 4; (Get-Command Get-Mine).CommandType.ToString()") == [4, "Cmdlet"]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("GetThing", "def f(): ...", "'GetThing' is no name of a cmdlet"),
        ("Get-Thing", "class f: ...", "is for functions"),
        ("Get-Thing", "def f(*names): ...", "no parameter such as .*names"),
        ("Get-Thing", "def f(**names): ...", "no parameter such as .*names"),
        ("Get-Thing", "def f(a, /): ...", "f.a has no name"),
        ("Get-Thing", "def f(a: memoryview): ...", "memoryview.* is no type"),
        ("Get-Thing", "def f(a: 'NoSuch'): ...", "cannot be resolved.*NoSuch"),
    ],
)
def test_a_mistake_is_found_at_once(name: str, body: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        exec(f"@cmdlet({name!r})\n{body}", {"cmdlet": cmdlet, "__name__": "made_up"})

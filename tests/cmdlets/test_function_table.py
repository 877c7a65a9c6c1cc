"""Anything that can be called as a command: ``shell.functions[...]``."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

import pytest

from psbridge import DeclarationError, Parameter, PowerShellError, Session


def double(number: int, *more: int, times: int = 2, loud: bool = False) -> Iterator[Any]:
    """Multiply numbers.

    Args:
        number: the first one.
    """
    for each in (number, *more):
        yield each * times
    if loud:
        yield "!"


class Greeter:
    def __init__(self, word: str = "Hello") -> None:
        self.word = word

    def __call__(self, name: str, mark: Literal["!", "?"] = "!") -> str:
        return f"{self.word}, {name}{mark}"

    def bye(self, name: str) -> str:
        return f"Bye, {name}"


def test_it_is_a_command_with_the_signature_s_parameters(shell: Session) -> None:
    shell.functions["Get-Double"] = double
    assert shell.run("Get-Double 4; Get-Double 1 2 3 -Times 10 -Loud") == [8, 10, 20, 30, "!"]
    assert shell.commands.Get_Double("5", Times=3) == [15]
    (error,) = shell.run("Get-Double -Number x").errors
    assert error.error_id.startswith("CannotConvertArgument")
    (error,) = shell.run("Get-Double").errors
    assert error.error_id.startswith("MissingMandatoryParameter")
    (command,) = shell.run("Get-Command get-double")
    assert str(command.CommandType) == "Cmdlet"
    assert shell.run("(Get-Help Get-Double).Synopsis") == ["Multiply numbers."]


@pytest.mark.parametrize(
    ("function", "script", "expected"),
    [
        (lambda left, right=3: left + right, "Get-It 1; Get-It 1 2", [4, 3]),
        (json.loads, "(Get-It '{\"a\": [1]}').a", [1]),
        (math.sqrt, "Get-It 4", [2.0]),
        (functools.partial(double, 3, times=5), "Get-It", [15]),
        (Greeter("Moin"), "Get-It Ada; Get-It -Name Ada -Mark '?'", ["Moin, Ada!", "Moin, Ada?"]),
        (Greeter().bye, "Get-It Ada", ["Bye, Ada"]),
        (lambda: {"a": 1}, "(Get-It).a", [1]),
        (lambda: None, "Get-It", []),
    ],
    ids=["lambda", "keywords", "builtin", "partial", "object", "method", "dict", "nothing"],
)
def test_all_kinds_of_callables(
    shell: Session, function: Any, script: str, expected: list[Any]
) -> None:
    shell.functions["Get-It"] = function
    assert shell.run(script) == expected
    assert shell.functions["Get-It"] == function


def test_a_parameter_may_say_more(shell: Session) -> None:
    def add(
        number: Annotated[int, Parameter(from_pipeline=True, range=(0, 9))], to: int = 1
    ) -> int:
        return number + to

    shell.functions["Add-One"] = add
    assert shell.run("1..3 | Add-One -To 10") == [11, 12, 13]
    assert shell.run("Add-One 10").errors


def test_a_generator_streams(shell: Session) -> None:
    def count() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    shell.functions["Get-Count"] = count
    assert shell.run("Get-Count | Select-Object -First 3") == [0, 1, 2]


def test_they_are_a_dict(shell: Session) -> None:
    functions = shell.functions
    assert (len(functions), list(functions), "Get-Double" in functions) == (0, [], False)
    functions["Get-Double"] = double
    functions.update({"Get-Bye": Greeter().bye})
    assert functions["GET-double"] is double
    assert "get-double" in functions
    assert "Get-Own" not in functions
    assert sorted(functions) == ["Get-Bye", "Get-Double"]
    assert functions.get("Get-None") is None
    with pytest.raises(KeyError, match="'Get-Dubble'; near it: Get-Double"):
        functions["Get-Dubble"]
    del functions["get-DOUBLE"]
    assert list(shell.functions) == ["Get-Bye"]
    assert shell.run("Get-Double 1").errors
    assert shell.run("Get-Bye you") == ["Bye, you"]
    with pytest.raises(KeyError):
        del functions["Get-Double"]
    with Session() as other:
        assert len(other.functions) == 0


def test_the_last_one_of_a_name_is_called(shell: Session) -> None:
    for number in (1, 2):
        shell.functions["Get-Number"] = lambda number=number: number
    assert shell.run("Get-Number") == [2]
    assert len(shell.functions) == 1


def test_it_takes_the_place_of_what_has_its_name(shell: Session) -> None:
    shell.run("function Get-Own { 'PowerShell' }")
    for name in ("Get-Own", "Get-Process"):
        shell.functions[name] = lambda: "Python"
    assert shell.run("Get-Own; Get-Process") == ["Python", "Python"]
    del shell.functions["Get-Process"]
    assert "Python" not in shell.run("Get-Process")
    assert shell.run("Get-Own") == ["Python"]


@pytest.mark.parametrize("mode", ["ConstrainedLanguage", "NoLanguage"])
def test_it_is_one_in_a_session_with_a_limited_language(mode: Any) -> None:
    with Session(language_mode=mode) as shell:
        if mode == "ConstrainedLanguage":
            shell.run("function Get-Double { 'PowerShell' }")
        shell.functions["Get-Double"] = lambda x: 2 * x
        assert shell.call("Get-Double", 4) == [8]
        del shell.functions["Get-Double"]
        with pytest.raises(PowerShellError, match="Get-Double"):
            shell.call("Get-Double", 4)


def test_what_replaces_it_is_what_is_there(shell: Session) -> None:
    from psbridge import cmdlet

    @cmdlet("Get-Same")
    def same() -> str:
        return "cmdlet"

    shell.functions["Get-Same"] = lambda: "function"
    shell.import_cmdlets(same)
    assert shell.run("Get-Same") == ["cmdlet"]
    assert "Get-Same" not in shell.functions
    shell.functions["Get-Same"] = lambda: "function"
    assert shell.run("Get-Same") == ["function"]


def nameless(*, _hidden: int = 1) -> None: ...
def with_a_strange_type(x: memoryview) -> None: ...
async def asynchronous() -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("double", double, "'double' is no name of a cmdlet, such as Get-WordCount"),
        ("", double, "'' is no name"),
        ("Get-", double, "'Get-' is no name"),
        ("Get-It now", double, "noun 'It now' is not made of letters and digits"),
        ("Get-It; 1", double, "noun 'It; 1' is not made"),
        ("Get-It", 3, "Get-It is 3; it is a function or something else to call"),
        ("Get-It", nameless, "_hidden: a parameter's name begins with a letter"),
        ("Get-It", with_a_strange_type, "memoryview.* is no type"),
        ("Get-It", asynchronous, "is async"),
        (3, double, "name is 3; it is a text"),
    ],
)
def test_a_mistake_is_one_clear_error(
    shell: Session, name: Any, function: Any, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        shell.functions[name] = function
    assert len(shell.functions) == 0


@dataclass
class Point:
    x: int
    y: int = 0


@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        (int | str, "5", 5),
        (int | str, "a", "a"),
        (int | str | None, "'5'", "5"),
        (date, "2024-02-29", date(2024, 2, 29)),
        (IPv4Address, "10.0.0.1", IPv4Address("10.0.0.1")),
        (Sequence[str], "1, 2", ["1", "2"]),
        (Iterable[int], "7", [7]),
        (set[int], "1, 2, 1", {1, 2}),
        (frozenset[str], "a", frozenset({"a"})),
        (tuple[int, ...], "1, 2", (1, 2)),
        (tuple[int, str], "1, a", (1, "a")),
        (tuple[int], "1", (1,)),
        (dict[str, int], "@{ a = '1' }", {"a": 1}),
        (Mapping[str, int], "@{ a = 1 }", {"a": 1}),
        (Sequence, "1, a", [1, "a"]),
        (Point, "@{ x = 1 }", Point(1)),
        (list[Point], "@{ x = 1 }, ([pscustomobject]@{ X = 2; Y = 3 })", [Point(1), Point(2, 3)]),
    ],
    ids=str,
)
def test_a_parameter_is_read_as_its_annotation_says(
    shell: Session, hint: Any, given: str, expected: object
) -> None:
    found: list[object] = []

    def take(value: object) -> None:
        found.append(value)

    take.__annotations__["value"] = hint
    shell.functions["Set-It"] = take
    shell.run(f"Set-It {given}", check=True)
    assert found == [expected]
    assert [type(value) for value in found] == [type(expected)]


def test_what_cannot_be_read_so_is_an_error_that_says_where(shell: Session) -> None:
    def take(points: list[Point]) -> None:
        raise AssertionError

    shell.functions["Set-It"] = take
    result = shell.run("Set-It @{ x = 1 }, @{ x = 'one' }")
    assert "points" in result.errors[0].message
    assert "x: 'one' (a str) is no int" in result.errors[0].message


def test_an_entry_that_cannot_be_read_is_an_error(shell: Session) -> None:
    def take(numbers: dict[str, int]) -> None:
        raise AssertionError

    shell.functions["Set-It"] = take
    assert "'x' (a str) is no int" in shell.run("Set-It @{ a = 'x' }").errors[0].message


def test_a_partial_with_too_many_arguments_is_refused(shell: Session) -> None:
    length: Any = len
    with pytest.raises(DeclarationError, match="does not tell its parameters"):
        shell.functions["Get-It"] = functools.partial(length, [1], [2])


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [(max, "1 5 2", 5), (int, "'5'", 5), (math.hypot, "3 4", 5.0), (len, "1, 2", 2)],
)
def test_a_function_of_pythons_own_takes_what_it_is_given(
    shell: Session, function: Any, arguments: str, expected: object
) -> None:
    shell.functions["Get-It"] = function
    assert shell.run(f"Get-It {arguments}", check=True) == [expected]


def test_a_parameter_may_have_any_name_that_cmdlets_use_themselves(shell: Session) -> None:
    def odd(start: int, end: int, *write: object, session: str = "s", process: int = 1) -> object:
        return {"sum": start + end + process, "rest": list(write), "session": session}

    shell.functions["Get-Odd"] = odd
    assert shell.run("Get-Odd 1 2 x y -Process 3 -Session t", check=True) == [
        {"sum": 6, "rest": ["x", "y"], "session": "t"}
    ]
    assert shell.run("Get-Odd -End 1 -Start 2").one()["sum"] == 4

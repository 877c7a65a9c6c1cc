"""What has no counterpart is named by its place, and the error says what to do."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import re
from collections import UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from psbridge import ConversionError, Credential, CustomObject, PowerShellError, Secret, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def to_net(shell: Session) -> Callable[..., Any]:
    from psbridge.values import to_net

    return to_net


@pytest.fixture
def to_record(shell: Session) -> Callable[..., Any]:
    from psbridge.values import to_record

    return to_record


class Custom:
    pass


class Spiteful:
    """Nothing of it can be asked for."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __eq__ = __hash__ = __repr__  # type: ignore[assignment]


@dataclass
class Row:
    when: object


class Pair(NamedTuple):
    first: object


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"rows": [1, 2, 3, Row(Custom())]}, 'value["rows"][3].when'),
        ([[Custom()]], "value[0][0]"),
        ((1, Custom()), "value[1]"),
        ({"a": {"b c": Custom()}}, 'value["a"]["b c"]'),
        ({1: {2.5: {Custom: 1}}}, "value[1][2.5]'s key <type>"),
        ({True: Custom()}, "value[True]"),
        ({(1, 2): Custom()}, "value[<tuple>]"),
        ({(1, Custom()): 1}, "value's key <tuple>[1]"),
        ([CustomObject(When=Custom())], "value[0].When"),
        ([CustomObject({"a b": Custom()})], 'value[0]["a b"]'),
        ([SimpleNamespace(x=[Custom()])], "value[0].x[0]"),
        (Pair([Custom()]), "value.first[0]"),
        (UserDict(a=Custom()), 'value["a"]'),
        ({"a": {1: 2}.values(), "b": {1: Custom()}.values()}, 'value["b"][0]'),
        ({'"': {"'": {"\n": Custom()}}}, """value["\\""]["'"]["\\n"]"""),
        ({"x" * 1000: Custom()}, f'value["{"x" * 39}…"]'),
        ({10**50: Custom()}, "value[…]"),
        ([Spiteful()], "value[0]"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_the_error_names_the_place(to_net: Callable[..., Any], value: Any, place: str) -> None:
    with pytest.raises(ConversionError) as caught:
        to_net(value)
    assert str(caught.value).startswith(f"{place}: a ")
    assert "has no counterpart in PowerShell; write text, numbers" in str(caught.value)


def test_a_value_alone_has_no_place(to_net: Callable[..., Any]) -> None:
    with pytest.raises(ConversionError, match=r"^a .*test_refusals\.Custom has no counterpart"):
        to_net(Custom())


def test_the_value_has_the_name_that_it_is_given(
    to_net: Callable[..., Any], to_record: Callable[..., Any]
) -> None:
    for convert in (to_net, to_record):
        with pytest.raises(ConversionError, match=r'^rows\[1\]\["a"\]: a '):
            convert([1, {"a": Custom()}], "rows")


def test_an_argument_has_its_own_name(shell: Session) -> None:
    bad = [1, {"a": Custom()}]
    for run, place in (
        (lambda: shell.run("param($rows) $rows", rows=bad), "rows"),
        (lambda: shell.run("param($x, $y) $y", 1, bad), "arguments[1]"),
        (lambda: shell.run("$input", input=[1, 2, bad]), "input[2]"),
        (lambda: list(shell.stream("$input", input=[1, 2, bad])), "input[2]"),
        (lambda: shell.call("Write-Output", bad), "arguments[0]"),
        (lambda: shell.call("Write-Output", InputObject=bad), "InputObject"),
        (lambda: shell.run("[System.Text.StringBuilder]::new()")[0].Append(bad), "arguments[0]"),
        (lambda: shell.run("{ $args }")[0].Invoke(1, bad), "arguments[1]"),
    ):
        with pytest.raises(ConversionError) as caught:
            run()
        assert str(caught.value).startswith(f'{place}[1]["a"]: a ')


def test_a_deep_place_is_cut(to_net: Callable[..., Any]) -> None:
    value: list[object] = []
    value.append({"a": value})
    with pytest.raises(ConversionError, match="contains itself") as caught:
        to_net(value)
    assert re.match(r'value(\[0\]|\["a"\]){6}…(\[0\]|\["a"\]){6}: ', str(caught.value))


class Nothing(enum.Enum):
    NOTHING = None


async def waited_for() -> None:
    pass


class Frame:
    """As a data frame of pandas'."""

    columns = ()

    def to_dict(self, orient: str) -> list[object]:
        return []

    def __iter__(self) -> Iterator[object]:
        return iter(())


class Walked:
    def __iter__(self) -> Iterator[object]:
        return iter(())


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ((letter for letter in ""), "give list(value)"),
        (iter([]), "give list(value)"),
        (map(int, ()), "give list(value)"),
        (Walked(), "give list(value) or dict(value)"),
        (Frame(), 'give its rows: value.to_dict("records")'),
        (ipaddress.ip_interface("10.0.0.1/8"), "give its .ip or its .network"),
        (ipaddress.ip_interface("fe80::1/10"), "give its .ip or its .network"),
        (ipaddress.ip_address("fe80::1%nowhere"), "no network interface 'nowhere'"),
        (fractions.Fraction(1, 3), "give float(value), which is the nearest Double, or str(value)"),
        (fractions.Fraction(10**5000, 3), "give float(value)"),
        (dt.time(1, tzinfo=dt.UTC), "has a zone, and a .NET TimeOnly has none"),
        (decimal.Decimal("1E-29"), "that a .NET Decimal can hold; give str(value)"),
        (decimal.Decimal("1." + "1" * 29), "than a .NET Decimal can hold; give str(value)"),
        (dt.timedelta.max, "longer than a .NET TimeSpan can be; give value.total_seconds()"),
        (dt.datetime.min.replace(tzinfo=dt.timezone.max), "give value.isoformat()"),
        (re.compile(b"a"), "looks for bytes"),
        ({"a": 1, "A": 2}, 'the key "A" is there twice'),
        ({None: 1}, "'s key None: None cannot be a key"),
        ({Nothing.NOTHING: 1}, "key <Nothing>: None cannot be a key"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_the_error_says_what_to_do(to_net: Callable[..., Any], value: Any, advice: str) -> None:
    for wrapped, place in ((value, ""), ({"k": [value]}, 'value["k"][0]: ')):
        with pytest.raises(ConversionError) as caught:
            to_net(wrapped)
        assert str(caught.value).startswith(place.removesuffix(": "))
        assert advice in str(caught.value)


def test_what_waits_has_to_be_awaited(to_net: Callable[..., Any]) -> None:
    coroutine = waited_for()
    with pytest.raises(ConversionError, match="await it first"):
        to_net(coroutine)
    coroutine.close()


def test_what_cannot_be_read_is_named_with_what_it_raised(to_net: Callable[..., Any]) -> None:
    class Unreadable(UserDict[str, int]):
        def __iter__(self) -> Iterator[str]:
            raise LookupError("not now")

    @dataclass
    class Late:
        name: str

        def __getattribute__(self, name: str) -> Any:
            if name == "name":
                raise LookupError("not there yet")
            return object.__getattribute__(self, name)

    with pytest.raises(ConversionError, match=r"value\[1\]: a .*Unreadable could not be read: Loo"):
        to_net([1, Unreadable()])
    with pytest.raises(ConversionError) as caught:
        to_net([1, {"a": Late("x")}])
    assert str(caught.value).startswith('value[1]["a"].name: a ')
    assert str(caught.value).endswith("could not be read: LookupError: not there yet")
    assert isinstance(caught.value.__cause__, LookupError)


def test_names_of_properties_that_differ_in_case_only_are_named(
    to_record: Callable[..., Any],
) -> None:
    for names in (("ab", "AB"), ("ä", "Ä")):
        with pytest.raises(ConversionError, match=rf'value\[0\]: "{names[1]}" is there twice'):
            to_record([dict.fromkeys(names)])
    with pytest.raises(ConversionError, match=r'value\["a"\]: "" cannot be the name of a property'):
        to_record({"a": {"": 1}})


def test_no_secret_is_in_an_error(shell: Session, to_net: Callable[..., Any]) -> None:
    secret = Secret("hunter2")
    for value in (
        [secret, Custom()],
        {"who": Credential("jo", secret), "what": Custom()},
        {"who": (Credential("jo", secret), Custom())},
        {secret: Custom()},
        [SimpleNamespace(password="hunter2", other=Custom())],
    ):
        with pytest.raises(ConversionError) as caught:
            to_net(value)
        assert "hunter2" not in "".join(map(str, (caught.value, caught.value.__cause__)))
    given = {"c": Credential("jo", secret), "s": secret}
    with pytest.raises(PowerShellError) as failed:
        shell.run('param($x) throw "$($x.c) $($x.s)"', x=given)
    assert "hunter2" not in str(failed.value)


def test_what_net_refuses_is_said_in_a_line(shell: Session) -> None:
    with pytest.raises(ConversionError) as caught:
        shell.run("param($x) $x", x=Credential("", Secret("x")))
    assert "userName" in str(caught.value)
    assert "\n" not in str(caught.value)

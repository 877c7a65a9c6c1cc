"""To ask whether something is .NET's leaves nothing behind."""

from __future__ import annotations

import ast
import dataclasses
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import psbridge
from psbridge import ConversionError, PowerShellError, Session

PACKAGE = Path(str(psbridge.__path__[0]))


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


class Mine:
    pass


def test_what_is_nets_is_known(shell: Session) -> None:
    import System
    from System.Management.Automation import IContainsErrorRecord, ParseException, RuntimeException
    from System.Reflection import Missing
    from System.Runtime.Serialization import ISerializable

    from psbridge.engine.instances import is_net, is_net_of

    class Derived(System.Exception):  # type: ignore[misc]
        pass

    theirs_but_none = (System, System.Version, System.Version(1, 2).ToString, System.Array[int])
    others: list[object] = [None, 5, "a", [], Mine(), Mine, ValueError(), *theirs_but_none]
    for ours in others:
        assert not is_net(ours)
        assert not is_net_of(ours, System.Exception)
    for theirs in (
        System.Version(1, 2),
        System.DayOfWeek.Monday,
        System.Array[int]([1]),
        Derived(),
    ):
        assert is_net(theirs)
    for error in (System.Exception("x"), ParseException("x"), Derived()):
        assert is_net_of(error, System.Exception)
    assert is_net_of(ParseException("x"), RuntimeException)
    assert is_net_of(ParseException("x"), IContainsErrorRecord)
    assert not is_net_of(System.Exception("x"), RuntimeException)
    assert not is_net_of(System.Exception("x"), IContainsErrorRecord)
    assert not is_net_of(Derived(), IContainsErrorRecord)
    assert is_net_of(Missing.Value, Missing)
    assert is_net_of(Missing.Value, ISerializable)
    assert not is_net_of(Missing.Value, IContainsErrorRecord)


def test_nothing_is_held_by_it(shell: Session) -> None:
    import System

    from psbridge.engine.instances import is_net, is_net_of

    for value in (
        Mine(),
        ValueError("x"),
        System.Version(1, 2),
        System.InvalidOperationException(),
    ):
        questions: list[Callable[[], bool]] = [
            lambda value=value: is_net(value),  # type: ignore[misc]
            lambda value=value: is_net_of(value, System.Exception),  # type: ignore[misc]
            lambda value=value: is_net_of(value, System.Version),  # type: ignore[misc]
        ]
        for ask in questions:
            ask()
            before = sys.getrefcount(value), sys.getrefcount(type(value))
            for _ in range(100):
                ask()
            assert (sys.getrefcount(value), sys.getrefcount(type(value))) == before


def test_what_went_to_powershell_is_let_go(shell: Session) -> None:
    from psbridge.values import error_record, to_net

    @dataclasses.dataclass
    class Row:
        name: str

    class Refused:
        pass

    class Failed(Exception):
        pass

    refs: list[weakref.ref[Any]] = []

    def use() -> None:
        row, refused, error = Row("a"), Refused(), Failed("b")
        shell.run("param($x) $x", x=[row])
        with pytest.raises(ConversionError):
            to_net([refused])
        error_record(error)
        (found,) = shell.run("[System.Text.StringBuilder]::new()")
        assert found != row
        with pytest.raises(PowerShellError) as caught:
            shell.run("throw 'x'")
        refs.extend(map(weakref.ref, (row, refused, error, found, caught.value)))

    use()
    gc.collect()
    assert [ref() for ref in refs] == [None] * 5


def test_no_class_goes_for_having_been_asked_about(shell: Session) -> None:
    kind = dataclasses.make_dataclass("Short", ["n"])
    shell.run("param($x) $x", x=[kind(1)])
    ref = weakref.ref(kind)
    del kind
    gc.collect()
    assert ref() is None


def names_of_nets(tree: ast.AST) -> set[str]:
    """The names by which a module has what is .NET's."""
    found = {"System"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            room = (node.module or "").partition(".")[0]
            if room in ("System", "PSBridge", "Microsoft"):
                found |= {alias.asname or alias.name for alias in node.names}
    # And several of them under one name.
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Tuple)
            and any(isinstance(one, ast.Name) and one.id in found for one in node.value.elts)
        ):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_nobody_asks_pythonnet(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    nets = names_of_nets(tree)
    asked = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "isinstance"
        and any(isinstance(one, ast.Name) and one.id in nets for one in ast.walk(node.args[1]))
    ]
    assert not asked, f"{path.name}: is_net or is_net_of, see psbridge/engine/instances.py"

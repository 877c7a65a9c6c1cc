"""Imports go one way: down through the rooms, and in no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import psbridge

PACKAGE = Path(str(psbridge.__path__[0]))
# From the ground up. What is not a room stands where its only users allow it to.
ROOMS = (
    *("errors", "arguments", "kept", "openssl", "terminal", "tls", "waiting"),
    *("setup", "engine", "values", "session", "jobs", "cmdlets", "remote", "powershell", "cli"),
    "notebook",
)


def modules() -> dict[str, Path]:
    """Every module of the package, as a dotted name below it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix("__init__").rstrip(".")] = path
    return found


MODULES = modules()


def imports_of(name: str) -> Iterator[str]:
    """The modules that a module imports when it runs, from inside functions too."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    pending: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            above = [part for part in package[: len(package) + 1 - node.level] if part]
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in MODULES else base
        pending.extend(ast.iter_child_nodes(node))


def room_of(name: str) -> str:
    return name.partition(".")[0]


def test_every_room_has_its_place() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages <= set(ROOMS)


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if room_of(name) in ROOMS])
def test_imports_go_down(name: str) -> None:
    here = ROOMS.index(room_of(name))
    assert [
        other
        for other in imports_of(name)
        if room_of(other) in ROOMS and ROOMS.index(room_of(other)) > here
    ] == []


# Those that convert what is inside of a value, and who asks them to: one imports the other when the
# first value wants it.
RECURSIVE = {("values.net_to_python", "values.net_types")}


def test_there_is_no_circle() -> None:
    """Of what is needed when it runs, from inside functions too."""
    # A package stands for nothing here: importing it runs no more than its own text.
    graph = {
        name: {other for other in imports_of(name) if (name, other) not in RECURSIVE}
        for name in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' imports '.join(reversed(error.args[1]))}")


def test_finding_our_own_copy_imports_no_network_code() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from psbridge.engine.finding import own_copy, find\n"
        "own_copy()\n"
        "names = ('urllib.request', 'http', 'email', 'ssl', 'socket', 'requests', 'zipfile')\n"
        "print([name for name in names if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""A session's variables as a dict, and PowerShell's paths."""

from pathlib import Path

import pytest

from psbridge import PowerShellError, Session


def test_they_are_a_dict(shell: Session) -> None:
    variables = shell.variables
    variables["Mine"] = [1, "two"]
    assert shell.run("$mine[1]; $mine.Count") == ["two", 2]
    assert variables["MINE"] == [1, "two"]
    shell.run("$nothing = $null")
    assert variables["nothing"] is None
    assert "nothing" in variables
    assert "never" not in variables
    assert variables.get("never") is None
    with pytest.raises(KeyError):
        variables["never"]
    del variables["mine"]
    assert "mine" not in variables
    with pytest.raises(KeyError):
        del variables["mine"]


def test_all_of_them_can_be_listed(shell: Session) -> None:
    shell.variables["Listed"] = 1
    assert "Listed" in list(shell.variables)
    assert len(shell.variables) > 10


@pytest.mark.parametrize("name", ["odd name", "a.b", "x;1"])
def test_names_are_never_code(shell: Session, name: str) -> None:
    shell.variables[name] = 5
    assert shell.variables[name] == 5


def test_a_constant_stays_and_says_so(shell: Session) -> None:
    with pytest.raises(PowerShellError, match="PID"):
        shell.variables["PID"] = 1


def test_a_path_is_where_powershell_is(shell: Session, tmp_path: Path) -> None:
    shell.run("$ExecutionContext.SessionState.Path.SetLocation($args[0])", str(tmp_path))
    assert shell.resolve_path("a/../b.txt") == tmp_path / "b.txt"
    assert shell.resolve_path("~") == Path.home()
    with pytest.raises(PowerShellError):
        shell.resolve_path("nowhere:/x")

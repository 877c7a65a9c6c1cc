"""Endpoints that run commands and no scripts (Just Enough Administration, NoLanguage)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge import PowerShellError, Session, WinRM
from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from tests.winrm_server.server import Machine

CONFIGURATION = """
@{
    SchemaVersion = '2.0.0.0'
    GUID = '6f3a2a52-9a5a-4f6e-9d4f-5b8a1c8e7d10'
    SessionType = 'RestrictedRemoteServer'
    LanguageMode = 'NoLanguage'
    VisibleCmdlets = 'Get-Date', 'Get-Random', 'Measure-Object'
    VisibleFunctions = 'Get-X'
    FunctionDefinitions = @{ Name = 'Get-X'; ScriptBlock = { param($A, $B) "$A,$B" } }
}
"""


@pytest.fixture
def restricted(winrm_machine: Machine, tmp_path: Path) -> WinRM:
    """A way to an endpoint without a language."""
    file = tmp_path / "jea.pssc"
    file.write_text(CONFIGURATION, "utf-8")
    winrm_machine.configure(configuration_files={"Jea": str(file)})
    return WinRM(
        winrm_machine.host,
        port=winrm_machine.port,
        auth="ntlm",
        username=USER,
        password=PASSWORD,
        configuration="Jea",
    )


def test_a_stream_finds_out_too(shell: Session, restricted: WinRM) -> None:
    with shell.connect(restricted) as session:
        for _ in range(2):
            stream = session.stream("Get-Random -InputObject 7; Get-X a")
            assert list(stream) == [7, "a,"]
            assert stream.result.errors == []


def test_a_command_runs_there_in_each_way(shell: Session, restricted: WinRM) -> None:
    command = "Get-Random -InputObject 7"
    assert shell.start_remote(command, restricted).result(timeout=60) == [7]
    with shell.connect(restricted) as session:
        assert session.run(command) == [7]
        (measured,) = session.run("Get-Random -InputObject 7 | Measure-Object")
        assert measured["Count"] == 1
        assert session.start(command).result(timeout=60) == [7]
        assert shell.run(
            "param($s) Invoke-Command -Session $s { Get-Random -InputObject 7 }", s=session.net
        ) == [7]


@pytest.mark.parametrize(
    ("script", "arguments", "named", "expected"),
    [
        ("Get-X a; Get-X b", (), {}, ["a,", "b,"]),
        ("Get-X a\nGet-X b\nGet-X c", (), {}, ["a,", "b,", "c,"]),
        ("Get-X -A $args[0]", (5,), {}, ["5,"]),
        ("Get-X -A (1 + 2)", (), {}, ["3,"]),
        ("Get-X $args", (), {}, [","]),
        ("param($a) Get-X -A $a", (5,), {}, ["5,"]),
        ("param($a, $b) Get-X -A $a -B $b", (), {"b": 2, "a": 1}, ["1,2"]),
        ("param($a, $b) Get-X -A $a -B $b", (2,), {"A": 1}, ["1,2"]),
    ],
)
def test_arguments_and_statements_go_there_as_invoke_command_sends_them(
    shell: Session,
    restricted: WinRM,
    script: str,
    arguments: tuple[object, ...],
    named: dict[str, object],
    expected: list[str],
) -> None:
    with shell.connect(restricted) as session:
        for _ in range(2):  # the first finds out that no script runs there
            result = session.run(script, *arguments, parameters=named)
            assert (result, result.origin) == (expected, restricted.location)
        if not named:
            assert session.start(script, *arguments).result(timeout=60) == expected


def test_what_cannot_be_commands_is_refused_by_the_machine(
    shell: Session, restricted: WinRM
) -> None:
    with shell.connect(restricted) as session:
        for script, named in (("$x = 1; Get-X", {}), ("param($a, $b) Get-X $b", {"b": 1})):
            with pytest.raises(PowerShellError) as caught:
                session.run(script, parameters=named)
            assert caught.value.error_id == "ScriptsNotAllowed"


def test_a_script_is_refused_there_and_the_session_lives_on(
    shell: Session, restricted: WinRM
) -> None:
    with shell.connect(restricted) as session:
        with pytest.raises(PowerShellError, match=r"no-language mode|language mode"):
            session.run("$x = 1; $x")
        assert session.run("Get-Random -InputObject 8") == [8]

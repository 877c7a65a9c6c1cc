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


def test_a_script_is_refused_there_and_the_session_lives_on(
    shell: Session, restricted: WinRM
) -> None:
    with shell.connect(restricted) as session:
        with pytest.raises(PowerShellError, match=r"no-language mode|language mode"):
            session.run("$x = 1; $x")
        assert session.run("Get-Random -InputObject 8") == [8]

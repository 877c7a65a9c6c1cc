"""Everything that takes a PSSession takes ours: in a session of Python's and in a plain pwsh."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

from psbridge import Credential, Secret, Session
from psbridge.engine.homes import read_home
from psbridge.powershell.module_folder import module_path
from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from tests.winrm_server.server import Machine


def test_the_cmdlets_of_sessions_take_ours(shell: Session, winrm_machine: Machine) -> None:
    result = shell.run(
        """
        param($computer, $port, $credential)
        $s = New-WinRMSession $computer -Port $port -Credential $credential -Name kept
        (Get-PSSession).Name; (Get-PSSession).ComputerName; [string](Get-PSSession).State
        $s.Transport
        Invoke-Command -Session $s { function Get-Far($x) { "far $x $PID" } }
        $module = Import-PSSession $s -CommandName Get-Far -DisableNameChecking
        $module.ExportedCommands.Keys
        (Get-Far 3) -ne "far 3 $PID"
        Invoke-Command -Session $s -AsJob { $PID } | Wait-Job | Receive-Job |
            ForEach-Object { $_ -is [int] }
        Remove-PSSession $s
        @(Get-PSSession).Count
        """,
        computer=winrm_machine.host,
        port=winrm_machine.port,
        credential=Credential(USER, Secret(PASSWORD)),
    )
    assert result.errors == []
    assert result == ["kept", "127.0.0.1", "Opened", "WinRM", "Get-Far", True, True, 0]
    winrm_machine.wait_until(shells=0, processes=0)


def test_names_are_those_of_the_machines_also_where_one_is_refused(
    shell: Session, winrm_machine: Machine
) -> None:
    result = shell.run(
        """
        param($computer, $port, $credential)
        $machines = 'bad host', $computer, 'no.such.machine.invalid', $computer
        $s = $machines | New-WinRMSession -Port $port -Credential $credential -Name a, b, c, d
        ($s.Name | Sort-Object) -join ' '
        $s | Remove-PSSession
        """,
        computer=winrm_machine.host,
        port=winrm_machine.port,
        credential=Credential(USER, Secret(PASSWORD)),
    )
    assert (result, len(result.errors)) == (["b d"], 2)


class Terminal:
    """A pwsh on a terminal."""

    def __init__(self, pwsh: Path) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PSBRIDGE_PYTHON=sys.executable, TERM="xterm", NO_COLOR="1")
            os.execv(pwsh, ["pwsh", "-NoProfile", "-NoLogo"])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until it shows something."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown!r}"
            self._read()

    def _read(self) -> bool:
        """Read what it shows, answering where the cursor is; gives whether it is still there."""
        if not select.select([self._fd], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # it has gone
            return False
        self.shown += data.decode(errors="replace")
        if "\x1b[6n" in self.shown:
            os.write(self._fd, b"\x1b[1;1R")
            self.shown = self.shown.replace("\x1b[6n", "")
        return bool(data)

    def say(self, line: str, answer: str) -> None:
        """Type a line, and wait for an answer that is not in the line itself."""
        self.shown = ""
        os.write(self._fd, line.encode() + b"\r")
        self.wait_for(answer)

    def end(self) -> int:
        """Leave it; gives the exit code."""
        os.write(self._fd, b"exit\r")
        deadline = time.monotonic() + 30
        while self._read():
            assert time.monotonic() < deadline, self.shown
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


def test_a_prompt_can_enter_a_session_and_leave_it_with_exit(
    winrm_machine: Machine, engine_home: Path
) -> None:
    terminal = Terminal(read_home(engine_home, "the tests").executable)
    terminal.wait_for("PS ")
    terminal.say(f"Import-Module '{module_path() / 'PSBridge'}'; 'import' + 'ed'", "imported")
    terminal.say(
        f"$c = [pscredential]::new('{USER}', (ConvertTo-SecureString '{PASSWORD}'"
        f" -AsPlainText -Force)); $s = New-WinRMSession {winrm_machine.host}"
        f" -Port {winrm_machine.port} -Credential $c; 'op' + $s.State",
        "opOpened",
    )
    terminal.say("$here = $PID; Enter-PSSession $s", "[127.0.0.1]: PS")
    terminal.say("'far:' + ($null -eq $here)", "far:True")
    terminal.say("exit", "PS ")
    terminal.say("'near:' + ($here -eq $PID) + $s.State", "near:TrueOpened")
    assert terminal.end() == 0
    winrm_machine.wait_until(shells=0, processes=0)

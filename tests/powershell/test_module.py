"""The module PSBridge in a PowerShell that has been started without Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge import Session
from psbridge import __name__ as package
from psbridge.engine.homes import read_home
from psbridge.errors import PsbridgeError
from psbridge.powershell.module_folder import install_module, module_path

if TYPE_CHECKING:
    from .conftest import Pwsh

IMPORT = f"Import-Module '{module_path() / 'PSBridge'}'\n"
CMDLETS = """
import os, sys, threading, time
from typing import Annotated
from psbridge import Cmdlet, Job, JobGroup, Parameter, cmdlet

@cmdlet("Get-Square", as_job=True)
def square(number: Annotated[int, Parameter(position=0, from_pipeline=True)] = 0):
    return number * number

@cmdlet("Wait-Forever", as_job=True)
def wait():
    while True:
        time.sleep(0.05)
        yield 1

@cmdlet("Write-Text")
def write(text: str):
    print(text)
    print("to", "stderr", file=sys.stderr)
    print("half", end="")
    print(" and half")

class Where(Job):
    def __init__(self, number):
        super().__init__()
        self.number = number
    def run(self):
        print("printed", "by", self.number)
        return self.number, os.getpid()

class StartWhere(Cmdlet, verb="Start", noun="Where"):
    executor: Annotated[str, Parameter(position=0)] = "thread"
    def process(self):
        group = JobGroup([Where(n) for n in range(3)], executor=self.executor)
        return self.session.start(group).net

@cmdlet("Start-Mistake")
def start_mistake():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

@cmdlet("Wait-Busy")
def busy():
    print("busy")
    try:
        while True:
            time.sleep(0.01)
    finally:
        print("finally")

@cmdlet("Test-Where")
def where():
    return sys.executable, sys.argv
"""


@pytest.fixture
def cmdlets(tmp_path: Path) -> str:
    """PowerShell code that imports some cmdlets."""
    (tmp_path / "some_cmdlets.py").write_text(CMDLETS, encoding="utf-8")
    return IMPORT + "Import-PythonModule ./some_cmdlets.py\n"


def test_cmdlets_run_in_the_foreground_and_as_jobs(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(
        cmdlets
        + """
        Get-Square 3
        2, 3 | Get-Square -AsJob | Wait-Job | Receive-Job
        (Get-Command Get-Square).CommandType, (Get-Command Get-Square).ModuleName -join ' '
        Get-Job | ForEach-Object { "$($_.Command) $($_.State)" }
        """
    )
    assert ran.stdout.split("\n") == [
        "9", "4", "9", "Cmdlet some_cmdlets", "Get-Square Completed", "",
    ]  # fmt: skip
    assert (ran.stderr, ran.returncode) == ("", 0)


def test_docstrings_are_the_help(pwsh: Pwsh, tmp_path: Path) -> None:
    (tmp_path / "helped.py").write_text(
        "from psbridge import cmdlet\n@cmdlet('Get-Helped')\ndef helped():\n    'Helps.'\n"
    )
    ran = pwsh(IMPORT + "Import-PythonModule ./helped.py; (Get-Help Get-Helped).Synopsis")
    assert (ran.stdout, ran.stderr) == ("Helps.\n", "")
    assert "-Python" in pwsh(IMPORT + "Get-Help Import-PythonModule -Full").stdout


def test_python_is_that_of_the_environment(pwsh: Pwsh, cmdlets: str) -> None:
    assert pwsh(cmdlets + "Test-Where | ForEach-Object { $_ }").stdout.split("\n")[0] == (
        sys.executable
    )


def test_print_and_tracebacks_go_to_the_host_in_their_order(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(cmdlets + "'before'; Write-Text hello; 'after'; Start-Mistake")
    assert ran.stdout.split("\n") == ["before", "hello", "half and half", "after", ""]
    first, *_, last = ran.stderr.strip().split("\n")
    assert first == "to stderr"
    assert last == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("end", "code"), [("exit 3", 3), ("[Environment]::Exit(4)", 4), ("'x'", 0), ("throw 'x'", 1)]
)
def test_the_shell_ends_cleanly_while_jobs_run(
    pwsh: Pwsh, cmdlets: str, end: str, code: int
) -> None:
    ran = pwsh(cmdlets + f"$job = Wait-Forever -AsJob; $job.State; {end}")
    assert ran.stdout.split("\n")[0] == "Running"
    assert ran.returncode == code
    assert "handled" not in ran.stderr
    assert "Fatal" not in ran.stderr
    assert code == 1 or ran.stderr == ""


def test_what_was_registered_for_the_exit_is_called(pwsh: Pwsh, tmp_path: Path) -> None:
    (tmp_path / "bye.py").write_text(
        "import atexit\nfrom psbridge import cmdlet\n"
        "@cmdlet('Get-Bye')\ndef bye(): pass\n"
        "atexit.register(lambda: open('bye.txt', 'w').close())\n"
    )
    ran = pwsh(IMPORT + "Import-PythonModule ./bye.py; [Environment]::Exit(0)")
    assert (tmp_path / "bye.txt").exists(), ran.stderr


def test_runspaces_have_their_own_cmdlets_and_jobs(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(
        cmdlets
        + f"""
        1..4 | ForEach-Object -UseNewRunspace -Parallel {{
            {cmdlets}
            Write-Text "print $_"
            $job = Get-Square $_ -AsJob
            "$(Receive-Job -Wait $job) $(@(Get-Job).Count)"
        }}
        @(Get-Job).Count
        """
    )
    lines = ran.stdout.split()
    assert lines.count("print") == 4
    found = [line for line in ran.stdout.split("\n") if line and line[0].isdigit()]
    assert sorted(found) == ["0", "1 1", "16 1", "4 1", "9 1"]
    assert ran.returncode == 0


def test_jobs_run_in_processes_of_their_own(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(
        cmdlets + "$PID; Start-Where process | Wait-Job | Receive-Job | ForEach-Object { $_ }"
    )
    found = [int(line) for line in ran.stdout.split("\n") if line.isdigit()]
    assert {0, 1, 2} < set(found)
    assert found.count(found[0]) == 1
    assert ran.stderr == ""


def test_threads_print_whole_lines(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(cmdlets + "$null = 1..5 | ForEach-Object { Start-Where } | Wait-Job")
    lines = ["", *[f"printed by {number}" for number in range(3)] * 5]
    assert sorted(ran.stdout.split("\n")) == sorted(lines)


def test_it_works_in_a_process_of_start_job(pwsh: Pwsh, cmdlets: str, tmp_path: Path) -> None:
    there = cmdlets.replace("./some_cmdlets.py", str(tmp_path / "some_cmdlets.py"))
    ran = pwsh(
        f"Start-Job {{ {there} 3 | Get-Square -AsJob | Receive-Job -Wait }} | Receive-Job -Wait"
    )
    assert (ran.stdout, ran.stderr) == ("9\n", "")


def test_it_can_be_imported_where_python_has_started_powershell(
    shell: Session, cmdlets: str, tmp_path: Path
) -> None:
    there = cmdlets.replace("./some_cmdlets.py", str(tmp_path / "some_cmdlets.py"))
    assert shell.run(f"{there} Get-Square 3; (Get-Module PSBridge).Name") == [9, "PSBridge"]
    assert shell.run(f"1..3 | ForEach-Object -Parallel {{ {there} Get-Square 4 }}") == [16] * 3
    assert sys.stdout.__class__.__name__ != "HostStream"


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_a_hook_that_never_writes(
    engine_home: Path, cmdlets: str, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    running = subprocess.Popen(
        [read_home(engine_home, "the tests").executable, "-NoProfile", "-Command",
         cmdlets + "'ready'; Wait-Busy; 'not reached'"],
        cwd=tmp_path, env={**os.environ, "PSBRIDGE_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    assert running.stdout.readline() == "busy\n"
    running.send_signal(sent)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (code, "")
    assert out == ("finally\n" if sent is signal.SIGINT else "")


def test_a_file_is_imported_again_after_an_edit_and_removed(pwsh: Pwsh, cmdlets: str) -> None:
    ran = pwsh(
        cmdlets
        + """
        $file = "$PWD/some_cmdlets.py"
        $text = [IO.File]::ReadAllText($file)
        [IO.File]::WriteAllText($file, $text.Replace('number * number', '-number'))
        Import-PythonModule ./some_cmdlets.py
        Get-Square 3
        Remove-Module some_cmdlets
        @(Get-Command Get-Square -ErrorAction Ignore).Count
        $module = './some_*.py' | Import-PythonModule -PassThru
        $module.Name
        Get-Square 4
        Remove-Module PSBridge
        Get-Square 5
        """
    )
    assert ran.stdout.split() == ["-3", "0", "some_cmdlets", "-4", "-5"]
    assert ran.stderr == ""


def test_the_module_can_be_imported_again(pwsh: Pwsh, cmdlets: str) -> None:
    again = IMPORT.replace("'\n", "' -Force\n")
    ran = pwsh(cmdlets + again + "Import-PythonModule ./some_cmdlets.py; Get-Square 3")
    assert (ran.stdout, ran.stderr) == ("9\n", "")


def test_a_module_that_imports_cmdlets_has_them(pwsh: Pwsh, cmdlets: str, tmp_path: Path) -> None:
    (tmp_path / "Mine.psm1").write_text(
        f"{cmdlets}function Get-Twice($n) {{ (Get-Square $n) * 2 }}\n"
        "Export-ModuleMember -Function Get-Twice\n"
    )
    ran = pwsh("Import-Module ./Mine.psm1; Get-Twice 3; @(Get-Command Get-Square -EA Ignore).Count")
    assert (ran.stdout, ran.stderr) == ("18\n0\n", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import json\njson.loads('{')\n", ['bad.py", line 2', "JSONDecodeError"]),
        ("def x(:\n", ['bad.py", line 1', "SyntaxError"]),
        ("import nothing_there\n", ['bad.py", line 1', "No module named 'nothing_there'"]),
        ("x = 1\n", ["defines no cmdlet"]),
        (CMDLETS + "\n1 / 0\n", ['bad.py", line 56', "division by zero"]),
    ],
)
def test_a_mistake_in_a_file_is_shown_and_nothing_is_registered(
    pwsh: Pwsh, tmp_path: Path, text: str, said: list[str]
) -> None:
    (tmp_path / "bad.py").write_text(text)
    ran = pwsh(
        IMPORT + "Import-PythonModule ./bad.py; @(Get-Command Get-Square -EA Ignore).Count; 'on'"
    )
    assert ran.stdout == "0\non\n"
    for part in [*said, "bad"]:
        assert part in ran.stderr
    assert "importlib" not in ran.stderr
    assert f"{package}/cmdlets" not in ran.stderr


@pytest.mark.parametrize("name", ["./nothing.py", "./nothing*.py", "nothing.at_all"])
def test_what_is_not_there_is_named(pwsh: Pwsh, name: str) -> None:
    assert "nothing" in pwsh(IMPORT + f"Import-PythonModule {name}").stderr


class TestWhichPython:
    """Where the interpreter comes from, and what is said where there is none."""

    @staticmethod
    def program(folder: Path, text: str, name: str = "python3") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def test_that_of_the_environment_around_the_module(self, pwsh: Pwsh, tmp_path: Path) -> None:
        packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
        (packages / "psbridge").mkdir(parents=True)
        (packages / "psbridge" / "powershell").symlink_to(module_path())
        self.program(tmp_path / "env" / "bin", f'touch used; exec {sys.executable} "$@"')
        folder = packages / "psbridge" / "powershell" / "PSBridge"
        ran = pwsh(f"Import-Module '{folder}'; (Get-Command Start-PSBridge).Name", python=None)
        assert (ran.stdout, ran.stderr) == ("Start-PSBridge\n", "")
        assert (tmp_path / "used").exists()

    def test_that_of_install_module_and_the_command_is_found_by_its_name(
        self, pwsh: Pwsh, cmdlets: str, tmp_path: Path
    ) -> None:
        data = tmp_path / "data"
        assert install_module(data / "powershell" / "Modules") == (
            data / "powershell" / "Modules" / "PSBridge"
        )
        ran = pwsh(
            "Import-PythonModule ./some_cmdlets.py; Get-Square 3",
            env={"XDG_DATA_HOME": str(data), "PATH": ""},
            python=None,
        )
        assert (ran.stdout, ran.stderr) == ("9\n", "")

    def test_that_on_path(self, pwsh: Pwsh, tmp_path: Path) -> None:
        self.program(tmp_path / "bin", f'touch used; exec {sys.executable} "$@"')
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        ran = pwsh(f"Import-Module '{self.copy(tmp_path)}'; 'on'", env={"PATH": path}, python=None)
        assert (ran.stdout, ran.stderr) == ("on\n", "")
        assert (tmp_path / "used").exists()

    @pytest.mark.parametrize(
        "code", ["Start-PSBridge -Python {0}", "$null = Import-PythonModule x.y -Python {0}"]
    )
    def test_that_which_is_named_where_none_was_found(
        self, pwsh: Pwsh, tmp_path: Path, code: str
    ) -> None:
        ran = pwsh(
            f"Import-Module '{self.copy(tmp_path)}'\n{code.format(sys.executable)}\n"
            "('Python.Runtime.PythonEngine' -as [type])::IsInitialized",
            env={"PATH": ""},
            python=None,
        )
        assert ran.stdout == "True\n"
        assert "Python cannot be started" in ran.stderr
        assert "Start-PSBridge -Python PATH" in ran.stderr

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (f'exec {sys.executable} -I -S "$@"', "it has no psbridge and no pythonnet"),
            (f'PYTHONPATH="$PWD/none" exec {sys.executable} "$@"', "no shared library (libpython)"),
            ("echo something else", "it did not answer: something else"),
            ("exit 3", "it did not answer"),
        ],
    )
    def test_one_that_cannot_be_used_is_named_with_the_reason(
        self, pwsh: Pwsh, tmp_path: Path, text: str, said: str
    ) -> None:
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "find_libpython.py").write_text("def find_libpython(): return None\n")
        program = self.program(tmp_path / "bin", text)
        ran = pwsh(IMPORT + "'on'", python=str(program))
        assert said in " ".join(ran.stderr.replace("|", " ").split())
        assert str(program) in ran.stderr.replace("\n", "")
        assert ran.stdout == "on\n"
        assert pwsh(f"Import-Module PSBridge -ArgumentList {program}").returncode == 1

    def test_one_that_is_not_there(self, pwsh: Pwsh) -> None:
        said = pwsh(IMPORT, python="/nowhere/python").stderr
        assert "there is no such program" in " ".join(said.split())

    def test_another_than_the_one_that_runs_needs_another_process(
        self, pwsh: Pwsh, tmp_path: Path
    ) -> None:
        program = self.program(tmp_path, "exec /usr/bin/env true")
        ran = pwsh(IMPORT + f"Start-PSBridge -Python {program}; Start-PSBridge -Python python3")
        assert "and a process has one" in " ".join(ran.stderr.replace("|", " ").split())

    @staticmethod
    def copy(tmp_path: Path) -> Path:
        """The module where nothing around it says which Python it belongs to."""
        folder = install_module(tmp_path / "modules")
        (folder / "interpreter.txt").unlink()
        return folder


class TestInstalling:
    """`psbridge install-module` and `psbridge module-path`."""

    @staticmethod
    def psbridge(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "psbridge", *arguments],
            env={**os.environ, **env}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_it_is_copied_to_where_powershell_looks(self, tmp_path: Path) -> None:
        for _ in range(2):  # the second time over the first
            ran = self.psbridge("install-module", env={"XDG_DATA_HOME": str(tmp_path)})
            folder = tmp_path / "powershell" / "Modules" / "PSBridge"
            assert (ran.stdout, ran.stderr) == (f"{folder}\n", "")
            assert (folder / "interpreter.txt").read_text().strip() == sys.executable
            assert [entry.name for entry in folder.parent.iterdir()] == ["PSBridge"]

    def test_something_else_of_its_name_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "PSBridge").mkdir()
        with pytest.raises(PsbridgeError, match="is no module PSBridge"):
            install_module(tmp_path)

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        ran = self.psbridge("install-module", "--path", str(tmp_path / "file"), env={})
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith(
            f"psbridge: {tmp_path / 'file' / 'PSBridge'} cannot be written"
        )

    def test_module_path_is_a_folder_of_psmodulepath(self, pwsh: Pwsh) -> None:
        folder = self.psbridge("module-path", env={}).stdout.strip()
        ran = pwsh(
            "Import-Module PSBridge; (Get-Module PSBridge).Version.ToString()",
            env={"PSModulePath": folder},
        )
        from psbridge._version import __version__

        assert (ran.stdout, ran.stderr) == (f"{__version__}\n", "")


def test_the_cmdlets_that_reach_other_machines_are_there(pwsh: Pwsh) -> None:
    ran = pwsh(
        IMPORT
        + """
        (Get-Command -Module PSBridge -CommandType Cmdlet).Name
        (Get-Help New-WinRMSession -Parameter Port).description.Text
        New-WinRMSession 'http://user:secret@nowhere'
        """
    )
    assert ran.stdout.splitlines() == [
        "Invoke-WinRMCommand",
        "New-WinRMSession",
        "The port. Without it 5985, or 5986 with -UseSSL.",
    ]
    assert "New-WinRMSession:" in ran.stderr


def test_they_are_there_also_where_python_starts_later(pwsh: Pwsh) -> None:
    ran = pwsh(
        IMPORT
        + f"Start-PSBridge '{sys.executable}'; (Get-Help New-WinRMSession -Parameter Port).name",
        python="/nonexistent",
    )
    assert ran.stdout == "Port\n"

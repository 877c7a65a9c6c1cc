"""One environment where a PowerShell runs Python inside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge.powershell.module_folder import module_path

if TYPE_CHECKING:
    from .conftest import Pwsh

CMDLETS = """
import ctypes, os, subprocess, threading
from typing import Annotated
from psbridge import Cmdlet, JobCmdlet, Parameter, cmdlet

@cmdlet("Get-Variables", as_job=True)
def get(name: Annotated[list[str], Parameter(position=0)]):
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    for each in name:
        in_c = getenv(each.encode())
        child = subprocess.run(["/bin/sh", "-c", f"printf %s ${each}"], stdout=subprocess.PIPE)
        yield f"{os.environ.get(each)} {in_c and in_c.decode()} {child.stdout.decode()}"

@cmdlet("Get-Folder")
def get_folder():
    return os.getcwd()

@cmdlet("Set-Variables")
def set_variables(name: Annotated[str, Parameter(position=0)],
                  value: Annotated[str, Parameter(position=1)] = ""):
    def work():
        if value:
            os.environ[name] = value
        else:
            del os.environ[name]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


def test_a_window_and_its_python_have_one_environment(pwsh: Pwsh, tmp_path: Path) -> None:
    (tmp_path / "variables.py").write_text(CMDLETS, encoding="utf-8")
    ran = pwsh(
        f"""
        # Before Python is there: what .NET has counts.
        $env:T_NEW = 'early'; $env:T_OLD = 'changed'; Remove-Item env:T_GONE
        Import-Module '{module_path() / "PSBridge"}'
        Import-PythonModule ./variables.py
        Get-Variables T_NEW, T_OLD, T_GONE

        $env:T_NEW = 'later'; Remove-Item env:T_OLD
        Get-Variables T_NEW, T_OLD
        Get-Variables T_NEW, T_OLD -AsJob | Wait-Job | Receive-Job
        Start-ThreadJob {{ $env:T_NEW = 'by-a-job' }} | Wait-Job | Receive-Job
        Get-Variables T_NEW

        Set-Variables T_SET python
        $env:T_SET; /bin/sh -c 'echo $T_SET'; Start-Job {{ $env:T_SET }} | Wait-Job | Receive-Job
        Set-Variables T_SET
        Test-Path env:T_SET

        Set-Location /
        Get-Folder
        """,
        env={"T_OLD": "old", "T_GONE": "old"},
    )
    assert ran.stderr == ""
    assert ran.stdout.split("\n") == [
        "early early early", "changed changed changed", "None None ",
        "later later later", "None None ", "later later later", "None None ",
        "by-a-job by-a-job by-a-job",
        "python", "python", "python",
        "False", str(tmp_path), "",
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="a program of Unix")
def test_a_program_in_a_folder_that_python_adds_to_path_is_found(
    pwsh: Pwsh, tmp_path: Path
) -> None:
    (tmp_path / "variables.py").write_text(CMDLETS, encoding="utf-8")
    tool = tmp_path / "bin" / "the-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho tool")
    tool.chmod(0o755)
    ran = pwsh(
        f"""
        Import-Module '{module_path() / "PSBridge"}'
        Import-PythonModule ./variables.py
        Set-Variables PATH "$env:PATH:{tool.parent}"
        the-tool
        """
    )
    assert (ran.stdout, ran.stderr) == ("tool\n", "")

"""Cmdlets whose scripts call cmdlets: PowerShell's own depth error comes first, on every thread."""

from __future__ import annotations

from tests.conftest import RunPython

SETTING = """
import sys, threading
from collections.abc import Callable
from typing import Annotated
from psbridge import Cmdlet, Parameter, PowerShellError, Session

class GetDeep(Cmdlet, verb="Get", noun="Deep"):
    calls: Annotated[int, Parameter(position=0)] = 0  # of Python's own, which the first one is in

    def process(self):
        if self.calls:
            self.calls -= 1
            return self.process()
        return self.session.run("$ErrorActionPreference = 'Stop'; Get-Deep")[0]

class InvokeDeep(Cmdlet, verb="Invoke", noun="Deep"):
    block: Annotated[Callable, Parameter(position=0)]

    def process(self):
        return self.block()
"""

SESSIONS = """
sys.setrecursionlimit(500)  # the same, and quicker
with Session() as shell:
    shell.import_cmdlets(GetDeep)
    for calls in range(12):
        try:
            shell.run("param($calls) $ErrorActionPreference = 'Stop'; Get-Deep $calls", calls)
        except PowerShellError as error:
            print(error.error_id.partition(",")[0], flush=True)
    print(shell.run("1 + 1"))
"""

# The last thread's stack is shorter than Python's limit, and the others' are longer.
THREADS = """
BODY = '''
    Import-Module $cmdlets
    $block = { $ErrorActionPreference = 'Stop'; Invoke-Deep $block }
    try { & $block } catch { ($_.FullyQualifiedErrorId -split ',')[0] }
'''
with Session() as shell:
    shell.import_cmdlets(InvokeDeep)
    cmdlets, = shell.run("(Get-Command Invoke-Deep).ImplementingType.Assembly.Location")
    for script in (
        "%s",
        "1 | ForEach-Object -Parallel { $cmdlets = $using:cmdlets; %s }",
        "Start-ThreadJob { $cmdlets = $using:cmdlets; %s } | Receive-Job -Wait -AutoRemoveJob",
    ):
        print(shell.run("param($cmdlets) " + script % BODY, cmdlets), flush=True)

    def run_here():
        from System.Management.Automation import PowerShell
        from System.Management.Automation.Runspaces import PSThreadOptions, RunspaceFactory

        runspace = RunspaceFactory.CreateRunspace()
        runspace.ThreadOptions = PSThreadOptions.UseCurrentThread
        runspace.Open()
        script = PowerShell.Create(runspace).AddScript("param($cmdlets) " + BODY)
        print([str(value) for value in script.AddArgument(cmdlets).Invoke()], flush=True)

    sys.setrecursionlimit(5000)
    threading.stack_size(1 << 20)
    thread = threading.Thread(target=run_here)
    thread.start()
    thread.join()
"""


def test_a_recursion_through_scripts_ends_with_powershells_error(run_python: RunPython) -> None:
    done = run_python(SETTING + SESSIONS, timeout=120)
    assert (done.stdout, done.returncode) == ("CallDepthOverflow\n" * 12 + "[2]\n", 0), done.stderr


def test_it_does_so_on_every_thread_however_long_its_stack(run_python: RunPython) -> None:
    done = run_python(SETTING + THREADS, timeout=120)
    assert (done.stdout, done.returncode) == ("['CallDepthOverflow']\n" * 4, 0), done.stderr

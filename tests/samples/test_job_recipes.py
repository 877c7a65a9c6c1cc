"""The ways to return a job, as a PowerShell user meets them."""

from pathlib import Path

import pytest

from psbridge import Session

SAMPLE = Path(__file__).parents[2] / "samples" / "job_recipes.py"


@pytest.fixture
def recipes(shell: Session) -> Session:
    shell.import_module(SAMPLE)
    return shell


@pytest.mark.parametrize("name", ["Get-Squares", "Get-SquaresByHand"])
def test_both_recipes_do_the_same(recipes: Session, name: str) -> None:
    assert recipes.run(f"1, 2 | {name}; {name} 3, 4") == [1, 4, 9, 16]
    (kind,) = recipes.run(
        f"$job = 1, 2 | {name} -AsJob; $job -is [System.Management.Automation.Job]"
    )
    assert kind is True
    assert recipes.run("$job | Wait-Job | Receive-Job") == [1, 4]
    assert recipes.run("(Get-Job).Id -eq $job.Id") == [True]


def test_a_timer_is_powershell_s_event_job(recipes: Session) -> None:
    script = (
        "$global:ticks = 0; $job = Register-Timer 0.01 { $global:ticks++; 'tick' }\n"
        "$job.GetType().Name\n"
        "$until = [datetime]::Now.AddSeconds(20)\n"
        "while ($global:ticks -lt 3 -and [datetime]::Now -lt $until)"
        " { [Threading.Thread]::Sleep(5) }\n"
        "Stop-Job $job; (Receive-Job $job)[0]; [string]$job.State"
    )
    assert recipes.run(script) == ["PSEventJob", "tick", "Stopped"]


def test_a_definition_gives_a_job2(recipes: Session) -> None:
    script = (
        "$job = Start-Nightly 2, 3; $job -is [System.Management.Automation.Job2];"
        " $job | Wait-Job | Receive-Job; Remove-Job $job; @(Get-Job).Count"
    )
    assert recipes.run(script) == [True, 4, 9, 0]

"""Many records of a job are received in time that grows with their number."""

from __future__ import annotations

import threading

import pytest

from psbridge import Job, Session


class Numbers(Job):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def run(self) -> None:
        self.write_many(range(self.count))


def test_half_a_million_are_received_by_powershell_too(shell: Session) -> None:
    """PowerShell's own buffers would need minutes."""
    count = 500_000
    job = shell.start(Numbers(count))
    assert job.wait(240)
    shell.variables["job"] = job.net
    assert shell.run("($job | Receive-Job | Measure-Object -Sum).Sum") == [count * (count - 1) / 2]
    assert shell.run("Receive-Job $job") == []


def test_records_are_taken_in_order_while_more_come(shell: Session) -> None:
    step, go_on = threading.Event(), threading.Event()

    class Steps(Job):
        def run(self) -> None:
            for start in range(0, 4000, 1000):
                self.write_many(range(start, start + 1000))
                self.write_warning(str(start))
                step.set()
                assert go_on.wait(60)
                go_on.clear()

    job = shell.start(Steps())
    found: list[int] = []
    warnings: list[str] = []
    for _ in range(4):
        assert step.wait(60)
        step.clear()
        result = job.receive()
        found += result
        warnings += map(str, result.warnings)
        go_on.set()
    assert job.wait(60)
    assert found == list(range(4000))
    assert warnings == ["0", "1000", "2000", "3000"]


@pytest.mark.parametrize("start", ["Start-Job", "Start-ThreadJob"])
def test_powershells_own_jobs_give_all_once(shell: Session, start: str) -> None:
    (found,) = shell.run(f"{start} {{ 1..3000; Write-Error 'e'; Write-Warning 'w' }}")
    job = shell.jobs[found.Id]
    assert job.wait(60)
    assert job.receive(keep=True) == list(range(1, 3001))
    result = job.receive()
    assert result == list(range(1, 3001))
    assert len(result.errors) == 1
    assert job.receive() == []


def test_a_buffer_is_a_list_as_before(shell: Session) -> None:
    """All that PowerShell does with one, beside taking from its front."""
    assert not shell.closed  # PowerShell runs
    from PSBridge import JobBuffers
    from System.Management.Automation import PSDataCollection, PSObject

    plain = PSDataCollection[PSObject]()
    for number in range(200):
        plain.Add(PSObject.AsPSObject(number))
    JobBuffers.PrepareBuffer(plain)
    for _ in range(70):
        plain.RemoveAt(0)
    assert (plain.Count, plain[0].BaseObject, plain[129].BaseObject) == (130, 70, 199)
    plain.Insert(0, PSObject.AsPSObject(-1))
    plain.Insert(1, PSObject.AsPSObject(-2))
    assert [plain[index].BaseObject for index in range(3)] == [-1, -2, 70]
    assert plain.IndexOf(plain[2]) == 2
    assert plain.Remove(plain[1])
    plain.RemoveAt(5)
    assert [item.BaseObject for item in plain.ReadAll()] == [-1, 70, 71, 72, 73, *range(75, 200)]
    assert plain.Count == 0
    plain.Add(PSObject.AsPSObject(1))
    plain.Clear()
    assert plain.Count == 0

"""How remote work ends when it is not left to end by itself: closed, stopped, exited."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from psbridge import JobStopped, Session, SessionClosedError, WinRM
from tests.winrm_server.fixtures import PASSWORD, USER

if TYPE_CHECKING:
    from tests.winrm_server.server import Machine

LOOP = "1; while ($true) { [Threading.Thread]::Sleep(5) }"


@pytest.fixture
def web1(winrm_machine: Machine) -> WinRM:
    """A way to a machine."""
    return WinRM(
        winrm_machine.host,
        port=winrm_machine.port,
        auth="ntlm",
        username=USER,
        password=PASSWORD,
    )


@pytest.mark.parametrize("code", [3, 0, -1, 300, -2147024891])
def test_exit_gives_its_code_in_each_way(shell: Session, web1: WinRM, code: int) -> None:
    job = shell.start_remote(f"'last'; exit {code}", web1)
    result = job.result(timeout=60)
    assert (result, result.exit_code) == (["last"], code)
    with shell.connect(web1) as session:
        assert session.run(f"exit {code}").exit_code == code
        for again in (lambda: session.run("1"), lambda: session.start("1")):
            with pytest.raises(SessionClosedError, match=f"`exit {code}`"):
                again()


def test_a_call_whose_session_is_closed_says_so(
    shell: Session, web1: WinRM, winrm_machine: Machine
) -> None:
    session = shell.connect(web1)
    raised: list[BaseException] = []

    def call() -> None:
        try:
            session.run(LOOP)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    winrm_machine.wait_for_requests("Command", answered=True)
    session.close()
    thread.join(30)
    assert [type(error) for error in raised] == [SessionClosedError]


def test_a_job_whose_session_is_closed_was_stopped(
    shell: Session, web1: WinRM, winrm_machine: Machine
) -> None:
    session = shell.connect(web1)
    job = session.start(LOOP)
    winrm_machine.wait_for_requests("Command", answered=True)
    session.close()
    assert job.wait(timeout=30)
    assert job.state == "Stopped"
    with pytest.raises(JobStopped):
        job.result(timeout=30)


def test_a_job_of_which_one_child_was_stopped_is_not_told_as_whole(
    shell: Session, web1: WinRM, winrm_machine: Machine
) -> None:
    job = shell.start_remote(f"if ($args[0]) {{ }}; {LOOP}", [web1, web1])
    winrm_machine.wait_for_requests("Command", 2, answered=True)
    for child in job.children:
        child.stop()
    with pytest.raises(JobStopped):
        job.result(timeout=30)

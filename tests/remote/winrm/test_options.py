"""What the options of a target do on the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from psbridge import Session, WinRM
from tests.winrm_server import faults
from tests.winrm_server.server import Machine

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]


@pytest.mark.parametrize(("retries", "receives"), [(0, 1), (2, 3)])
def test_a_lost_answer_is_asked_for_so_often(
    shell: Session, at: At, machine: Machine, retries: int, receives: int
) -> None:
    with shell.connect(at(retries=retries)) as web1:
        identity = str(web1.net.Runspace.InstanceId).upper()
        assert web1.run("1") == [1]
        before = len(machine.requests("Receive"))
        job = web1.start("'begun'; Start-Sleep 60")
        rule = machine.inject(faults.lose(), on="Receive", shell=identity)
        assert job.wait(timeout=30)
        assert job.state == "Failed"
        assert "lost" in str(job.children[0].reason)
        rule.remove()
        asked = [one for one in machine.requests("Receive")[before:] if one.injected is not None]
        by_message: dict[str | None, int] = {}
        for one in asked:
            by_message[one.message_id] = by_message.get(one.message_id, 0) + 1
        assert max(by_message.values()) == receives


def test_settings_of_the_shell_are_in_its_request(shell: Session, at: At, machine: Machine) -> None:
    target = at(
        idle_timeout=300, no_profile=True, culture="de-DE", ui_culture="fr-FR", operation_timeout=7
    )
    assert shell.start_remote("1", target).result(timeout=30) == [1]
    (create,) = machine.requests("Create")
    assert create.envelope is not None
    sent = create.envelope.decode()
    for part in ("PT300", "WINRS_NOPROFILE", 'xml:lang="de-DE"', 'xml:lang="fr-FR"'):
        assert part in sent
    receive = machine.requests("Receive")[0].envelope
    assert receive is not None
    assert "PT7.000S" in receive.decode()


@pytest.mark.parametrize(("poll", "idle"), [(20, "PT900.000S"), (3600, "PT10920.000S")])
def test_a_shell_that_nobody_asks_for_goes_by_itself(
    shell: Session, at: At, machine: Machine, poll: float, idle: str
) -> None:
    assert shell.start_remote("1", at(operation_timeout=poll)).result(timeout=30) == [1]
    (create,) = machine.requests("Create")
    assert create.envelope is not None
    assert idle in create.envelope.decode()


@pytest.mark.parametrize("idle_receive", ["fault", "empty"])
def test_a_session_that_is_only_kept_is_not_idle(
    shell: Session, at: At, machine: Machine, idle_receive: str
) -> None:
    # A busy machine may take a second or two from one request to the next.
    machine.configure(shell_idle=3.0, silence=0.7, idle_receive=idle_receive, empty_after=0.5)
    with shell.connect(at(auth="ntlm", operation_timeout=0.5)) as web1:
        assert web1.run("$a = 1") == []
        before = len(machine.requests("Receive"))
        # Several idle times: nobody calls, and the shell is asked all the time.
        machine.wait_for_requests("Receive", before + 14, timeout=60)
        assert web1.run("$a") == [1]
        assert web1.run("Start-Sleep 5; 2") == [2]

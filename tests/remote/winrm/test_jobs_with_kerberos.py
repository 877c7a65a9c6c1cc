"""Jobs and kept sessions that log on with a ticket, or hand one on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from realm import Realm

from psbridge import Session, WinRM
from tests.remote.winrm.gates import Listener
from tests.winrm_server.fixtures import ALICE, BOB
from tests.winrm_server.server import Machine, WinRMServer

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.fixture
def to(realm: Realm, target: Callable[..., WinRM]) -> Callable[..., WinRM]:
    """Makes targets for the machine by its name."""
    return lambda auth="kerberos", **settings: target(auth, host="localhost", **settings)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_kept_session_says_how_it_has_logged_on(
    shell: Session, to: Callable[..., WinRM], realm: Realm, machine: Machine, scheme: str
) -> None:
    realm.kinit("alice", ALICE)
    target = to("negotiate", scheme=scheme, username=None, password=None)
    with shell.connect(target) as web1:
        assert web1.authenticated_with == "kerberos"
        assert web1.run("1..3") == [1, 2, 3]
        machine.close_connections()
        assert web1.run("4") == [4]
    if scheme == "http":
        assert all(one.encrypted == bool(one.body) for one in machine.requests())


def test_users_side_by_side_in_one_process(
    shell: Session, to: Callable[..., WinRM], realm: Realm, winrm_server: WinRMServer
) -> None:
    realm.kinit("alice", ALICE)
    realm.kinit("bob", BOB)
    job = shell.start_remote("1", [to(username=name) for name in ("alice", "bob") * 3])
    assert job.result(timeout=60) == [1] * 6
    users = {one["user"].partition("@")[0] for one in winrm_server.attempts()}
    assert users == {"alice", "bob"}


def test_the_cmdlets_take_the_ticket_where_there_is_no_credential(
    shell: Session, realm: Realm, machine: Machine
) -> None:
    realm.kinit("alice", ALICE)
    found = shell.run(
        "param($port) Invoke-WinRMCommand localhost { 7 } -Port $port;"
        "$s = New-WinRMSession localhost -Port $port -Authentication Kerberos;"
        "Invoke-Command -Session $s { 8 }; Remove-PSSession $s",
        port=machine.port,
    )
    assert list(found) == [7, 8]


def test_a_reason_reaches_the_job(
    shell: Session, to: Callable[..., WinRM], realm: Realm, machine: Machine
) -> None:
    realm.kinit("alice", ALICE)
    job = shell.start_remote("1", [to(username="eve"), to(username="alice")])
    assert job.wait(timeout=60)
    eve, alice = job.children
    assert (eve.state, alice.state) == ("Failed", "Completed")
    assert "there is no Kerberos ticket for 'eve'" in str(eve.reason)
    assert "kerberos" in str(eve.reason)


def test_a_job_is_stopped_in_time_while_a_kdc_says_nothing(
    shell: Session,
    to: Callable[..., WinRM],
    realm: Realm,
    machine: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    realm.kinit("alice", ALICE)
    with Listener() as silent:
        text = Path(realm.environment["KRB5_CONFIG"]).read_text()
        elsewhere = tmp_path / "krb5.conf"
        elsewhere.write_text(text.replace(f":{realm.port}", f":{silent.port}"))
        monkeypatch.setenv("KRB5_CONFIG", str(elsewhere))
        job = shell.start_remote("1", to())
        silent.wait_for(1)
        begun = time.monotonic()
        job.stop()
        assert time.monotonic() - begun < 6
        assert job.state in ("Stopped", "Failed")
    assert machine.requests() == []

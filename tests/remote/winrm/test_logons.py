"""How often an account is tried: once a machine, and no more after a few refusals."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import LogonRefused, NotSent, RequestError
from psbridge.remote.winrm.target import WinRM
from tests.remote.winrm.gates import Listener
from tests.remote.winrm.plain_shell import opened
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

Connect = Callable[..., Connection]


def machine_target(one: Machine, **settings: Any) -> WinRM:
    settings = {"auth": "ntlm", "username": USER, "password": "wrong", **settings}
    return WinRM(one.host, port=one.port, **settings)


def all_at_once(connections: list[Connection]) -> list[RequestError | None]:
    """Open a shell on each, side by side; what each has raised."""
    results: list[RequestError | None] = [None] * len(connections)

    def work(number: int) -> None:
        try:
            opened(connections[number], 20)
        except RequestError as error:
            results[number] = error

    threads = [threading.Thread(target=work, args=(one,)) for one in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
def test_a_machine_hears_of_a_wrong_password_once(
    connect: Connect, winrm_server: WinRMServer, auth: str
) -> None:
    fan_out = FanOut()
    first, second = (connect(auth, password="wrong", fan_out=fan_out) for _ in range(2))
    with pytest.raises(LogonRefused):
        opened(first)
    for again in (first, second):
        with pytest.raises(LogonRefused, match="has refused the user 'ops' before"):
            opened(again)
    assert len(winrm_server.attempts()) == 1
    # Another call is another try.
    with pytest.raises(LogonRefused):
        opened(connect(auth, password="wrong"))
    assert len(winrm_server.attempts()) == 2


@pytest.mark.parametrize(("most", "tries"), [(3, 3), (1, 1), (None, 8)])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_fleet_is_not_tried_with_what_three_machines_have_refused(
    connect: Connect, winrm_server: WinRMServer, most: int | None, tries: int, auth: str
) -> None:
    fan_out = FanOut()
    allowed = {"allow_unencrypted": True} if auth == "basic" else {}
    winrm_server.forget_attempts()
    with winrm_server.machines(8) as fleet:
        targets = [machine_target(one, auth=auth, refusals=most, **allowed) for one in fleet]
        errors = all_at_once([connect(to=one, fan_out=fan_out) for one in targets])
    assert all(isinstance(one, LogonRefused) for one in errors)
    assert all(one is not None and one.code == 1326 for one in errors)
    assert len(winrm_server.attempts()) == tries
    untried = [one for one in errors if "not tried" in str(one)]
    assert len(untried) == 8 - tries
    assert all("machines have refused the user 'ops'" in str(one) for one in untried)
    assert list(fan_out.refusals.values()) == [tries]


def test_a_right_password_is_tried_by_all_side_by_side(
    connect: Connect, winrm_server: WinRMServer, machine: Machine
) -> None:
    fan_out = FanOut()
    with winrm_server.machines(8) as fleet:
        targets = [machine_target(one, password=PASSWORD) for one in fleet]
        errors = all_at_once([connect(to=one, fan_out=fan_out) for one in targets])
    assert errors == [None] * 8


def test_accounts_do_not_count_for_each_other(
    connect: Connect, winrm_server: WinRMServer, machine: Machine
) -> None:
    fan_out = FanOut()
    winrm_server.users = {"jo": PASSWORD}
    with winrm_server.machines(4) as fleet:
        wrong = [machine_target(one) for one in fleet]
        right = [machine_target(one, username="jo", password=PASSWORD) for one in fleet]
        errors = all_at_once([connect(to=one, fan_out=fan_out) for one in [*wrong, *right]])
    assert [one is None for one in errors] == [False] * 4 + [True] * 4


def test_machines_that_say_nothing_do_not_stop_the_others(
    connect: Connect, winrm_server: WinRMServer
) -> None:
    fan_out = FanOut()
    with winrm_server.machines(6) as fleet:
        for one in fleet[:3]:
            one.inject(faults.silent(), on="request")
        targets = [machine_target(one, password=PASSWORD) for one in fleet]
        connections = [connect(to=one, fan_out=fan_out) for one in targets]
        waiting = [threading.Thread(target=suppressed, args=(one,)) for one in connections[:3]]
        for thread in waiting:
            thread.start()
        for one in fleet[:3]:
            one.wait_for_requests(count=1)
        begun = time.monotonic()
        assert all_at_once(connections[3:]) == [None] * 3
        assert time.monotonic() - begun < 10  # two seconds of patience, on a busy machine
        for connection in connections[:3]:
            connection.abort()
        for thread in waiting:
            thread.join()


def suppressed(connection: Connection) -> None:
    with contextlib.suppress(RequestError):
        opened(connection, 60)


def test_who_waits_for_leave_can_be_ended(connect: Connect, machine: Machine) -> None:
    fan_out = FanOut()
    with Listener() as silent:
        target = WinRM(
            "127.0.0.1", port=silent.port, auth="ntlm", username=USER, password="wrong", refusals=1
        )
        first = connect(to=target, fan_out=fan_out)
        thread = threading.Thread(target=suppressed, args=(first,))
        thread.start()
        silent.wait_for(1)
        second = connect(to=machine_target(machine, refusals=1), fan_out=fan_out)
        begun = time.monotonic()
        with pytest.raises(NotSent, match=r"within 0.3 s"):
            opened(second, 0.3)
        assert time.monotonic() - begun < 6
        first.abort()
        thread.join()


def test_what_is_no_refusal_of_the_account_does_not_count(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    fan_out = FanOut()
    machine.configure(schemes=("Basic",))
    for _ in range(2):
        with pytest.raises(LogonRefused, match="does not take ntlm"):
            opened(connect("ntlm", fan_out=fan_out))
    machine.inject(faults.status(503), on="request", first=1)
    with pytest.raises(RequestError):
        opened(connect("basic", fan_out=fan_out))
    assert fan_out.refusals == {}
    opened(connect("basic", fan_out=fan_out))
    assert winrm_server.attempts(USER)[-1]["accepted"]


@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
@pytest.mark.parametrize("user", ["пользователь", "Gerät", "DOM\\jo", "jo@dom.example", ".\\jo"])
def test_names_of_every_kind_log_on(
    connect: Connect, winrm_server: WinRMServer, auth: str, user: str
) -> None:
    winrm_server.users = {user: "пароль"}
    opened(connect(auth, username=user, password="пароль"))
    assert winrm_server.attempts()[-1]["accepted"]
    with pytest.raises(LogonRefused) as caught:
        opened(connect(auth, username=user, password="парол"))
    assert repr(user) in str(caught.value)


@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
@pytest.mark.parametrize(
    "password", ["пароль", "ü€漢", "a:b%s{0}\"'$x", " leading", "x" * 200, "%41\\n\t"]
)
def test_passwords_of_every_kind_log_on(
    connect: Connect, winrm_server: WinRMServer, auth: str, password: str
) -> None:
    winrm_server.users = {"jo": password}
    opened(connect(auth, username="jo", password=password))
    with pytest.raises(LogonRefused) as caught:
        opened(connect(auth, username="jo", password=password + "!"))
    assert password not in str(caught.value)

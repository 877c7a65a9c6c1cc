"""The time for a request, and its end from outside: both hold whatever is waited for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import NoAnswer, NotSent, RequestError
from psbridge.remote.winrm.line import Aborted, Line, TimeUp
from tests.remote.winrm.gates import Listener
from tests.remote.winrm.plain_shell import create, delete, opened
from tests.winrm_server import faults
from tests.winrm_server.server import Machine

Connect = Callable[..., Connection]

auths = pytest.mark.parametrize("auth", ["basic", "ntlm"])
schemes = pytest.mark.parametrize("scheme", ["http", "https"])


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done in it takes about so long, on a busy machine, too."""
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    assert seconds - 0.05 <= took < seconds + 2


@contextmanager
def full_port() -> Iterator[int]:
    """A port at which a connection is neither made nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        # The system lets one or two wait to be accepted, and drops what comes then.
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        time.sleep(0.05)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


@auths
@schemes
@pytest.mark.parametrize("done", [True, False])
def test_a_machine_that_never_answers(
    connect: Connect, machine: Machine, auth: str, scheme: str, done: bool
) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    machine.inject(faults.silent(done=done), on="Delete", first=1)
    with within(0.4), pytest.raises(NoAnswer, match=r"within 0.4 s, while waiting"):
        connection.send(delete(connection, shell), answer_within=0.4)
    if not done:
        connection.send(delete(connection, shell), answer_within=10)


@auths
@schemes
def test_an_answer_that_drips(connect: Connect, machine: Machine, auth: str, scheme: str) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    machine.inject(faults.drip(0.02), on="Delete", first=1)
    with within(0.5), pytest.raises(NoAnswer, match=r"within 0.5 s"):
        connection.send(delete(connection, shell), answer_within=0.5)


@pytest.mark.parametrize("auth", ["ntlm", "credssp"])
def test_a_logon_that_is_never_answered(connect: Connect, machine: Machine, auth: str) -> None:
    machine.inject(faults.silent(), on="request", first=1)
    connection = connect(auth)
    with within(0.4), pytest.raises(NotSent, match=r"within 0.4 s"):
        opened(connection, 0.4)
    opened(connection)


@auths
@schemes
def test_a_listener_that_accepts_and_is_silent(connect: Connect, auth: str, scheme: str) -> None:
    with Listener() as silent:
        connection = connect(auth, scheme, port=silent.port)
        kind = NoAnswer if (auth, scheme) == ("basic", "http") else NotSent
        with within(0.4), pytest.raises(kind, match=r"within 0.4 s"):
            opened(connection, 0.4)


def test_a_connection_that_is_never_made(connect: Connect) -> None:
    with full_port() as port:
        connection = connect("ntlm", port=port)
        with within(0.4), pytest.raises(NotSent, match=r"within 0.4 s, while connecting"):
            opened(connection, 0.4)


def test_a_resolver_that_is_silent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, *arguments: object, **named: object) -> object:
        if host == "slow.example" and not named.get("flags"):
            release.wait(30)
        return real(host, *arguments, **named)  # type: ignore[arg-type]

    # The one thing that cannot be had from a real one: that it is silent for so long.
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    connection = connect("ntlm", host="slow.example")
    with within(0.4), pytest.raises(NotSent, match=r"while looking up the name"):
        opened(connection, 0.4)
    aborted = aborting(connection, lambda: opened(connection, 30))
    assert isinstance(aborted, NoAnswer)
    release.set()


def aborting(connection: Connection, send: Callable[[], object]) -> RequestError | None:
    """Send on a thread, abort when it waits; what was raised, at once."""
    raised: list[RequestError] = []
    begun = threading.Event()

    def run() -> None:
        begun.set()
        try:
            send()
        except RequestError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    time.sleep(0.1)  # lets it come to where it waits; it is right wherever it is
    since = time.monotonic()
    connection.abort()
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - since < 1.5
    return raised[0] if raised else None


@auths
@schemes
def test_an_abort_ends_the_waiting(
    connect: Connect, machine: Machine, auth: str, scheme: str
) -> None:
    connection = connect(auth, scheme)
    shell = opened(connection)
    machine.inject(faults.silent(), on="Delete", first=1)
    error = aborting(
        connection,
        lambda: connection.send(delete(connection, shell), answer_within=60),
    )
    assert isinstance(error, NoAnswer)
    assert "given up" in str(error)
    with pytest.raises(NoAnswer):
        opened(connection)  # it stays so


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_abort_ends_connecting_and_handshakes(connect: Connect, scheme: str) -> None:
    with full_port() as port:
        connection = connect("ntlm", scheme, port=port)
        assert isinstance(aborting(connection, lambda: opened(connection, 60)), NoAnswer)
    with Listener() as silent:
        connection = connect("ntlm", scheme, port=silent.port)
        assert isinstance(aborting(connection, lambda: opened(connection, 60)), NoAnswer)


def test_an_abort_before_the_request_counts(connect: Connect, machine: Machine) -> None:
    connection = connect("ntlm")
    connection.abort()
    with pytest.raises(NoAnswer, match="given up"):
        opened(connection)
    assert machine.requests() == []


def test_an_abort_while_an_answer_comes_makes_no_answer_of_it(
    connect: Connect, machine: Machine
) -> None:
    # An answer without a length ends with its connection, and so looks whole.
    for _ in range(3):
        connection = connect()
        machine.inject(faults.drip(0.01), on="Create", first=1)
        sending = partial(connection.send, create(connection), answer_within=30)
        assert isinstance(aborting(connection, sending), NoAnswer)


def test_a_machine_that_restarts_is_reached_again(connect: Connect, machine: Machine) -> None:
    connection = connect("ntlm")
    opened(connection)
    machine.restart(down=0.3)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            opened(connection, 5)
            break
        except NotSent:
            time.sleep(0.05)
    else:
        pytest.fail("it was not reached again")


def test_dead_addresses_leave_time_for_the_next() -> None:
    with full_port() as dead, Listener() as alive:
        line = Line()
        line.within(2.0)
        found = socket.getaddrinfo("127.0.0.1", dead, type=socket.SOCK_STREAM)
        found += socket.getaddrinfo("127.0.0.1", alive.port, type=socket.SOCK_STREAM)
        line._resolve = lambda host, port: found  # type: ignore[method-assign]
        with within(1.0):
            assert line.open("two.example", 1).getpeername()[1] == alive.port
        line.close()


def test_what_is_done_aside_does_not_outlast_the_time() -> None:
    line, release = Line(), threading.Event()
    line.within(0.3)
    with within(0.3), pytest.raises(TimeUp):
        line.aside(lambda: release.wait(30), "waits")
    line.within(10)
    assert line.aside(lambda: 42, "counts") == 42
    with pytest.raises(KeyError):
        line.aside(lambda: {"a": 1}["x"], "fails")
    threading.Timer(0.2, line.abort).start()
    with pytest.raises(Aborted):
        line.aside(lambda: release.wait(30), "waits")
    release.set()

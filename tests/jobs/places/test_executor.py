"""The listener of ``executor=``: strangers who connect, and messages that are tampered with."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest
from conditions import until

from psbridge import Job, JobGroup, JobHandle, Session
from psbridge.jobs.places import authenticated
from psbridge.jobs.places.authenticated import AuthenticatedConnection, connect, greet

worker_jobs = pytest.importorskip("worker_jobs")
WorkerJob = worker_jobs.WorkerJob

Address = tuple[str, int]
# What comes of a frame on its way: from whom it is ("there" or "here"), its number, and its bytes;
# gives those that go on, and those that go back.
Tamper = Callable[[str, int, bytes], tuple[list[bytes], list[bytes]]]


class Elsewhere(Executor):
    """Does work as an executor on another machine does, which reaches this one at an address."""

    def __init__(self, reroute: Callable[[Address], Address] = lambda address: address) -> None:
        self._pool = ThreadPoolExecutor(4)
        self._reroute = reroute
        self.addresses: list[Address] = []

    def submit(self, task: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        work = pickle.loads(pickle.dumps(task))
        job, address, key, number = work._order
        self.addresses.append(address)
        work._order = (job, self._reroute(address), key, number)
        return self._pool.submit(work)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as executor:
        yield executor


def start(shell: Session, executor: Executor, *jobs: Job) -> JobHandle:
    return shell.start(JobGroup(list(jobs) or [WorkerJob()], executor=executor))


@pytest.fixture
def address(shell: Session, elsewhere: Elsewhere) -> Address:
    """Where the listener is."""
    assert start(shell, elsewhere).result(30)[-1] == "last"
    return elsewhere.addresses[0]


def greetings() -> int:
    return sum(thread.name == "psbridge greeting" for thread in threading.enumerate())


def is_hung_up(stranger: socket.socket) -> bool:
    """Whether the other end has hung up; waits for it."""
    with contextlib.suppress(ConnectionError):
        while stranger.recv(65536):
            pass
    return True


# --- strangers ------------------------------------------------------------------------------------


def test_strangers_who_say_nothing_are_hung_up_on_and_jobs_run(
    shell: Session,
    elsewhere: Elsewhere,
    address: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authenticated, "GREETING_SECONDS", 1.0)
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(100)]
        until(lambda: greetings() >= 60)
        assert greetings() <= 64
        assert start(shell, elsewhere).result(30)[-1] == "last"
        assert all(map(is_hung_up, strangers))
    until(lambda: greetings() == 0)


def test_a_stranger_who_says_it_slowly_is_hung_up_on(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticated, "GREETING_SECONDS", 0.5)
    with socket.create_connection(address, 20) as stranger:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in struct.pack("!i", 200) + bytes(200):
                stranger.send(bytes([byte]))
                time.sleep(0.1)  # what makes it slow
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "header",
    [struct.pack("!i", 0x7FFFFFFF), struct.pack("!iQ", -1, 1 << 40), struct.pack("!i", 257)],
)
def test_a_stranger_who_says_much_is_hung_up_on_at_once(address: Address, header: bytes) -> None:
    with socket.create_connection(address, 5) as stranger:
        stranger.sendall(header)
        assert is_hung_up(stranger)  # long before the deadline: else this times out


def test_a_stranger_without_the_key_is_refused(address: Address) -> None:
    with pytest.raises(OSError, match="greeting"):
        connect(address, b"no key", b"\0")


# --- what one end sends, and the other one gets ---------------------------------------------------


@pytest.fixture
def ends() -> Iterator[tuple[AuthenticatedConnection, AuthenticatedConnection]]:
    from multiprocessing.connection import Listener

    with Listener(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        calling = thread.submit(connect, listener.address, b"the key", b"hello")
        listening, first = greet(listener.accept(), b"the key")
        assert first == b"hello"
        with listening, calling.result(10) as caller:
            yield listening, caller


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_a_message_of_any_size_arrives(
    ends: tuple[AuthenticatedConnection, AuthenticatedConnection], size: int
) -> None:
    listening, caller = ends
    message = bytes(range(251)) * (size // 251 + 1)
    for sending, receiving in ((listening, caller), (caller, listening)):
        sender = threading.Thread(target=sending.send_bytes, args=(message[:size],))
        sender.start()
        assert receiving.recv_bytes() == message[:size]
        sender.join(10)


# --- one between the two --------------------------------------------------------------------------


class Between:
    """Sits between a worker and the listener, and does something to the frames."""

    def __init__(self, listener: Address, tamper: Tamper) -> None:
        self._tamper = tamper
        self._listener = listener
        self._accepting = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._accepting.getsockname()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with (
            self._accepting,
            self._accepting.accept()[0] as there,
            socket.create_connection(self._listener) as here,
        ):
            back = threading.Thread(target=self._carry, args=("here", here, there))
            back.start()
            self._carry("there", there, here)
            back.join()

    def _carry(self, whose: str, source: socket.socket, target: socket.socket) -> None:
        number = 0
        with contextlib.suppress(OSError, struct.error):
            while True:
                (size,) = struct.unpack("!i", _read(source, 4))
                forth, back = self._tamper(whose, number, _read(source, size))
                for frame in forth:
                    target.sendall(struct.pack("!i", len(frame)) + frame)
                for frame in back:
                    source.sendall(struct.pack("!i", len(frame)) + frame)
                number += 1
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _read(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := source.recv(size - len(data))):
            raise ConnectionError
        data += part
    return data


def change(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    return [frame.replace(b"careful", b"fearful")], []


def leave_out(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    return [] if b"careful" in frame else [frame], []


def repeat(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    return [frame] * (2 if b"careful" in frame else 1), []


def send_back(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    return [frame], [frame] if b"careful" in frame else []


def hang_up(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    if b"careful" in frame:
        raise ConnectionError
    return [frame], []


def swallow(whose: str, number: int, frame: bytes) -> tuple[list[bytes], list[bytes]]:
    # The words "ended" and "failed" are those of the last message.
    return [] if b"ended" in frame or b"failed" in frame else [frame], []


def test_who_only_carries_changes_nothing(shell: Session) -> None:
    with Elsewhere(lambda to: Between(to, lambda *frame: ([frame[2]], [])).address) as executor:
        assert start(shell, executor).result(30)[-1] == "last"


@pytest.mark.parametrize("tamper", [change, leave_out, repeat, send_back, hang_up, swallow])
def test_who_tampers_with_messages_forges_none(
    shell: Session, monkeypatch: pytest.MonkeyPatch, tamper: Tamper
) -> None:
    monkeypatch.setattr("psbridge.jobs.places.task._HANG_UP_SECONDS", 0.5)
    with Elsewhere(lambda to: Between(to, tamper).address) as executor:
        handle = start(shell, executor, WorkerJob("wait" if tamper is send_back else "end"))
        assert handle.wait(30)
    assert handle.state == "Failed"
    result = handle.receive()
    written = ["first", worker_jobs.os.getpid(), "last"]
    assert result == written[: len(result)]
    assert {str(warning) for warning in result.warnings} <= {"careful"}

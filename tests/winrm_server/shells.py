"""What every shell of a machine has: channels that are received from, and a process."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator

from . import known_faults
from .settings import Settings
from .soap import SHELL, Fault, Message

_DONE = SHELL + "/CommandState/Done"
_RUNNING = SHELL + "/CommandState/Running"
_HEAD = 4096  # what an answer has besides its streams


class Kept:
    """The last answer of a channel, which the same MessageID gets again."""

    def __init__(self, message_id: str):
        self.message_id = message_id
        self.result: str | Fault | None = None


class Channel:
    """What a Receive receives from: a command, or the shell itself."""

    def __init__(self, streams: tuple[str, ...]):
        self.streams = streams
        self.chunks: deque[tuple[str, str]] = deque()  # name of the stream, base64
        self.ended = False  # nothing comes any more
        self.delivered = False  # and a Receive has said so
        self.closed = self.removing = False
        self.exit_code = 0
        self.ends_at: float | None = None
        self.waiting = 0  # Receives
        self.kept: Kept | None = None


class Shell(ABC):
    """A shell: its id, its owner and its channels.

    `changed` guards all that can change and is notified when it does. It is never held while a
    process is written to or waited for.
    """

    streams: tuple[str, ...]
    resource_body = ""

    def __init__(
        self, settings: Callable[[], Settings], shell_id: str, user: str, message: Message
    ):
        self.settings, self.id, self.user = settings, shell_id, user
        self.resource = message.resource
        self.name = ""
        self.cookie: str | None = None  # without it, a request does not find the shell
        self.created = self.used = time.monotonic()
        self.changed = threading.Condition()
        self.channels: dict[str | None, Channel] = {}
        self.closed = self.removing = False
        self.exit_code: int | None = None  # of the shell's own process, once it has ended
        self.operations = 0  # that are being done
        self.commands_begun = 0
        self._sending = threading.Lock()

    # What a kind of shell does.

    @abstractmethod
    def command(self, message: Message) -> str:
        """Begin a command; give the answer's body."""

    @abstractmethod
    def send_to(self, message: Message) -> None:
        """Hand on what a Send brings."""

    @abstractmethod
    def signal(self, message: Message) -> None:
        """Do what a Signal asks for."""

    @abstractmethod
    def close(self) -> None:
        """End everything; come back when no process is left."""

    @abstractmethod
    def kill(self) -> None:
        """End the processes as a machine does that restarts, or a memory limit."""

    @abstractmethod
    def processes(self) -> list[int]:
        """The ids of the processes that run."""

    # What all of them do.

    def channel(self, command: str | None) -> Channel:
        """The channel of a command or of the shell; a fault where there is none."""
        found = self.channels.get(command.upper() if command else None)
        if found is None:
            raise known_faults.not_found()
        return found

    def commands(self) -> list[str]:
        """The commands that were begun and not terminated."""
        with self.changed:
            return [name for name in self.channels if name is not None]

    def send(self, message: Message) -> str:
        """Do a Send: one at a time."""
        if not self._sending.acquire(blocking=False):
            raise known_faults.in_use()
        try:
            self.send_to(message)
        finally:
            self._sending.release()
        return "<rsp:SendResponse/>"

    def receive(self, message: Message) -> str:
        """Do a Receive, or give the answer again that its MessageID got."""
        command = self._wanted(message)
        with self.changed:
            channel = self.channel(command)
            before = channel.kept
            if before is not None and before.message_id == message.message_id:
                while before.result is None:  # the first one still waits
                    self.changed.wait()
                return _unpack(before.result)
            if channel.delivered:
                raise known_faults.not_found()
            kept = channel.kept = Kept(message.message_id)
            channel.waiting += 1
            self.changed.notify_all()
            result: str | Fault = known_faults.aborted()
            try:
                result = self._collect(channel, command, message)
            except Fault as fault:
                result = fault
            finally:
                channel.waiting -= 1
                kept.result = result
                self.changed.notify_all()
        return _unpack(result)

    def _wanted(self, message: Message) -> str | None:
        stream = message.first("Receive", "DesiredStream")
        if stream is None:
            raise known_faults.schema("A Receive has a DesiredStream.")
        return stream.get("CommandId")

    def _collect(self, channel: Channel, command: str | None, message: Message) -> str:
        settings = self.settings()
        until = _deadline(settings, message)
        while not (channel.chunks or channel.ended):
            now = time.monotonic()
            if channel.ends_at is not None and now >= channel.ends_at:
                channel.ended = True
                continue
            if channel.closed or self.closed:
                raise known_faults.aborted()
            if self.exit_code is not None:
                raise known_faults.host_process_ended()
            if until is not None and now >= until:
                if settings.idle_receive == "empty":
                    break
                raise known_faults.timed_out()
            ends = [end - now for end in (until, channel.ends_at) if end is not None]
            self.changed.wait(min(ends) if ends else None)
        return self._body(channel, command, settings, message.max_envelope_size)

    def _body(
        self, channel: Channel, command: str | None, settings: Settings, size: int | None
    ) -> str:
        room = (size or 512_000) - _HEAD
        most = settings.fragments_per_answer
        attribute = f' CommandId="{command}"' if command else ""
        parts: list[str] = []
        while channel.chunks and (most is None or len(parts) < most):
            name, data = channel.chunks[0]
            if parts and len(data) > room:
                break
            channel.chunks.popleft()
            room -= len(data) + 128
            parts.append(f'<rsp:Stream Name="{name}"{attribute}>{data}</rsp:Stream>')
        done = channel.ended and not channel.chunks and not (settings.done_apart and parts)
        if done:
            channel.delivered = True
            parts += self._ends(channel, attribute)
            code = f"<rsp:ExitCode>{channel.exit_code}</rsp:ExitCode>" if settings.exit_code else ""
            parts.append(f'<rsp:CommandState{attribute} State="{_DONE}">{code}</rsp:CommandState>')
        elif command:
            parts.append(f'<rsp:CommandState{attribute} State="{_RUNNING}"></rsp:CommandState>')
        return f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"

    def _ends(self, channel: Channel, attribute: str) -> list[str]:
        return [
            f'<rsp:Stream Name="{name}"{attribute} End="true"></rsp:Stream>'
            for name in channel.streams
        ]

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """An operation on this shell is being done."""
        with self.changed:
            self.operations += 1
        try:
            yield
        finally:
            with self.changed:
                self.operations -= 1
                self.used = time.monotonic()

    def is_spent(self) -> bool:
        """Whether the shell's process has ended and all that it said was received."""
        with self.changed:
            chunks = any(channel.chunks for channel in self.channels.values())
            return self.exit_code is not None and not chunks and not self.operations

    def is_sending(self) -> bool:
        """Whether a Send is being done."""
        return self._sending.locked()

    def outstanding(self) -> int:
        """How many Receives wait."""
        with self.changed:
            return sum(channel.waiting for channel in self.channels.values())


def _deadline(settings: Settings, message: Message) -> float | None:
    if settings.idle_receive == "empty":
        return time.monotonic() + settings.empty_after
    timeout = message.operation_timeout
    return None if timeout is None else time.monotonic() + timeout


def _unpack(result: str | Fault) -> str:
    if isinstance(result, Fault):
        raise result
    return result


def decoded(text: str) -> bytes:
    """What a stream brings; a fault where it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise known_faults.schema("A Stream is base64.") from None


def kill_group(process: subprocess.Popen[bytes], with_signal: int = signal.SIGKILL) -> None:
    """Send a signal to a process that leads its group, and to all in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, with_signal)

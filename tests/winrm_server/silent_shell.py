"""A shell of a configuration that does not exist, as OMI makes one: nothing ever comes from it."""

from __future__ import annotations

from collections.abc import Callable

from . import known_faults
from .settings import Settings
from .shells import Channel, Shell
from .soap import Message


class SilentShell(Shell):
    """A shell without a process."""

    streams = ("stdout",)

    def __init__(
        self, settings: Callable[[], Settings], shell_id: str, user: str, message: Message
    ):
        super().__init__(settings, shell_id, user, message)
        self.channels[None] = Channel(self.streams)

    def command(self, message: Message) -> str:
        raise known_faults.not_found()

    def send_to(self, message: Message) -> None:
        pass

    def signal(self, message: Message) -> None:
        raise known_faults.not_found()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def kill(self) -> None:
        with self.changed:
            self.exit_code = -9
            self.changed.notify_all()

    def processes(self) -> list[int]:
        return []

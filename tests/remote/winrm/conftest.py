"""The test server for the tests of the WinRM carrier, and what holds after each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psbridge import WinRM
from tests.winrm_server.fixtures import PASSWORD, USER, machine, winrm_server
from tests.winrm_server.server import Machine

__all__ = ["machine", "winrm_server"]

At = Callable[..., WinRM]


@pytest.fixture
def at(machine: Machine) -> At:
    """Make targets of the machine, or of another one; Basic over plain HTTP unless told."""

    def make(other: Machine | None = None, **settings: Any) -> WinRM:
        to = other or machine
        settings = {"auth": "basic", "username": USER, "password": PASSWORD, **settings}
        if settings["auth"] == "basic":
            settings.setdefault("allow_unencrypted", True)
        return WinRM(to.host, port=to.port, **settings)

    return make


@pytest.fixture
def nothing_is_left(machine: Machine) -> Iterator[None]:
    """After the test and its sessions no shell, no process and no thread is there any more."""
    before = set(threading.enumerate())
    yield
    machine.wait_until(shells=0, processes=0, timeout=15)
    give_up_at = time.monotonic() + 15
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, give_up_at - time.monotonic()))
        assert not thread.is_alive(), f"{thread.name} is left"

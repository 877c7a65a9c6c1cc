"""Which platform a process is, and whose files fit it."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import SimpleNamespace

import pytest

from psbridge.setup.platforms import PLATFORMS, current_rid, fitting


@pytest.mark.parametrize(
    ("rid", "names"),
    [
        ("linux-x64", "linux-x64 linux unix-x64 unix"),
        ("linux-musl-x64", "linux-musl-x64 linux-musl linux-x64 linux unix-x64 unix"),
        ("osx-arm64", "osx-arm64 osx unix-arm64 unix"),
        ("win-x64", "win-x64 win"),
    ],
)
def test_whose_files_fit(rid: str, names: str) -> None:
    assert fitting(rid) == tuple(names.split())


def test_this_platform_has_a_name() -> None:
    assert current_rid() in PLATFORMS


def test_a_musl_system_is_told_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    machine = SimpleNamespace(machine="x86_64")
    monkeypatch.setattr(os, "uname", lambda: machine)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: "x86_64-pc-linux-musl")
    assert current_rid() == "linux-musl-x64"
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: "x86_64-pc-linux-gnu")
    assert current_rid() == "linux-x64"

"""The words with which ssh is started, as the real ssh reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from psbridge import SSH
from psbridge.remote.ssh.command_line import command_line, environment

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh")


def understood(host: str, **settings: Any) -> dict[str, str]:
    """What the real ssh understands by them; it connects to nothing."""
    words = command_line(SSH(host, **{"config": "none", **settings}))
    words.insert(1, "-G")
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "a key"
    path.touch()
    return path


@needs_ssh
def test_what_is_set_unless_it_is_given(key: Path) -> None:
    found = understood("ops@web1", port=2222, key_file=key, open_timeout=10)
    wanted = {
        "user": "ops",
        "hostname": "web1",
        "port": "2222",
        "identityfile": str(key),
        "identitiesonly": "yes",
        "batchmode": "yes",
        "connecttimeout": "9",
        "serveraliveinterval": "15",
        "controlmaster": "false",
        "clearallforwardings": "yes",
        "forwardx11": "no",
        "permitlocalcommand": "no",
        "requesttty": "false",
        "sessiontype": "subsystem",
    }
    assert {name: found[name] for name in wanted} == wanted


@needs_ssh
def test_what_is_given_wins_in_whatever_case(key: Path) -> None:
    options: dict[str, str | int | bool] = {
        "batchmode": False,
        "CONNECTTIMEOUT": 3,
        "ServerAliveInterval": "0",
        "ControlMaster": "auto",
        "IdentitiesOnly": "no",
        "Compression": True,
    }
    found = understood("web1", options=options, key_file=key)
    assert {name.lower(): found[name.lower()] for name in options} == {
        "batchmode": "no",
        "connecttimeout": "3",
        "serveraliveinterval": "0",
        "controlmaster": "auto",
        "identitiesonly": "no",
        "compression": "yes",
    }


@needs_ssh
def test_an_alias_with_capitals_finds_its_section_and_jump_hosts_are_taken(tmp_path: Path) -> None:
    config = tmp_path / "ssh config"
    config.write_text("Host WEB1\n    HostName 10.1.2.3\n    ProxyJump gate:2022\n    Port 77\n")
    found = understood("WEB1", config=config)
    assert (found["hostname"], found["port"], found["proxyjump"]) == ("10.1.2.3", "77", "gate:2022")
    assert "proxyjump" not in understood("web1", config=config)
    assert understood("web1", options={"ProxyJump": "gate,inner"})["proxyjump"] == "gate,inner"


@needs_ssh
@pytest.mark.parametrize("host", ["::1", "[fe80::1%lo]", "ops@[::1]"])
def test_addresses_of_ipv6_arrive(host: str) -> None:
    assert understood(host)["hostname"] == host.rpartition("@")[2].strip("[]")


def test_the_host_and_the_subsystem_come_last_behind_two_dashes() -> None:
    words = command_line(SSH("ops@web1", subsystem="pwsh 7"))
    assert words[0] == "ssh"
    assert words[-4:] == ["-s", "--", "web1", "pwsh 7"]
    assert command_line(SSH("web1", executable=Path("/opt/ssh")))[0] == "/opt/ssh"


def test_a_key_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    """ssh itself would warn, and try the user's other keys."""
    with pytest.raises(ValueError, match="there is no key file"):
        command_line(SSH("web1", key_file=tmp_path / "none"))
    for known_to_ssh in ("%d/none", "${NONE}/none"):
        assert known_to_ssh in command_line(SSH("web1", key_file=known_to_ssh))


def test_the_connect_timeout_is_a_second_less_than_the_open_timeout() -> None:
    """ssh's own reason says more than ours, so it is to come first."""
    for seconds, wanted in ((0.5, 1), (1, 1), (2.9, 1), (5, 4), (30, 29)):
        assert f"ConnectTimeout={wanted}" in command_line(SSH("web1", open_timeout=seconds))


def test_ssh_has_our_environment_and_asks_through_no_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    quiet = environment(SSH("web1"))
    assert (quiet["SSH_AUTH_SOCK"], quiet["SSH_ASKPASS_REQUIRE"]) == ("/agent", "never")
    monkeypatch.delenv("SSH_ASKPASS_REQUIRE", raising=False)
    assert "SSH_ASKPASS_REQUIRE" not in environment(SSH("web1", options={"BatchMode": "no"}))

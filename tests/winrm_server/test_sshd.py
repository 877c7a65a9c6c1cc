"""The OpenSSH servers of the tests, by the ssh of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from sshd import Sshd, SshServers

# A packet that the engine acknowledges.
HELLO = b"<Close PSGuid='00000000-0000-0000-0000-000000000000' />\n"


def ssh(
    servers: SshServers, server: Sshd, *, key: Path | None = None, data: bytes = HELLO
) -> subprocess.CompletedProcess[bytes]:
    """Take one packet to the subsystem and come back when ssh ends."""
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(servers.known_hosts),
    }
    words = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return subprocess.run(
        [
            *("ssh", "-F", "none", "-T", "-p", str(server.port), "-l", server.user),
            *("-i", str(key or servers.key), *words, "-s", server.host, "powershell"),
        ],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_subsystem_is_the_engine(sshd: SshServers) -> None:
    done = ssh(sshd, sshd.plain)
    assert b"<CloseAck PSGuid='00000000-0000-0000-0000-000000000000' />" in done.stdout
    assert done.stderr == b""
    sshd.plain.wait_until_idle()


def test_a_banner_goes_to_standard_error(sshd: SshServers) -> None:
    done = ssh(sshd, sshd.with_banner)
    assert done.stderr.decode() == "Nur für Befugte.\nEverything is logged.\n"
    assert b"<CloseAck" in done.stdout


def test_a_noisy_subsystem_prints_first(sshd: SshServers) -> None:
    assert ssh(sshd, sshd.noisy).stdout.startswith(b"Welcome to noisy\n")


def test_a_missing_and_a_bad_subsystem(sshd: SshServers) -> None:
    missing = ssh(sshd, sshd.without_subsystem)
    assert (missing.returncode, missing.stdout) == (255, b"")
    assert b"subsystem request failed" in missing.stderr
    bad = ssh(sshd, sshd.with_bad_subsystem)
    assert (bad.returncode, bad.stdout) == (3, b"no PowerShell here\n")


def test_a_wrong_key_is_refused(sshd: SshServers) -> None:
    done = ssh(sshd, sshd.plain, key=sshd.wrong_key)
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_an_engine_that_has_lost_its_session_is_found(sshd: SshServers) -> None:
    server = sshd.start(subsystem=f"{sshd.pwsh} -sshs -NoLogo")
    with subprocess.Popen(
        [
            *("ssh", "-F", "none", "-T", "-p", str(server.port), "-i", str(sshd.key)),
            *("-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={sshd.known_hosts}"),
            *("-l", server.user, "-s", server.host, "powershell"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as client:
        while not server.engines():
            assert client.poll() is None
        with pytest.raises(AssertionError, match="left after"):
            server.wait_until_idle(0)
        (engine,) = server.engines()
        os.kill(engine, signal.SIGSTOP)  # it cannot follow its session
        for session in server.sessions():
            os.kill(session, signal.SIGKILL)
        client.wait(20)
    assert server.engines() == [engine]
    os.kill(engine, signal.SIGKILL)
    server.wait_until_idle()

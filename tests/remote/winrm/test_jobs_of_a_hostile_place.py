"""Jobs where the environment leads elsewhere (case 6): what goes where, with which password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from psbridge import Credential, JobHandle, Secret, Session, WinRM
from tests.remote.winrm.gates import HttpProxy, Listener
from tests.winrm_server import faults
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

CASES = Path(__file__).parents[1] / "cases"

pytestmark = pytest.mark.usefixtures("nothing_is_left")

At = Callable[..., WinRM]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Where the environment leads to."""
    with Listener() as listener:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{listener.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password hunter2\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, "/nowhere/ca.pem")
        yield listener
        assert listener.accepted == 0


def failed(job: JobHandle) -> str:
    """The reason of a job with one machine, which has failed."""
    assert job.wait(timeout=30)
    assert job.children[0].state == "Failed"
    return str(job.children[0].reason)


def test_jobs_go_to_their_machine(
    elsewhere: Listener, shell: Session, at: At, machine: Machine, winrm_server: WinRMServer
) -> None:
    machine.configure(client_certificates="optional")
    certificate, key = winrm_server.client_certificate(USER)
    secure = {"port": machine.https_port, "scheme": "https"}
    targets = [
        at(),
        at(**secure),
        at(auth="ntlm"),
        at(auth="certificate", cert_file=certificate, key_file=key, **secure),
    ]
    job = shell.start_remote("1..3", targets)
    assert sorted(job.result(timeout=60)) == sorted([1, 2, 3] * 4)
    assert not [one for one in machine.requests() if b"hunter2" in one.head]


def test_jobs_of_the_cmdlet_go_to_their_machine(
    elsewhere: Listener, shell: Session, machine: Machine
) -> None:
    found = shell.run(
        """param($c, $http, $https)
        $clear = @{ NoEncryption = $true }; $any = @{ SkipCACheck = $true; SkipCNCheck = $true }
        $run = { 1..3 }
        $jobs = @(
            Invoke-WinRMCommand 127.0.0.1 $run -Port $http -Credential $c -Authentication Basic `
                -SessionOption $clear -AsJob
            Invoke-WinRMCommand 127.0.0.1 $run -Port $https -UseSSL -Credential $c `
                -Authentication Basic -SessionOption $any -AsJob
            Invoke-WinRMCommand 127.0.0.1 $run -Port $http -Credential $c -AsJob
        )
        $jobs | Wait-Job -Timeout 60 | Receive-Job; $jobs | Remove-Job""",
        c=Credential(USER, Secret(PASSWORD)),
        http=machine.port,
        https=machine.https_port,
    )
    assert sorted(found) == sorted([1, 2, 3] * 3)


def test_a_redirect_is_told_and_not_followed(
    elsewhere: Listener, shell: Session, at: At, machine: Machine
) -> None:
    with Listener() as other:
        machine.inject(faults.recorded(CASES / "moved-307.http", other=other.port), on="Create")
        reason = failed(shell.start_remote("1", at()))
        assert f"http://127.0.0.1:{other.port}/wsman" in reason
        assert "307" in reason
        assert other.accepted == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_arguments_gets_the_traffic(
    elsewhere: Listener, shell: Session, at: At, machine: Machine, scheme: str
) -> None:
    with HttpProxy() as proxy:
        target = at(scheme=scheme, proxy=f"http://127.0.0.1:{proxy.port}")
        assert shell.start_remote("1..3", target).result(timeout=30) == [1, 2, 3]
        machine.wait_until(shells=0, connections=0)
        assert proxy.requests
        # Each connection came by the proxy.
        assert len({one.connection for one in machine.requests()}) == proxy.accepted


def test_an_authority_that_does_not_fit_is_named(
    elsewhere: Listener, shell: Session, at: At, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    reason = failed(shell.start_remote("1", at(scheme="https", ca=other)))
    assert "it is of " in reason
    assert "signed by " in reason
    assert str(other) in reason


def test_a_process_with_such_jobs_ends_in_time(
    elsewhere: Listener,
    machine: Machine,
    run_python: Callable[..., object],
    tmp_path: Path,
) -> None:
    code = f"""
import logging, sys, threading
logging.basicConfig(level=logging.DEBUG, filename={str(tmp_path / "log")!r})
from psbridge import JobFailed, Session, WinRM
make = lambda password: WinRM(
    "127.0.0.1", port={machine.port}, auth="basic", allow_unencrypted=True,
    username={USER!r}, password=password)
with Session() as shell:
    job = shell.start_remote("1..3; Write-Warning x", make({PASSWORD!r}))
    print(list(job.result(timeout=60)))
    job = shell.start_remote("1", make("hunter2 wrong"))
    try:
        job.result(timeout=60)
    except JobFailed as error:
        print(error)
    for one in job.net.ChildJobs:
        print(one.Command, one.Location, one.JobStateInfo.Reason.ToString())
print([one.name for one in threading.enumerate() if one.name.startswith("psbridge")])
"""
    done: Any = run_python(code, timeout=90)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "[1, 2, 3]" in done.stdout
    assert done.stdout.rstrip().endswith("[]")
    everything = done.stdout + (tmp_path / "log").read_text()
    assert "refused the logon" in everything
    for secret in (PASSWORD, "hunter2"):
        assert secret not in everything

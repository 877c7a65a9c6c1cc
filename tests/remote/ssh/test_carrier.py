"""Sessions through a real ssh: what comes across, what goes wrong, and that nothing is left."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conditions import until

from psbridge import SSH, JobFailed, JobHandle, PowerShellError, Session, SessionClosedError
from psbridge.remote.carrying import Target

if TYPE_CHECKING:
    from ssh_server import Sshd


# Tells its process, and runs until it is stopped.
LOOP = "$PID; while ($true) { [Threading.Thread]::Sleep(20) }"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as opened:
        yield opened


@contextmanager
def connected(session: Session, *targets: Target) -> Iterator[Any]:
    """PSSessions, as PowerShell's own cmdlets take them."""
    kept = [session.connect(target) for target in targets]
    try:
        yield [one.net for one in kept]
    finally:
        for one in kept:
            one.close()


def started(session: Session, target: Target, script: str = LOOP) -> tuple[Any, int]:
    """A job that runs, and its process on the machine."""
    job = session.start_remote(script, target)
    until(lambda: job.children[0].net.Output.Count or job.finished)
    return job, int(job.receive()[0])


def above(pid: int) -> int:
    """The sshd process that a process on the machine belongs to."""
    while True:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        pid = int(fields[1])
        if b"sshd" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid


# ---- What comes across ----


def test_all_streams_come_in_theirs_with_where_they_are_from(session: Session, sshd: Sshd) -> None:
    target = sshd.target()
    job = session.start_remote(
        "1; Write-Error e; Write-Warning w; Write-Verbose v -Verbose; Write-Debug d -Debug; "
        "Write-Information i; Write-Progress p -PercentComplete 40; 'é 漢 😀'",
        target,
    )
    result = job.result(60)
    assert (result, result.origin) == ([1, "é 漢 😀"], target.location)
    for name, text in (("errors", "e"), ("warnings", "w"), ("verbose", "v"), ("debug", "d")):
        (record,) = getattr(result, name)
        assert (record.message.removeprefix(f"[{target.location}] "), record.origin) == (
            text,
            target.location,
        )
    (information,) = result.information
    assert (information.message, information.origin) == ("i", target.location)
    assert next(p.PercentComplete for p in job.children[0].net.Progress) == 40


def test_input_and_arguments_go_there_as_values(session: Session, sshd: Sshd) -> None:
    job = session.start_remote(
        "param($by) foreach ($n in $input) { $n * $by }; $args.Count",
        sshd.target(),
        *(10, "rest"),
        input=range(500),
    )
    assert job.result(60) == [*(10 * n for n in range(500)), 1]


def test_much_comes_and_goes_whole(session: Session, sshd: Sshd) -> None:
    with session.connect(sshd.target()) as web:
        first, second = web.run("[string]::new('y', 10MB); [string]::new('z', 10MB)")
        assert (first, second) == ("y" * 10 * 2**20, "z" * 10 * 2**20)
        assert len(web.run("1..5000")) == 5000
        assert web.run("$args[0].Length", "x" * 3_000_000) == [3_000_000]


def test_the_engines_own_cmdlets_work_with_its_session(session: Session, sshd: Sshd) -> None:
    with connected(session, sshd.target()) as (net,):
        secret = (
            "param($s) $x = ConvertTo-SecureString geheim -AsPlainText -Force\n"
            "Invoke-Command -Session $s { [Net.NetworkCredential]::new('', $using:x).Password }"
        )
        assert session.run(secret, s=net) == ["geheim"]
        (found,) = session.run("Get-PSSession | Where-Object Id -eq $args[0].Id", net)
        assert (found.Transport, found.ComputerName) == ("SSH", sshd.target().location)


@pytest.mark.parametrize("megabytes", [5])
def test_files_are_copied_both_ways(
    session: Session, sshd: Sshd, tmp_path: Path, megabytes: int
) -> None:
    here, there, back = (tmp_path / name for name in ("here", "there", "back"))
    here.write_bytes(os.urandom(megabytes * 2**20))
    with connected(session, sshd.target()) as (net,):
        copy = "param($s, $a, $b) Copy-Item $a -Destination $b"
        session.run(f"{copy} -ToSession $s", s=net, a=str(here), b=str(there))
        session.run(f"{copy} -FromSession $s", s=net, a=str(there), b=str(back))
    wanted = hashlib.sha256(here.read_bytes()).digest()
    assert hashlib.sha256(there.read_bytes()).digest() == wanted
    assert hashlib.sha256(back.read_bytes()).digest() == wanted


def test_one_job_over_three_sessions(session: Session, sshd: Sshd) -> None:
    with connected(session, *[sshd.target() for _ in range(3)]) as nets:
        (net,) = session.run(
            "param($s) $x = 7; $j = Invoke-Command -Session $s -AsJob "
            "{ $using:x; Write-Warning w; Write-Error e }; $null = Wait-Job $j; $j",
            s=nets,
        )
        job = JobHandle(net, session)
        result = job.receive()
        assert (result, job.state) == ([7, 7, 7], "Completed")
        assert (len(result.warnings), len(result.errors)) == (3, 3)
        assert {child.location for child in job.children} == {sshd.target().location}


def test_what_throws_has_failed_with_what_it_threw(session: Session, sshd: Sshd) -> None:
    job = session.start_remote("1; throw 'boom'", sshd.target())
    with pytest.raises(JobFailed, match="boom") as caught:
        job.result(60)
    assert caught.value.result == [1]
    assert (job.children[0].state, job.children[0].reason) == ("Failed", "boom")


def test_fifty_early_stops_are_stops(session: Session, sshd: Sshd) -> None:
    with session.connect(sshd.target()) as web:
        states = []
        for number in range(50):
            job = web.start("while ($true) { [Threading.Thread]::Sleep(20) }")
            time.sleep(number % 10 / 1000)  # a stop at each point of the beginning
            job.stop()
            states.append(job.state)
            job.remove()
        assert states == ["Stopped"] * 50
        assert web.run("'alive'") == ["alive"]


# ---- What is printed before the session is there ----


def test_what_a_login_script_prints_is_passed_over(session: Session, sshd: Sshd) -> None:
    job = session.start_remote("'through'", sshd.target(subsystem="noisy"))
    assert job.result(60) == ["through"]


# ---- What goes wrong ----


def failed(session: Session, target: Target, seconds: float = 20) -> str:
    """The reason of a job that has failed."""
    job = session.start_remote("1", target)
    began = time.monotonic()
    assert job.wait(60)
    assert (job.state, time.monotonic() - began < seconds) == ("Failed", True)
    reason = str(job.reason)
    assert reason.startswith(f"{target.location}: ")
    with pytest.raises(PowerShellError) as caught:
        session.connect(target)
    assert caught.value.error_id.startswith("PSSessionOpenFailed")
    job.remove()
    return reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"key": "other_key"}, ["Permission denied (publickey)", "key_file="]),
        (
            {"options": {"UserKnownHostsFile": "/dev/null"}},
            ["Host key verification failed", "UserKnownHostsFile"],
        ),
        ({"subsystem": "nothing"}, ["subsystem request failed", "Subsystem powershell"]),
        ({"subsystem": "missing"}, ["ended with 127", "'missing'", "`pwsh -sshs`"]),
        ({"subsystem": "wrong"}, ["ended with 3", "Welcome to the wrong program", "-sshs"]),
        ({"host": "no.such.host.invalid"}, ["Could not resolve hostname", "no such name"]),
        ({"options": {"Nonsense": "x"}}, ["Bad configuration option", "does not know"]),
        ({"config": "/nowhere/config"}, ["Can't open user config file /nowhere/config"]),
        ({"key_file": "/nowhere/key"}, ["there is no key file /nowhere/key"]),
        ({"executable": "/nowhere/ssh"}, ["/nowhere/ssh cannot be started", "OpenSSH client"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_the_reason_is_sshs_own_line_and_what_to_try(
    session: Session, sshd: Sshd, settings: dict[str, Any], words: list[str]
) -> None:
    if "key" in settings:
        settings = {"key_file": sshd.other_key}
    reason = failed(session, sshd.target(**settings))
    assert [word for word in words if word not in reason] == []


def test_a_closed_port_is_refused(session: Session, sshd: Sshd) -> None:
    from ssh_server import free_port

    port = free_port()
    reason = failed(session, sshd.target(port=port))
    assert f"connect to host localhost port {port}: Connection refused" in reason


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


def test_a_machine_that_is_silent_is_given_up_in_time(
    session: Session, sshd: Sshd, silent: int
) -> None:
    """By ssh's own timeout, which knows more, and by ours where ssh has got further than that."""
    reason = failed(session, sshd.target(port=silent, open_timeout=3), 6)
    assert "timed out" in reason
    assert "nothing answered" in reason
    reason = failed(session, sshd.target(subsystem="mute", open_timeout=2), 5)
    assert "no PowerShell session within 2 s (the open timeout)" in reason


def test_what_ssh_said_is_a_part_of_our_own_reason(session: Session, tmp_path: Path) -> None:
    program = fake_ssh(tmp_path, "echo is it you, jo? >&2; exec sleep 60")
    reason = failed(session, SSH("web1", executable=program, open_timeout=1))
    assert reason.endswith("; ssh said: is it you, jo?")


def test_what_it_says_cannot_play_with_a_terminal(session: Session, tmp_path: Path) -> None:
    program = fake_ssh(tmp_path, r"printf '\033[2J\007bad \377\r\nlast\n' >&2; exit 255")
    reason = failed(session, SSH("web1", executable=program))
    assert reason.isprintable()
    assert reason.endswith("ssh ended with 255; [2J bad \N{REPLACEMENT CHARACTER} / last")


def test_it_may_be_stopped_while_it_opens(session: Session, sshd: Sshd, silent: int) -> None:
    targets = [sshd.target(port=silent), sshd.target(subsystem="mute")]
    job = session.start_remote("1", targets)
    until(lambda: len(sshd.near_processes()) == 2)
    began = time.monotonic()
    job.stop()
    assert time.monotonic() - began < 2
    assert [job.state, *(child.state for child in job.children)] == ["Stopped"] * 3
    until(lambda: not sshd.near_processes())


KILLS: dict[str, Callable[[Sshd, int], None]] = {
    "pwsh": lambda sshd, far: os.kill(far, signal.SIGKILL),
    "sshd": lambda sshd, far: os.kill(above(far), signal.SIGKILL),
    "ssh": lambda sshd, far: os.kill(sshd.near_processes()[0], signal.SIGKILL),
}
REASONS = {
    "pwsh": "the connection was lost: ssh ended with 255",
    "sshd": "Connection to localhost closed by remote host.",
    "ssh": "the connection was lost: ssh was ended by signal 9 (SIGKILL)",
}


@pytest.mark.parametrize("killed", KILLS)
def test_a_job_whose_end_was_not_seen_has_failed(session: Session, sshd: Sshd, killed: str) -> None:
    job, far = started(session, sshd.target())
    KILLS[killed](sshd, far)
    assert job.wait(5)
    assert job.state == "Failed"
    assert REASONS[killed] in str(job.reason)
    until(lambda: not (sshd.near_processes() or sshd.far_processes()), 10)


@pytest.mark.parametrize("killed", KILLS)
def test_a_kept_session_that_is_lost_says_so(session: Session, sshd: Sshd, killed: str) -> None:
    with session.connect(sshd.target()) as web:
        (far,) = web.run("$PID")
        KILLS[killed](sshd, far)
        until(lambda: "broken" in repr(web))
        for call in (web.run, web.start):
            with pytest.raises(SessionClosedError) as caught:
                call("1")
            assert REASONS[killed] in str(caught.value)
    with session.connect(sshd.target()) as web:
        (far,) = web.run("$PID")
        timer = threading.Timer(0.3, KILLS[killed], [sshd, far])
        timer.start()
        with pytest.raises(PowerShellError) as failed:
            web.run(LOOP)
        assert REASONS[killed] in str(failed.value)
        timer.join()


@contextmanager
def deaf(sshd: Sshd, far: int) -> Iterator[None]:
    """A machine that takes and gives nothing any more, as behind a cut line."""
    process = above(far)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_dead_line_is_noticed(session: Session, sshd: Sshd) -> None:
    target = sshd.target(options={"ServerAliveInterval": 1, "ServerAliveCountMax": 2})
    job, far = started(session, target)
    with deaf(sshd, far):
        assert job.wait(10)
    assert job.state == "Failed"
    assert "Timeout, server localhost not responding" in str(job.reason)


def test_a_deaf_machine_holds_up_no_stop_and_no_close(session: Session, sshd: Sshd) -> None:
    def quickly(call: Callable[[], object]) -> None:
        began = time.monotonic()
        call()
        assert time.monotonic() - began < 2

    web = session.connect(sshd.target())
    (far,) = web.run("$PID")
    job = web.start(LOOP)
    until(lambda: job.children[0].net.Output.Count)
    with deaf(sshd, far):
        quickly(job.stop)
        assert job.state == "Stopped"
        late = web.start("1")
        quickly(late.stop)
        assert late.state == "Stopped"
        quickly(web.close)
        until(lambda: not sshd.near_processes(), 5)
    job, far = started(session, sshd.target())
    with deaf(sshd, far):
        quickly(job.stop)
        assert job.state == "Stopped"
        until(lambda: not sshd.near_processes(), 5)
    until(lambda: not sshd.far_processes())


def test_a_machine_that_was_deaf_for_a_while_is_used_again(session: Session, sshd: Sshd) -> None:
    """What it answers late is not taken for an answer to something else."""
    with session.connect(sshd.target()) as web:
        (far,) = web.run("$PID")
        for _ in range(3):
            job = web.start(LOOP)
            until(lambda: job.children[0].net.Output.Count)  # noqa: B023
            with deaf(sshd, far):
                job.stop()
            assert (job.state, web.run("$PID")) == ("Stopped", [far])


# ---- What ssh is started with ----


def fake_ssh(folder: Path, text: str) -> Path:
    """A program that is started in ssh's place."""
    path = folder / "ssh"
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_ssh_has_no_terminal_and_no_descriptor_of_ours(session: Session, tmp_path: Path) -> None:
    program = fake_ssh(
        tmp_path,
        f"exec 2>{tmp_path}/seen; echo $(ls /proc/$$/fd) >&2; ps -o sid= -p $$ >&2; echo $$ >&2; "
        "(echo x >/dev/tty) 2>/dev/null && echo tty >&2; exit 255",
    )
    opened = os.pipe()
    os.set_inheritable(opened[1], True)
    failed(session, SSH("web1", executable=program))
    for end in opened:
        os.close(end)
    descriptors, own_session, pid, *rest = (tmp_path / "seen").read_text("utf-8").split("\n")
    assert {int(number) for number in descriptors.split()} <= {0, 1, 2, 3, 10}
    assert (own_session.strip(), rest) == (pid, [""])


def test_its_name_on_path_is_looked_for_in_powershells_path(
    session: Session, tmp_path: Path
) -> None:
    fake_ssh(tmp_path, "echo mine >&2; exit 255")
    session.run('$old = $env:PATH; $env:PATH = "$($args[0]):$old"', str(tmp_path))
    try:
        assert failed(session, SSH("web1")).endswith("; mine")
    finally:
        session.run("$env:PATH = $old")


def test_what_ssh_has_started_ends_with_it(session: Session, tmp_path: Path) -> None:
    """A jump host's ssh, a ProxyCommand: they are in its process group."""
    program = fake_ssh(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; exec sleep 600")
    job = session.start_remote("1", SSH("web1", executable=program))
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    child = int((tmp_path / "child").read_text())
    job.stop()
    until(lambda: not alive(child))
    program = fake_ssh(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; exit 255")
    (tmp_path / "child").unlink()
    failed(session, SSH("web1", executable=program))
    child = int((tmp_path / "child").read_text())
    until(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False


# ---- Nothing is left ----


def files_of(pid: int) -> set[str]:
    """The pipes that a process has."""
    links = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            links.add(str(descriptor.readlink()))
    return {link for link in links if link.startswith("pipe:")}


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_threads_descriptors_and_processes_are_gone_when_a_job_is(
    session: Session, sshd: Sshd
) -> None:
    def ours() -> list[str]:
        return [thread.name for thread in threading.enumerate() if "ssh " in thread.name]

    target = sshd.target()
    session.start_remote("1", [target, target]).result(60)
    until(lambda: not ours())
    before = open_files()
    job = session.start_remote(LOOP, [target, target, sshd.target(port=1)])
    until(lambda: all(c.net.Output.Count or c.finished for c in job.children))
    until(lambda: len(ours()) == 6)
    assert open_files() <= before + 6 + 4
    job.stop()
    until(lambda: not ours())
    until(lambda: not (sshd.near_processes() or sshd.far_processes()))
    assert open_files() <= before + 4  # .NET opens and closes some of its own


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_a_forked_child_does_not_hold_the_far_side(session: Session, sshd: Sshd) -> None:
    with session.connect(sshd.target()) as web:
        (far,) = web.run("$PID")
        child = os.fork()
        if not child:
            while True:
                time.sleep(60)
        try:
            (ssh,) = sshd.near_processes()
            until(lambda: not files_of(child) & files_of(ssh))
            assert files_of(os.getpid()) & files_of(ssh)
            web.close()
            until(lambda: not alive(far), 5)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

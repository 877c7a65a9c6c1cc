"""`watch`: what a terminal shows in the end, lines elsewhere, Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import signal
import struct
import sys
import termios
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest
from conditions import IMPORT, until
from rich.console import Console
from six_kinds import KINDS, start

from psbridge import DeclarationError, FunctionJob, Job, JobGroup, JobHandle, Session, watch
from psbridge.jobs.looking import duration, one_line
from psbridge.jobs.watched_picture import WatchedJobs
from tests.conftest import RunPython
from tests.session.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")


class Screen:
    """Standard output that is a terminal, and what is to be seen there."""

    def __init__(self, columns: int, lines: int, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.out = open(slave, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The lines to be seen, without those at the end that are empty."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    @property
    def cursor_is_there(self) -> bool:
        return not self._screen.cursor.hidden

    def use(self) -> None:
        """Be standard output; pytest has its own in the place of it when a test begins."""
        self._patch.setattr("sys.stdout", self.out)

    def close(self) -> None:
        self.out.close()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(self._master, 65536):
                self.written += data
                self._stream.feed(data)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    columns, lines = 80, 12
    made = Screen(columns, lines, monkeypatch)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    # pytest's own standard streams are no terminal, from which rich would know it.
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    yield made
    made.close()


def watching(*arguments: Any, **named: Any) -> tuple[threading.Thread, list[bool]]:
    """Watch on a thread; the list gets what that gives."""
    given: list[bool] = []
    thread = threading.Thread(target=lambda: given.append(watch(*arguments, **named)))
    thread.start()
    return thread, given


# ---- Every kind of job ----


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_terminal(
    kind: str, shell: Session, tmp_path: Path, request: pytest.FixtureRequest, screen: Screen
) -> None:
    started = start(kind, shell, tmp_path, lambda: request.getfixturevalue("machine"))
    job, several = started.job, started.children > 1
    screen.use()
    thread, given = watching(job, refresh=0.02)
    said = "2 Running" if several else "two"
    until(lambda: "Running" in screen.lines[0] and said in screen.lines[0])
    if several:
        until(lambda: len(screen.lines) == 3)
        assert re.match(rf"{job.name} +Running +━+ +0/2 2 Running +\d:\d\d$", screen.lines[0])
        assert all(re.match(r"  \S+ +Running +━+ +40% two", line) for line in screen.lines[1:])
    elif started.percent is None:
        assert re.match(rf"{job.name} +Running +two +\d:\d\d$", screen.lines[0])
    else:
        assert re.match(rf"{job.name} +Running ━+ +40% two +\d:\d\d$", screen.lines[0])
    assert not screen.cursor_is_there
    started.let_go()
    thread.join(30)
    assert given == [started.end == "Completed"]
    until(lambda: screen.cursor_is_there)
    (last,) = screen.lines
    figure = "" if started.end == "Stopped" else r"━+ +(2/2|100%) "
    words = "2 Completed" if several else "two"
    assert re.match(rf"{job.name} +{started.end} +{figure}{words} +\d:\d\d$", last)
    # Nothing was taken.
    assert len(job.receive()) == 2 * max(1, started.children)


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_pipe(
    kind: str,
    shell: Session,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = start(kind, shell, tmp_path, lambda: request.getfixturevalue("machine"))
    read, write = os.pipe()
    with open(write, "w", encoding="utf-8") as out, open(read, encoding="utf-8") as pipe:  # noqa: PTH123
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setenv("FORCE_COLOR", "1")  # which makes no terminal of a pipe
        thread, given = watching(started.job, refresh=0.01)
        first = pipe.readline()
        started.let_go()
        thread.join(30)
        out.close()
        rest = pipe.read().splitlines()
    name = re.escape(started.job.name)
    assert given == [started.end == "Completed"]
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {name} Running\n", first)
    # A state in between may be seen, as of a job that stops; none is said twice.
    assert len({line.split()[2] for line in rest}) == len(rest)
    counts = r" \(2 Completed\)" if started.children > 1 else ""
    assert re.match(rf"\d\d:\d\d:\d\d {name} {started.end}{counts}", rest[-1])
    assert len(started.job.receive()) == 2 * max(1, started.children)


# ---- What is shown ----


class Held(Job):
    """Writes a line, and ends when it is let go."""

    go = threading.Event()

    def __init__(self, name: str, line: object = "", *, fails: str | None = None) -> None:
        super().__init__(name=name)
        self._line = line
        self._fails = fails

    def run(self) -> Iterator[object]:
        yield self._line
        if self._fails is not None:
            raise ValueError(self._fails)
        until(lambda: self.go.is_set() or self.stopping, 120)


@pytest.fixture(autouse=True)
def _holds() -> None:
    Held.go = threading.Event()


def picture(jobs: list[JobHandle], columns: int = 80, lines: int = 24, **named: Any) -> list[str]:
    """The lines of one look."""
    out = io.StringIO()
    console = Console(file=out, width=columns, height=lines, force_terminal=True, **named)
    watched = WatchedJobs(console)
    watched.look(jobs)
    console.print(watched.drawn())
    return out.getvalue().splitlines()


def plain(lines: list[str]) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


NASTY = {
    "escape codes": ("\x1b[31mred\x1b[2J\x1b]0;title\x07\x1bcend", "redend"),
    "eight bits": ("a\x9b31mb\x9d0;title\x9cc", "abc"),
    "controls": ("a\x0bb\x08c\0d\x7fe", "a b c d e"),
    "direction": ("a\u202eb\u2066c", "a b c"),
    "half a pair": ("a\ud800b", "a\ufffdb"),
    "markup": ("[red]a[/red] :smile:", "[red]a[/red] :smile:"),
    "the beginning of a sequence": ("a\x1b[3", "a3"),
}


@pytest.mark.parametrize(("text", "shown"), NASTY.values(), ids=NASTY)
def test_no_text_does_anything_to_a_terminal(shell: Session, text: str, shown: str) -> None:
    assert one_line(text) == shown
    job = shell.start(Held(text, text))
    until(lambda: "Running" in picture([job])[0] and plain(picture([job]))[0].count(shown) == 2)
    (line,) = picture([job], color_system=None)
    assert "\x1b" not in line
    Held.go.set()
    out = io.StringIO()
    assert watch(job, console=Console(file=out))
    assert set(re.findall(r"[\x00-\x1f\x7f-\x9f\u202e\u2066]", out.getvalue())) == {"\n"}


def test_only_the_last_line_is_shown_and_only_what_there_is_room_for(shell: Session) -> None:
    from rich.cells import cell_len

    jobs = [
        shell.start(Held("lines", "first\nlast\n\n")),
        shell.start(Held("日本" * 30, "語" * 5_000_000)),
        shell.start(Held("table", {"a": 1, "b": "two"})),
    ]
    until(lambda: "a=1; b=two" in "".join(picture(jobs)))
    for columns in (1, 5, 20, 39, 59, 80, 200):
        lines = plain(picture(jobs, columns))
        assert len(lines) == 3
        assert all(cell_len(line) < max(2, columns) for line in lines)
    lines = plain(picture(jobs))
    assert re.search(r" last +\d:\d\d$", lines[0])
    assert re.match("(日本)+日?… ", lines[1])
    assert re.search(r"語+… +\d:\d\d$", lines[1])
    began = time.monotonic()
    for _ in range(20):
        picture(jobs)
    assert (time.monotonic() - began) / 20 < 0.1  # the megabytes are not gone through


def test_a_group_shows_its_failed_and_running_children_and_folds(shell: Session) -> None:
    children = [Held(f"child {n}", n, fails="why" if n in (3, 13) else None) for n in range(30)]
    group = shell.start(JobGroup(children, name="group", throttle_limit=20))
    until(lambda: [c.state for c in group.children].count("Failed") == 2)
    until(lambda: [c.state for c in group.children].count("Running") == 20)
    lines = plain(picture([group]))
    assert re.match("group +Running .* 2/30 8 NotStarted, 20 Running, 2 Failed", lines[0])
    names = [line.partition("Failed")[0].strip() for line in lines[1:3]]
    assert names == ["child 3", "child 13"]
    assert all("Failed" in line and "ValueError: why" in line for line in lines[1:3])
    assert all("Running" in line for line in lines[3:10])
    assert lines[10:] == ["  and 13 more"]
    # What there is no room for is not there.
    _, failed, more = plain(picture([group], lines=4))
    assert failed.split()[:3] == ["child", "3", "Failed"]
    assert more == "  and 21 more"
    assert len(picture([group], lines=2)) == 1
    Held.go.set()
    assert group.wait(60)
    lines = plain(picture([group]))
    assert len(lines) == 3
    assert re.match("group +Failed .* 30/30", lines[0])


def test_many_jobs_fit_those_first_that_are_worth_a_look(shell: Session) -> None:
    done = [shell.start(FunctionJob(int)) for _ in range(20)]
    assert all(job.wait(60) for job in done)
    failed = shell.start(Held("bad", fails="why"))
    assert failed.wait(60)
    running = shell.start(Held("at work"))
    until(lambda: running.children[0].state == "Running")
    lines = plain(picture([*done, failed, running], lines=6))
    assert [line.split()[0] for line in lines] == [done[0].name, done[1].name, "bad", "at", "and"]
    assert lines[-1] == "and 18 more: 18 Completed"
    assert len(picture([*done, failed, running], lines=24)) == 22


def test_colours_are_styles_and_can_be_none(shell: Session) -> None:
    job = shell.start(FunctionJob(int))
    assert job.wait(30)
    assert "\x1b[32mCompleted" in picture([job], color_system="standard")[0]
    assert "\x1b" not in picture([job], color_system=None)[0]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_output_does_not_have(shell: Session, encoding: str) -> None:
    Held.go.set()
    job = shell.start(Held("日本", "written 語" * 20))
    assert job.wait(30)
    for terminal in (True, False):
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding, newline="\n")
        assert watch(job, console=Console(file=out, force_terminal=terminal, width=80))
        out.flush()
        text = raw.getvalue().decode(encoding)
        assert "?? " in text
        assert ("#" in text) is terminal


def test_a_plain_line_for_each_failed_child_and_none_twice(shell: Session) -> None:
    children = [Held(f"child {n}", fails="why\nso" if n % 2 else None) for n in range(4)]
    out = io.StringIO()
    group = shell.start(JobGroup(children, name="group"))
    thread, given = watching([group, group], console=Console(file=out), refresh=0.01)
    until(lambda: out.getvalue().count("child") == 2)
    Held.go.set()
    thread.join(30)
    assert given == [False]
    lines = sorted(line.split(" ", 1)[1] for line in out.getvalue().splitlines())
    reason = "ValueError: why so"
    assert [line for line in lines if "NotStarted" not in line] == [
        f"group Failed (2 Completed, 2 Failed) {reason}",
        "group Running",
        f"group/child 1 Failed {reason}",
        f"group/child 3 Failed {reason}",
    ]


def test_what_is_printed_meanwhile_goes_above(shell: Session, screen: Screen) -> None:
    job = shell.start(Held("held", "line"))
    screen.use()
    thread, _ = watching(job, refresh=0.02)
    until(lambda: screen.lines[0].startswith("held"))
    print("printed")
    until(lambda: screen.lines[0] == "printed" and screen.lines[1].startswith("held"))
    Held.go.set()
    thread.join(30)
    until(lambda: "Completed" in screen.lines[1])
    assert len(screen.lines) == 2


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours_or_without_anything(
    shell: Session, screen: Screen, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    Held.go.set()
    job = shell.start(Held("held"))
    assert job.wait(30)
    screen.use()
    assert watch(job)
    until(lambda: "Completed" in screen.lines[0])
    assert not re.search(rb"\x1b\[[0-9;]*m", screen.written)
    if name == "TERM":
        assert b"\x1b" not in screen.written
        assert screen.lines[0].endswith("held Completed")


def test_no_standard_output_is_nothing_to_fail_at(
    shell: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shell.start(int)
    monkeypatch.setattr("sys.stdout", None)
    assert watch(job)


# ---- Which jobs, and how long ----


def test_all_jobs_of_a_session_and_none(shell: Session) -> None:
    console = Console(file=io.StringIO())
    assert watch(shell.jobs, console=console)
    assert watch([], console=console)
    shell.start(int)
    failing = shell.start(Held("bad", fails="why"))
    assert failing.wait(30)
    assert not watch(shell.jobs, console=console)


def test_what_jobs_ask_is_answered_meanwhile() -> None:
    with Session(answers=["one", "two"]) as shell:
        asking = shell.start_job("Read-Host first; Read-Host second")
        others = shell.start_jobs(["Read-Host third", "1"])
        quiet = Console(file=io.StringIO())
        assert watch([asking], console=quiet)
        assert asking.result() == ["one", "two"]
        assert not watch([others, asking], console=quiet)  # no answer is left
        assert [child.state for child in others.children] == ["Failed", "Completed"]


def test_a_removed_job_is_no_job_to_wait_for(shell: Session) -> None:
    console = Console(file=io.StringIO())
    job = shell.start(Held("held"))
    thread, given = watching(job, console=console, refresh=0.02)
    until(lambda: "Running" in console.file.getvalue())  # type: ignore[attr-defined]
    job.remove(force=True)
    thread.join(30)
    assert given == [False]
    assert not watch(job, console=console)


@pytest.mark.parametrize("jobs", [None, 1, "job", [1], b"x"])
def test_what_is_no_job_is_refused(jobs: Any) -> None:
    with pytest.raises(DeclarationError, match="watch takes handles"):
        watch(jobs)


def test_what_is_no_time_or_console_is_refused(shell: Session) -> None:
    with pytest.raises(ValueError, match="refresh is 0"):
        watch(shell.jobs, refresh=0)
    with pytest.raises(DeclarationError, match="refresh"):
        watch(shell.jobs, refresh="1")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="console"):
        watch(shell.jobs, console=sys.stdout)  # type: ignore[arg-type]


def test_it_returns_when_the_last_one_ends_and_not_at_the_next_look(shell: Session) -> None:
    job = shell.start(Held("held"))
    console = Console(file=io.StringIO())
    thread, given = watching(job, console=console, refresh=60)
    until(lambda: console.file.getvalue())  # type: ignore[attr-defined]
    Held.go.set()
    thread.join(20)
    assert given == [True]


def test_times_are_as_clocks_show_them() -> None:
    assert [duration(n) for n in (-1, 0.9, 7, 750, 10_800)] == [
        "0:00", "0:00", "0:07", "12:30", "3:00:00",
    ]  # fmt: skip


# ---- Ctrl-C ----

PROGRAM = IMPORT + textwrap.dedent(
    """
    import time
    from pathlib import Path
    from psbridge import Session, Job, watch
    class Held(Job):
        def run(self):
            yield "at work"
            until(lambda: self.stopping, 60)
    shell = Session()
    job = shell.start(Held(name="held"))
    try:
        watch(job{arguments})
    except KeyboardInterrupt:
        took = time.time() - float(Path({sent!r}).read_text())
        print("state", job.state, "quick" if took < 0.2 else took)
    shell.close()
    """
)


def interrupt(process: Any, sent: Path) -> None:
    sent.write_text(str(time.time()))
    os.kill(process.pid, signal.SIGINT)


@pytest.mark.parametrize("arguments", ["", ", refresh=30"])
def test_ctrl_c_puts_the_terminal_in_order_and_leaves_the_job_alone(
    arguments: str, tmp_path: Path, engine_home: Path
) -> None:
    sent = tmp_path / "sent"
    terminal = Terminal(
        PROGRAM.format(arguments=arguments, sent=str(sent)), PSBRIDGE_PSHOME=str(engine_home)
    )
    terminal.wait_for("held")
    terminal.wait_for("Running")
    interrupt(terminal.process, sent)
    code, shown = terminal.end()
    assert code == 0
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(shown.replace("\n", "\r\n"))
    lines = [line.rstrip() for line in screen.display]
    assert re.match("held +Running", lines[0])
    assert lines[1] == "state Running quick"
    assert not screen.cursor.hidden


def test_ctrl_c_in_a_pipe(tmp_path: Path, engine_home: Path) -> None:
    import subprocess

    sent = tmp_path / "sent"
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(arguments="", sent=str(sent))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PSBRIDGE_PSHOME": str(engine_home)},
    )
    assert program.stdout is not None
    assert program.stdout.readline().endswith("held Running\n")
    interrupt(program, sent)
    out, _ = program.communicate(timeout=60)
    assert (program.returncode, out) == (0, "state Running quick\n")


def test_a_job_that_asks_the_session_that_watches_it_is_told_so(shell: Session) -> None:
    """Else neither would ever end."""
    console = Console(file=io.StringIO())
    go = threading.Event()

    def asks() -> list[Any]:
        until(go.is_set)
        return shell.run("1")

    job = shell.start(asks)

    def watches() -> bool:
        go.set()
        return watch(job, console=console)

    shell.functions["Watch-It"] = watches
    assert shell.run("Watch-It") == [False]
    assert "neither would ever end" in (job.reason or "")


def test_watching_loads_rich_only_then(run_python: RunPython) -> None:
    code = """
import sys
from psbridge import Session, watch, timeline
print("rich" in sys.modules)
with Session() as shell:
    watch(shell.start(int))
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("False\n")
    assert done.stdout.endswith("Completed\n")

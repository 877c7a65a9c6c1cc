"""What a block of code prints, warns of and logs goes to its writer, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import io
import itertools
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from psbridge import Job, Session, StopRequested
from psbridge.jobs.capture import LoggedError, capturing

if TYPE_CHECKING:
    from ..conftest import RunPython


class Recorder:
    """A writer that keeps what it is given, and can be told to refuse it."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, ...]] = []
        self.error: BaseException | None = None
        self.also: Callable[[], object] = lambda: None

    def write_information(self, message: object, *, tags: Iterable[str] = ()) -> None:
        self._take("information", message, *tags)

    def write_warning(self, text: str) -> None:
        self._take("warning", text)

    def write_debug(self, text: str) -> None:
        self._take("debug", text)

    def write_error(self, error: BaseException | str, *, error_id: str | None = None) -> None:
        self._take("error", error, error_id)

    def _take(self, *what: Any) -> None:
        self.also()
        if self.error is not None:
            raise self.error
        self.got.append(what)

    @property
    def lines(self) -> list[Any]:
        return [text for kind, text, *tags in self.got if tags == ["stdout"]]

    @property
    def error_lines(self) -> list[Any]:
        return [text for kind, text, *tags in self.got if tags == ["stderr"]]


@pytest.fixture
def writer() -> Recorder:
    return Recorder()


@pytest.fixture
def console() -> io.StringIO:
    """The process's standard output and errors in a test that is `alone`."""
    return io.StringIO()


@pytest.fixture
def log(request: pytest.FixtureRequest) -> logging.Logger:
    """A logger that lets everything through."""
    logger = logging.getLogger(f"tests.{request.node.name}")
    logger.setLevel(1)
    return logger


@pytest.fixture
def warned() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings that are not captured; Python's filters let all through."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def alone(test: Callable[..., None]) -> Callable[..., None]:
    """Take pytest's streams and handlers away while a test runs, and see that it leaves nothing."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        console = given.get("console", io.StringIO())
        with (
            contextlib.redirect_stdout(console),
            contextlib.redirect_stderr(console),
            pytest.MonkeyPatch.context() as monkeypatch,
        ):
            monkeypatch.setattr(logging.root, "handlers", [])
            found = places()
            test(**given)
            assert places() == found

    return run


def places() -> tuple[object, ...]:
    return sys.stdout, sys.stderr, warnings.showwarning, logging.Logger.callHandlers


def elsewhere(function: Callable[..., object], *arguments: Any) -> None:
    """Call a function on a thread that has nothing to do with this one."""
    thread = threading.Thread(target=contextvars.Context().run, args=(function, *arguments))
    thread.start()
    thread.join()


# What is printed.


@alone
def test_each_line_that_is_printed_is_information(writer: Recorder, console: io.StringIO) -> None:
    with capturing(writer):
        print("one", 2)
        print("three\n\nfour")
        print("bad", file=sys.stderr)
    print("afterwards")
    assert writer.got == [
        ("information", "one 2", "stdout"),
        ("information", "three", "stdout"),
        ("information", "", "stdout"),
        ("information", "four", "stdout"),
        ("information", "bad", "stderr"),
    ]
    assert console.getvalue() == "afterwards\n"


@alone
def test_a_line_is_written_when_it_ends(writer: Recorder) -> None:
    with capturing(writer):
        print("a", end="")
        print("x", end="", file=sys.stderr)
        print("b", end="", flush=True)
        assert writer.got == []
        print("c\nd", end="")
        assert writer.lines == ["abc"]
    assert writer.lines == ["abc", "d"]
    assert writer.error_lines == ["x"]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\r\nb\r\n"], ["a", "b"]),
        (["a\r", "\nb"], ["a", "b"]),
        (["10%\r", "20%\r", "done\n"], ["10%", "20%", "done"]),
        (["a\r"], ["a"]),
        (["", "\n", ""], [""]),
        ([""], []),
        (["\x0b\x0c\x1c\x85\u2028"], ["\x0b\x0c\x1c\x85\u2028"]),
        (["a\ud800"], ["a\ud800"]),
    ],
)
@alone
def test_where_lines_end(pieces: list[str], lines: list[str], writer: Recorder) -> None:
    with capturing(writer):
        sys.stdout.writelines(pieces)
    assert writer.lines == lines


@alone
def test_write_tells_how_much_and_takes_text_only(writer: Recorder, console: io.StringIO) -> None:
    with capturing(writer):
        assert sys.stdout.write("a\r\nbc") == 5
        with pytest.raises(TypeError, match="must be str, not bytes"):
            sys.stdout.write(b"a")  # type: ignore[arg-type]
    assert console.getvalue() == ""


@alone
def test_all_else_is_the_streams_own(writer: Recorder, tmp_path: Path) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    terminal = Terminal((tmp_path / "tty").open("wb"), encoding="ascii")
    seen = []
    with contextlib.redirect_stdout(terminal), capturing(writer):
        assert sys.stdout.encoding == "ascii"
        assert sys.stdout.fileno() == terminal.fileno()
        assert sys.stdout.buffer is terminal.buffer
        assert not sys.stdout.isatty()
        elsewhere(lambda: seen.append(sys.stdout.isatty()))
        assert not hasattr(sys.stdout, "nothing")
        terminal.write("x")
        sys.stdout.flush()
        assert (tmp_path / "tty").read_bytes() == b"x"
        with sys.stdout as stream:
            print("last", file=stream)
    assert seen == [True]
    assert terminal.closed
    assert writer.lines == ["last"]


@alone
def test_a_process_without_a_console(writer: Recorder) -> None:
    with contextlib.redirect_stdout(None):
        with capturing(writer):
            print("captured", flush=True)
            elsewhere(lambda: print("lost", flush=True))
            assert not sys.stdout.isatty()
        assert sys.stdout is None
    assert writer.lines == ["captured"]


# What is warned of.


@alone
def test_a_warning_is_a_warning(
    writer: Recorder, warned: list[warnings.WarningMessage], console: io.StringIO
) -> None:
    with capturing(writer):
        warnings.warn_explicit("old", DeprecationWarning, "/some/where.py", 12)
        warnings.warn("here", stacklevel=1)
        warnings.simplefilter("ignore")
        warnings.warn("not let through", stacklevel=1)
    (first, second) = writer.got
    assert first == ("warning", "DeprecationWarning: old (where.py:12)")
    assert second[1].startswith("UserWarning: here (test_capture.py:")
    assert warned == []
    assert console.getvalue() == ""


@alone
def test_a_warning_for_a_file_goes_there(
    writer: Recorder, warned: list[warnings.WarningMessage]
) -> None:
    stream = io.StringIO()
    with capturing(writer):
        warnings.showwarning("text", UserWarning, "x.py", 1, stream)
    assert [each.file for each in warned] == [stream]
    assert writer.got == []


@alone
def test_warnings_that_the_code_records_itself_are_its_own(
    writer: Recorder, warned: list[warnings.WarningMessage]
) -> None:
    with capturing(writer):
        with warnings.catch_warnings(record=True) as own:
            warnings.warn("mine", stacklevel=1)
            with capturing(other := Recorder()):
                warnings.warn("theirs", stacklevel=1)
            warnings.warn("mine too", stacklevel=1)
        warnings.warn("captured", stacklevel=1)
    assert [str(each.message) for each in own] == ["mine", "mine too"]
    assert [text[:19] for _, text in writer.got] == ["UserWarning: captur"]
    assert [text[:19] for _, text in other.got] == ["UserWarning: theirs"]
    assert warned == []


@alone
def test_warnings_that_go_to_logging_are_captured_once(
    writer: Recorder, warned: list[warnings.WarningMessage], log: logging.Logger
) -> None:
    logging.captureWarnings(True)
    try:
        with capturing(writer):
            warnings.warn("one", stacklevel=1)
    finally:
        logging.captureWarnings(False)
    with capturing(writer):
        logging.captureWarnings(True)
        try:
            warnings.warn("two", stacklevel=1)
        finally:
            logging.captureWarnings(False)
    one, two = writer.got
    assert one[1].startswith("UserWarning: one (test_capture.py:")
    assert two[0] == "warning"
    assert "UserWarning: two" in two[1]


# What is logged.


@alone
def test_a_record_goes_by_its_level(
    writer: Recorder, log: logging.Logger, console: io.StringIO
) -> None:
    with capturing(writer):
        log.critical("%d is critical", 50)
        log.error("error")
        log.warning("warning")
        log.log(25, "notice")
        log.info("info")
        log.debug("debug")
        log.setLevel(logging.WARNING)
        log.info("not let through")
    assert writer.got == [
        ("error", "50 is critical", log.name),
        ("error", "error", log.name),
        ("warning", "warning"),
        ("information", "notice", "Level 25", log.name),
        ("information", "info", "INFO", log.name),
        ("debug", "debug"),
    ]
    assert console.getvalue() == ""


@alone
def test_an_error_that_is_logged_with_an_exception(writer: Recorder, log: logging.Logger) -> None:
    cause = KeyError("k")
    with capturing(writer):
        try:
            raise cause
        except KeyError:
            log.exception("could not find %s", "it")
            log.exception(cause)
            log.warning("no matter", exc_info=True)
        log.error("none", exc_info=True)
        log.error("without text", exc_info=ValueError())
    (_, first, name), (_, second, _), (_, third), (_, fourth, _), (_, fifth, _) = writer.got
    assert isinstance(first, LoggedError)
    assert (type(first).__name__, str(first)) == ("KeyError", "could not find it: 'k'")
    assert (first.__cause__, name) == (cause, log.name)
    assert second is cause
    assert third.startswith("no matter\nTraceback (most recent call last):\n")
    assert third.endswith("KeyError: 'k'")
    assert fourth.startswith("none")
    assert (type(fifth).__name__, str(fifth)) == ("ValueError", "without text")


@alone
def test_the_handlers_get_it_too_and_what_they_print_is_not_captured(
    writer: Recorder, log: logging.Logger, console: io.StringIO
) -> None:
    own = logging.StreamHandler(kept := io.StringIO())
    log.addHandler(own)
    with capturing(writer):
        log.addHandler(late := logging.StreamHandler())  # on the captured stderr
        log.info("x")
    late.setFormatter(logging.Formatter("afterwards %(message)s"))
    log.info("y")
    log.removeHandler(own)
    log.removeHandler(late)
    assert kept.getvalue() == "x\ny\n"
    assert console.getvalue() == "x\nafterwards y\n"
    assert writer.got == [("information", "x", "INFO", log.name)]


@alone
def test_the_record_is_not_changed(writer: Recorder, log: logging.Logger) -> None:
    record = log.makeRecord(log.name, logging.WARNING, "f.py", 1, "%s", ("a",), (None, None, None))
    before = dict(vars(record))
    with capturing(writer):
        log.handle(record)
    assert vars(record) == before


@alone
def test_logging_is_the_process_s_own_while_something_is_captured(
    writer: Recorder, log: logging.Logger, console: io.StringIO
) -> None:
    with capturing(writer):
        assert not log.hasHandlers()
        elsewhere(log.warning, "to the last resort")
        elsewhere(logging.basicConfig)
        elsewhere(log.warning, "to the handler")
        log.warning("captured")
    [handler] = logging.root.handlers
    handler.close()
    assert console.getvalue().splitlines() == [
        "to the last resort",
        f"WARNING:{log.name}:to the handler",
        f"WARNING:{log.name}:captured",
    ]
    assert writer.got == [("warning", "captured")]


@alone
def test_a_logger_that_does_not_propagate_is_not_captured(
    writer: Recorder, log: logging.Logger
) -> None:
    log.propagate = False
    log.addHandler(handler := logging.StreamHandler(kept := io.StringIO()))
    with capturing(writer):
        log.getChild("below").error("private")
    log.removeHandler(handler)
    log.propagate = True
    assert kept.getvalue() == "private\n"
    assert writer.got == []


@alone
def test_a_record_that_cannot_be_formatted_is_reported_as_ever(
    writer: Recorder, log: logging.Logger, console: io.StringIO
) -> None:
    with capturing(writer):
        log.error("%d", "no number")
    assert writer.error_lines[0] == "--- Logging error ---"
    assert "Arguments: ('no number',)" in writer.error_lines
    assert console.getvalue() == ""


@alone
def test_it_is_captured_once_where_another_stands_between_two_dispatchers(
    writer: Recorder, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    with capturing(writer):
        below = logging.Logger.callHandlers

        def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
            seen.append(record.msg)
            below(self, record)

        logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
        log.info("a")
    try:
        log.addHandler(handler := logging.NullHandler())
        log.info("b")
        with capturing(writer):
            log.info("c")
        assert logging.Logger.callHandlers is call_handlers
    finally:
        log.removeHandler(handler)
        logging.Logger.callHandlers = below  # type: ignore[method-assign]
    log.info("this takes ours away")
    assert seen == ["a", "b", "c"]
    assert [text for _, text, *_ in writer.got] == ["a", "c"]


# The writer.


SAYING: list[Callable[[logging.Logger], object]] = [
    lambda log: print("x"),
    lambda log: warnings.warn("x", stacklevel=1),
    lambda log: log.error("x"),
    lambda log: log.warning("x"),
    lambda log: log.info("x"),
    lambda log: log.debug("x"),
]


@pytest.mark.parametrize("say", SAYING)
@pytest.mark.parametrize("error", [StopRequested, OSError])
@alone
def test_what_the_writer_raises_reaches_the_code(
    say: Callable[[logging.Logger], object],
    error: type[BaseException],
    writer: Recorder,
    log: logging.Logger,
    warned: object,
) -> None:
    log.addHandler(handler := logging.StreamHandler(kept := io.StringIO()))
    writer.error = error()
    with capturing(writer), pytest.raises(error):
        say(log)
    log.removeHandler(handler)
    assert writer.got == []
    assert kept.getvalue() in ("", "x\n")


@pytest.mark.parametrize("say", SAYING)
@alone
def test_what_the_writer_says_itself_is_not_captured(
    say: Callable[[logging.Logger], object],
    writer: Recorder,
    log: logging.Logger,
    warned: list[warnings.WarningMessage],
    console: io.StringIO,
) -> None:
    def also() -> None:
        print("printed")
        warnings.warn("warned", stacklevel=1)
        log.warning("logged")

    writer.also = also
    with capturing(writer):
        say(log)
        say(log)
    assert len(writer.got) == 2
    assert console.getvalue().splitlines() == ["printed", "logged"] * 2
    assert [str(each.message) for each in warned] == ["warned"] * 2


@alone
def test_a_stop_at_the_unfinished_line_leaves_the_block(
    writer: Recorder, console: io.StringIO
) -> None:
    writer.error = StopRequested()
    with pytest.raises(StopRequested), capturing(writer):
        print("a", end="")
    assert sys.stdout is console


@alone
def test_the_block_s_own_error_goes_before_one_of_the_unfinished_line(writer: Recorder) -> None:
    def work() -> None:
        with capturing(writer):
            print("a", end="")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert writer.lines == ["a"]
    writer.error = StopRequested()
    with pytest.raises(KeyError):
        work()
    assert writer.lines == ["a"]


# Whose code it is.


@alone
def test_other_threads_are_left_alone(
    writer: Recorder,
    console: io.StringIO,
    log: logging.Logger,
    warned: list[warnings.WarningMessage],
) -> None:
    def say() -> None:
        print("printed")
        sys.stderr.write("also\n")
        warnings.warn("warned", stacklevel=1)
        log.warning("logged")

    with capturing(writer):
        elsewhere(say)
    assert writer.got == []
    assert console.getvalue() == "printed\nalso\nlogged\n"
    assert [str(each.message) for each in warned] == ["warned"]


@alone
def test_a_thread_with_a_copy_of_the_context_is_captured(writer: Recorder) -> None:
    with capturing(writer):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(print, "x"))
        thread.start()
        thread.join()
    assert writer.lines == ["x"]


@alone
def test_the_inner_block_has_its_own_writer(writer: Recorder, console: io.StringIO) -> None:
    inner = Recorder()
    with capturing(writer):
        print("a", end="")
        with capturing(inner):
            print("b", end="")
        print("c")
    print("d")
    assert (writer.lines, inner.lines, console.getvalue()) == (["ac"], ["b"], "d\n")


@alone
def test_each_task_has_its_own_writer(console: io.StringIO) -> None:
    writers = [Recorder() for _ in range(5)]

    async def work(number: int) -> None:
        with capturing(writers[number]):
            for step in range(3):
                print(number, end=" ")
                await asyncio.sleep(0)
                print(step)
                await asyncio.to_thread(print, "thread")

    async def main() -> None:
        await asyncio.gather(*map(work, range(5)), asyncio.to_thread(print, "mine"))
        print("mine")

    asyncio.run(main())
    for number, writer in enumerate(writers):
        assert writer.lines == [
            line for step in range(3) for line in (f"{number} {step}", "thread")
        ]
    assert console.getvalue() == "mine\nmine\n"


@alone
def test_a_task_that_outlives_its_block_prints_to_the_next_around(
    writer: Recorder, console: io.StringIO
) -> None:
    inner = Recorder()

    async def main() -> None:
        go, gone = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            print("a")
            await go.wait()
            print("b")
            await gone.wait()
            print("c")

        with capturing(writer):
            with capturing(inner):
                task = asyncio.create_task(work())
                await asyncio.sleep(0)
            go.set()
            await asyncio.sleep(0.01)
        gone.set()
        await task

    asyncio.run(main())
    assert (inner.lines, writer.lines, console.getvalue()) == (["a"], ["b"], "c\n")


@alone
def test_a_stop_ends_async_work(writer: Recorder) -> None:
    async def work() -> None:
        print("a")
        writer.error = StopRequested()
        await asyncio.sleep(0)
        print("b")
        pytest.fail("it went on")

    with pytest.raises(StopRequested), capturing(writer):
        asyncio.run(work())


@alone
def test_a_block_that_ends_in_another_context(writer: Recorder, console: io.StringIO) -> None:
    block = capturing(writer)
    contextvars.copy_context().run(block.__enter__)
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert sys.stdout is console


# Others that put something in the same places.


@alone
def test_the_code_redirects_its_output(writer: Recorder) -> None:
    with capturing(writer):
        with contextlib.redirect_stdout(io.StringIO()) as own:
            print("own")
        print("captured")
    assert (own.getvalue(), writer.lines) == ("own\n", ["captured"])


@alone
def test_a_block_begins_while_another_s_code_redirects(writer: Recorder) -> None:
    other = Recorder()
    with capturing(writer):
        with contextlib.redirect_stdout(io.StringIO()) as own:
            with capturing(other):
                print("other's")
            print("own")
        print("captured")
    assert own.getvalue() == "own\n"
    assert (writer.lines, other.lines) == (["captured"], ["other's"])


@alone
def test_a_redirection_ends_before_a_block_that_began_in_it(
    writer: Recorder, console: io.StringIO
) -> None:
    redirection = contextlib.redirect_stdout(io.StringIO())
    own = redirection.__enter__()
    with capturing(writer):
        print("captured")
        redirection.__exit__(None, None, None)
        assert sys.stdout is console  # never put over what somebody puts there
    assert sys.stdout is console
    assert (own.getvalue(), writer.lines) == ("", ["captured"])


@alone
def test_a_redirection_ends_after_the_block_in_which_it_began(
    writer: Recorder, console: io.StringIO
) -> None:
    redirection = contextlib.redirect_stdout(io.StringIO())
    with capturing(writer):
        own = redirection.__enter__()
    assert sys.stdout is own  # never taken away
    print("own")
    redirection.__exit__(None, None, None)
    assert sys.stdout is not console  # it has put back what it found
    print("console")
    assert sys.stdout is console
    assert (own.getvalue(), console.getvalue()) == ("own\n", "console\n")
    assert writer.got == []


@alone
def test_what_was_put_back_is_used_again(writer: Recorder, console: io.StringIO) -> None:
    redirection = contextlib.redirect_stdout(io.StringIO())
    with capturing(writer):
        redirection.__enter__()
    redirection.__exit__(None, None, None)
    left = sys.stdout
    with capturing(writer):
        assert sys.stdout is left is not console
        print("captured")
    assert sys.stdout is console
    assert writer.lines == ["captured"]


@alone
def test_a_stream_kept_from_a_block_prints_to_the_console(
    writer: Recorder, console: io.StringIO
) -> None:
    with capturing(writer):
        kept = sys.stdout
    print("x", file=kept)
    assert console.getvalue() == "x\n"


@alone
def test_one_that_copies_its_output_is_captured_once(
    writer: Recorder, console: io.StringIO
) -> None:
    class Tee(io.StringIO):
        def __init__(self, below: Any) -> None:
            super().__init__()
            self.below = below

        def write(self, text: str) -> int:
            self.below.write(text)
            return super().write(text)

    with capturing(writer):
        sys.stdout = tee = Tee(sys.stdout)
        print("a")
        with capturing(other := Recorder()):
            print("b")
        print("c")
    try:
        assert sys.stdout is tee
        print("d")
    finally:
        sys.stdout = console
    assert (writer.lines, other.lines) == (["a", "c"], ["b"])
    assert (tee.getvalue(), console.getvalue()) == ("a\nc\nd\n", "d\n")


@alone
def test_a_proxy_of_a_dispatcher_is_somebody_s_own(writer: Recorder, console: io.StringIO) -> None:
    class Proxy:
        def __init__(self, below: Any) -> None:
            self.below = below

        @property  # type: ignore[misc]  # object's one may be written, too
        def __class__(self) -> Any:
            return type(self.below)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.below, name)

    with capturing(writer):
        sys.stdout = proxy = Proxy(sys.stdout)
        print("a")
    try:
        assert sys.stdout is proxy
    finally:
        sys.stdout = console
    assert writer.lines == ["a"]


@alone
def test_a_method_of_the_loggers_that_is_no_function(
    writer: Recorder, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = logging.Logger.callHandlers
    seen = []

    class Wrapper:
        def __get__(self, logger: logging.Logger, kind: type) -> Any:
            return functools.partial(self.call, logger)

        def call(self, logger: logging.Logger, record: logging.LogRecord) -> None:
            seen.append((logger, record.msg))
            below(logger, record)

    log.addHandler(handler := logging.NullHandler())
    monkeypatch.setattr(logging.Logger, "callHandlers", wrapper := Wrapper())
    with capturing(writer):
        log.info("captured")
        elsewhere(log.info, "not captured")
    assert vars(logging.Logger)["callHandlers"] is wrapper
    monkeypatch.undo()
    log.removeHandler(handler)
    assert seen == [(log, "captured"), (log, "not captured")]
    assert [text for _, text, *_ in writer.got] == ["captured"]


# Many at once, and processes.


@pytest.mark.parametrize("threads", [2, 8])
@alone
def test_blocks_that_begin_and_end_at_the_same_time(
    threads: int,
    console: io.StringIO,
    log: logging.Logger,
    warned: list[warnings.WarningMessage],
) -> None:
    blocks = 200
    failed: list[BaseException] = []
    start = threading.Barrier(threads + 2)
    done = threading.Event()

    def work(number: int) -> None:
        start.wait()
        for block in range(blocks):
            me = f"{number}.{block}"
            writer = Recorder()
            with capturing(writer):
                print(me, end="")
                print(" out")
                with capturing(inner := Recorder()):
                    print(me, file=sys.stderr)
                warnings.warn_explicit(me, UserWarning, "f.py", block)
                log.info(me)
                print("end", end="")
            assert inner.got == [("information", me, "stderr")]
            assert writer.got == [
                ("information", f"{me} out", "stdout"),
                ("warning", f"UserWarning: {me} (f.py:{block})"),
                ("information", me, "INFO", log.name),
                ("information", "end", "stdout"),
            ]

    def other() -> int:
        start.wait()
        count = 0
        while not done.is_set():
            print("other's")
            count += 1
        return count

    def run(function: Callable[..., object], *arguments: object) -> None:
        try:
            function(*arguments)
        except BaseException as error:
            failed.append(error)

    counts: list[int] = []
    workers = [threading.Thread(target=run, args=(work, number)) for number in range(threads)]
    others = threading.Thread(target=run, args=(lambda: counts.append(other()),))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in (*workers, others):
            thread.start()
        start.wait()
        for thread in workers:
            thread.join()
        done.set()
        others.join()
    finally:
        sys.setswitchinterval(interval)
    assert failed == []
    assert console.getvalue() == "other's\n" * counts[0]
    assert (sys.stdout, sys.stderr) == (console, console)
    assert warned == []


@alone
def test_blocks_that_begin_and_end_while_another_thread_redirects(
    writer: Recorder, console: io.StringIO
) -> None:
    # Kept: until 3.13 print crashes where a stream goes that it writes to.
    streams = [io.StringIO() for _ in range(20)]
    wrong: list[object] = []

    def work() -> None:
        for _ in range(1000):
            with capturing(writer):
                print("x")

    def redirect() -> None:
        for stream in itertools.cycle(streams):
            if not any(worker.is_alive() for worker in workers):
                return
            with contextlib.redirect_stdout(stream):
                pass
            there = sys.stdout
            if there is not console and there.original is not console:  # type: ignore[union-attr]
                wrong.append(there)

    workers = [threading.Thread(target=work) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for worker in workers:
            worker.start()
        redirect()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    print("x")
    assert sys.stdout is console


@alone
def test_blocks_one_after_another_leave_nothing_behind(
    writer: Recorder, console: io.StringIO
) -> None:
    streams = set()
    for _ in range(200):
        with capturing(writer):
            streams.add(sys.stdout)
    assert len(streams) == 1
    assert sys.stdout is console


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_is_not_captured(run_python: RunPython) -> None:
    done = run_python(
        """
import os, sys, threading
from psbridge.jobs.capture import _lock, capturing
class Writer:
    def write_information(self, message, *, tags=()):
        sys.__stdout__.write(f"{tags[0]}: {message}\\n")
held, go = threading.Event(), threading.Event()
def hold():
    with _lock:
        held.set()
        go.wait()
thread = threading.Thread(target=hold)
with capturing(Writer()):
    print("unfinished", end="")
    kept = sys.stdout
    thread.start()
    held.wait()
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        go.set()
        thread.join()
    else:
        print("child")
        print("child", file=kept)
if not child:
    with capturing(Writer()):
        print("captured in the child")
    sys.stdout.flush()
    os._exit(0)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "child",
        "child",
        "stdout: captured in the child",
        "stdout: unfinished",
    ]


def test_it_needs_no_net(run_python: RunPython) -> None:
    done = run_python(
        "import sys, psbridge.jobs.capture\n"
        "print(sorted({'clr', 'pythonnet', 'System', 'asyncio'} & set(sys.modules)))"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


# With PowerShell.


def test_a_job_captures_into_its_streams(shell: Session) -> None:
    class Talking(Job):
        def run(self) -> None:
            log = logging.getLogger("tests.talking")
            with capturing(self):
                print("printed \ud800")
                log.warning("warned")
                try:
                    Path("not/there").read_text()
                except OSError:
                    log.exception("could not read it")

    handle = shell.start(Talking())
    handle.wait(10)
    result = handle.receive()
    [information] = result.information
    assert (information.message, list(information.tags)) == ("printed \ud800", ["stdout"])
    assert list(map(str, result.warnings)) == ["warned"]
    [error] = result.errors
    assert error.message.startswith("FileNotFoundError: could not read it: [Errno 2]")
    assert error.error_id == "tests.talking"
    assert "in read_text" in error.net.Exception.PythonTraceback


def test_a_job_that_prints_can_be_stopped(shell: Session) -> None:
    began = threading.Event()

    class Endless(Job):
        def run(self) -> None:
            with capturing(self):
                while True:
                    print("still")
                    began.set()
                    time.sleep(0.001)

    handle = shell.start(Endless())
    assert began.wait(10)
    handle.stop()
    assert handle.wait(10)
    assert handle.state == "Stopped"

"""Where text goes: streams, terminals, streams that are gone."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from psbridge import Console

RED = "\x1b[31;1m"


class Tty(io.StringIO):
    """A terminal, as far as a program looks."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _with_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_output_and_the_rest_go_to_their_streams() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    console.write("a\n")
    console.write_error("b")
    console.write_note("c")
    console.show_progress("d")
    assert (out.getvalue(), err.getvalue()) == ("a\n", "b\nc\n")


def test_the_standard_streams_are_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.write("a\n")
    console.write_error("b")
    assert capsys.readouterr() == ("a\n", "b\n")


def test_escape_sequences_are_for_terminals_only() -> None:
    text = f"{RED}red\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"
    for stream, shown in ((io.StringIO(), "red link"), (Tty(), text)):
        console = Console(stream, io.StringIO())
        console.write(text)
        assert stream.getvalue() == shown


def test_errors_and_notes_are_coloured_on_a_terminal() -> None:
    err = Tty()
    console = Console(io.StringIO(), err)
    assert not console.colours
    console.write_error("wrong")
    console.write_error(f"{RED}own\x1b[0m")
    console.write_note("note")
    assert err.getvalue() == (f"{RED}wrong\x1b[0m\n{RED}own\x1b[0m\n\x1b[33;1mnote\x1b[0m\n")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    out, err = Tty(), Tty()
    console = Console(out, err)
    assert not console.colours
    console.write(f"{RED}a")
    console.write_error("b")
    assert (out.getvalue(), err.getvalue()) == ("a", "b\n")


def test_progress_is_one_line_that_is_taken_away() -> None:
    out, err = io.StringIO(), Tty()
    console = Console(out, err)
    console.show_progress("half\tdone \x1b[2J")
    assert err.getvalue() == "\r\x1b[Khalf done  [2J"
    console.write("value\n")
    assert err.getvalue().endswith("\r\x1b[K")
    assert out.getvalue() == "value\n"
    before = err.getvalue()
    console.hide_progress()
    console.show_progress("")
    assert err.getvalue() == before


def test_progress_of_several_lines_is_taken_away_from_below() -> None:
    err = Tty()
    console = Console(io.StringIO(), err)
    console.show_progress("one\ntwo\nthree")
    console.show_progress("four")
    console.hide_progress()
    drawn, erased = "\r\x1b[Kone\r\ntwo\r\nthree", "\r\x1b[K" + "\x1b[A\x1b[K" * 2
    assert err.getvalue() == f"{drawn}{erased}\r\x1b[Kfour\r\x1b[K"


def test_progress_leaves_a_line_that_has_been_begun_alone() -> None:
    screen = Tty()
    console = Console(screen, screen)
    console.write("begun \x1b[31m漢")
    console.show_progress("half")
    console.write(" and ended\n")
    console.show_progress("whole")
    assert screen.getvalue() == (
        "begun \x1b[31m漢\r\nhalf\r\x1b[K\x1b[A\x1b[9G and ended\n\r\x1b[Kwhole"
    )


def test_a_dumb_terminal_gets_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    err = Tty()
    console = Console(io.StringIO(), err)
    console.show_progress("half")
    console.write_control("\x1b[H")
    assert not console.shows_progress
    assert err.getvalue() == ""


def test_progress_without_colours_is_cut_to_the_terminals_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    err = Tty()
    console = Console(io.StringIO(), err)
    console.show_progress("x" * 500)
    assert err.getvalue() == "\r\x1b[K" + "x" * 119
    console.hide_progress()
    err.truncate(0)
    err.seek(0)
    console.show_progress("漢" * 100)  # each is two columns wide
    assert err.getvalue() == "\r\x1b[K" + "漢" * 59


def test_control_sequences_are_for_the_terminal_of_the_output() -> None:
    out, err = Tty(), Tty()
    Console(out, err).write_control("\x1b]0;title\x07")
    assert (out.getvalue(), err.getvalue()) == ("\x1b]0;title\x07", "")
    piped, err = io.StringIO(), Tty()
    Console(piped, err).write_control("\x1b]0;title\x07")
    assert (piped.getvalue(), err.getvalue()) == ("", "")


def test_an_answer_from_a_pipe_leaves_the_rest_for_whoever_reads_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"first\nsec\xffond\nrest")
    os.close(writer)
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        console = Console(io.StringIO(), io.StringIO(), interactive=True)
        assert console.ask("") == "first"
        assert console.ask("") == "sec\ufffdond"
        assert os.read(reader, 100) == b"rest"
        with pytest.raises(EOFError, match="ended"):
            console.ask("")


def test_without_a_terminal_the_size_is_powershells() -> None:
    assert Console(io.StringIO(), io.StringIO()).size == (120, 50)
    assert Console(Tty(), Tty()).size == (120, 50)  # a terminal that has no descriptor


def test_characters_that_the_encoding_lacks_are_replaced() -> None:
    raw_out, raw_err = io.BytesIO(), io.BytesIO()
    out = io.TextIOWrapper(raw_out, encoding="ascii")
    err = io.TextIOWrapper(raw_err, encoding="ascii")
    console = Console(out, err)
    console.write("grün €\n")
    console.write_error("\ud800 漢")
    assert raw_out.getvalue() == b"gr?n ?\n"
    assert raw_err.getvalue() == b"? ?\n"


def test_half_of_a_surrogate_pair_is_a_replacement_in_utf8() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8")
    Console(out, io.StringIO()).write("a\ud83d 👍\n")
    assert raw.getvalue().decode() == "a\ufffd 👍\n"


def test_a_reader_that_has_gone_is_noted() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)
    console = Console(out, io.StringIO())
    assert not console.broken
    console.write("a\n")
    console.write("b\n")
    assert console.broken
    out.close()


def test_a_reader_of_errors_that_has_gone_is_nothing_to_end_for() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    err = io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)
    console = Console(io.StringIO(), err)
    console.write_error("a")
    assert not console.broken
    err.close()


def test_a_stream_that_was_closed_is_as_one_whose_reader_has_gone() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    out.close()
    err.close()
    console.write("a")
    console.write_error("b")
    console.write_note("c")
    console.show_progress("d")
    assert console.broken
    assert not Console(out, err).colours


def test_a_process_without_standard_streams_has_a_console(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    console = Console()
    console.write("a")
    console.write_error("b")
    console.show_progress("c")
    console.hide_progress()
    assert (console.interactive, console.colours, console.broken) == (False, False, False)
    with pytest.raises(EOFError):
        console.ask("? ")


def test_an_answer_is_a_line_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    console = Console(io.StringIO(), err, interactive=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\r\nsecret\n"))
    assert console.interactive
    assert console.ask("sure? ") == "yes"
    assert console.ask_secret("word: ") == "secret"
    assert err.getvalue() == "sure? word: \n"
    with pytest.raises(EOFError, match="ended"):
        console.ask("more? ")


def test_many_threads_write_whole_lines() -> None:
    out, err = io.StringIO(), Tty()
    console = Console(out, err)

    def write(number: int) -> None:
        for _ in range(200):
            console.write(f"{number}" * 20 + "\n")
            console.show_progress("working")
            console.write_error("e" * 20)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = out.getvalue().splitlines()
    assert len(lines) == 1600
    assert all(len(line) == 20 and len(set(line)) == 1 for line in lines)
    assert err.getvalue().count(f"{RED}{'e' * 20}\x1b[0m\n") == 1600


def test_a_full_disk_is_an_error_that_says_so(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    out = open("/dev/full", "w")  # noqa: PTH123, SIM115
    console = Console(out, io.StringIO())
    assert console.failure is None
    with pytest.raises(OSError, match="No space left") as caught:
        console.write("a\n")
    assert console.failure is caught.value
    assert not console.broken
    with pytest.raises(OSError, match="No space left"):
        out.close()


@pytest.mark.parametrize("ask", [Console.ask, Console.ask_secret])
def test_a_question_can_be_taken_back(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[Console, str], str]
) -> None:
    import pty

    master, slave = pty.openpty()
    with os.fdopen(slave) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        console = Console(io.StringIO(), io.StringIO(), interactive=True)
        threading.Timer(0.3, console.refuse_questions).start()
        with pytest.raises(EOFError, match="taken back"):
            ask(console, "? ")
        console.allow_questions()
        threading.Timer(0.3, os.write, (master, b"yes\n")).start()
        assert ask(console, "? ") == "yes"
    os.close(master)

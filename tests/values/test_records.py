"""Python exceptions and messages as PowerShell's records."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from psbridge import Session


@pytest.fixture(scope="module", autouse=True)
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_an_exception_says_what_a_traceback_ends_with() -> None:
    from psbridge.values import python_exception

    for error in (ValueError("bad"), ValueError(), KeyError("k"), OSError(2, "gone", "a.txt")):
        net = python_exception(raised(error))
        last = traceback.format_exception_only(error)[-1].strip()
        assert net.Message == last
        assert net.PythonType == type(error).__name__
        assert net.PythonTraceback.startswith("Traceback (most recent call last):")
        assert __name__.rpartition(".")[2] in net.PythonTraceback
        assert net.StackTrace == net.PythonTraceback


def test_an_exception_that_was_never_raised_has_no_frames() -> None:
    from psbridge.values import python_exception

    assert python_exception(ValueError("x")).PythonTraceback == "ValueError: x\n"


def test_the_frames_of_psbridge_are_left_out(shell: Session) -> None:
    def work() -> None:
        raise ValueError("mine")

    handle = shell.start(work)
    assert handle.wait(10)
    trace = handle.children[0].net.JobStateInfo.Reason.PythonTraceback
    assert "in work" in trace
    assert "psbridge/jobs" not in trace


def test_a_cause_is_in_the_traceback() -> None:
    from psbridge.values import python_exception

    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    net = python_exception(error)
    assert "KeyError: 'inner'" in net.PythonTraceback
    assert "direct cause" in net.PythonTraceback


def test_a_net_exception_stays_inside() -> None:
    import System

    from psbridge.values import python_exception

    try:
        System.Int32.Parse("x")
    except System.Exception as error:
        net = python_exception(error)
    assert net.PythonType == "FormatException"
    assert net.InnerException.GetType().Name == "FormatException"


def test_every_exception_is_described_whatever_is_in_it() -> None:
    from psbridge.values import error_record

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Long(Exception):
        pass

    for error in (
        Mute(), Long("x" * 1_000_000), Exception("\ud800"), Exception("\0"), Exception(b"\xff"),
        KeyboardInterrupt(), SystemExit(3), ExceptionGroup("many", [ValueError(1), Mute()]),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ):  # fmt: skip
        record = error_record(raised(error))
        assert record.Exception.PythonType == type(error).__name__
        assert record.FullyQualifiedErrorId == type(error).__name__
        assert record.ToString()


def test_an_error_can_be_a_text() -> None:
    from psbridge.values import error_record

    record = error_record("text", error_id="Id", category="OpenError", target=[1, "a"])
    assert (record.ToString(), record.FullyQualifiedErrorId) == ("text", "Id")
    assert record.CategoryInfo.Category.ToString() == "OpenError"
    assert list(record.TargetObject) == [1, "a"]


def test_text_is_handed_over_as_a_plain_str() -> None:
    from psbridge.values import net_text

    class Loud(str):
        def __str__(self) -> str:
            return Loud(self.upper())

    assert net_text(Loud("a\ud800")) == "A\ud800"
    assert type(net_text(Loud("a"))) is type(net_text(5)) is str


def test_text_of_says_what_net_says() -> None:
    import System

    from psbridge.values import text_of

    assert text_of(System.Version(1, 2)) == "1.2"
    assert text_of(System.Text.StringBuilder("")) == ""


def test_what_throws_when_it_is_asked_for_its_text_is_named(shell: Session) -> None:
    from psbridge.values import text_of

    (mute,) = shell.run("class Mute { [string] ToString() { throw 'no' } }; [Mute]::new()")
    assert text_of(mute.net) == "Mute"


@pytest.mark.parametrize("message", ["text", 5, {"a": 1}, None, [1, 2]])
def test_information_takes_any_value(message: object) -> None:
    from psbridge.values import from_net, information_record

    record: Any = information_record(message, "me", ["t"])
    assert from_net(record.MessageData) == message
    assert (record.Source, list(record.Tags)) == ("me", ["t"])

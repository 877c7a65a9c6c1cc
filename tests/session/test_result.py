"""What a pipeline gave, as plain Python objects."""

from __future__ import annotations

import datetime as dt

import pytest

from psbridge import ErrorRecord, InformationRecord, MessageRecord, Result, Session


def test_a_result_is_a_list_with_the_streams_beside_it(shell: Session) -> None:
    result = shell.run("1..3")
    assert isinstance(result, Result)
    assert result == [1, 2, 3]
    assert result[1:] == [2, 3]
    assert (sum(result), len(result)) == (6, 3)
    for stream in (
        result.errors, result.warnings, result.information, result.verbose, result.debug
    ):  # fmt: skip
        assert stream == []


def test_no_output_is_an_empty_result_and_null_is_a_value(shell: Session) -> None:
    assert shell.run("") == []
    assert shell.run("$null") == [None]
    assert shell.run("[System.Management.Automation.Internal.AutomationNull]::Value") == []
    assert shell.run("if ($false) { 1 }") == []


def test_each_record_says_its_message(shell: Session) -> None:
    error = shell.run("1/0").errors[0]
    assert isinstance(error, ErrorRecord)
    assert str(error) == error.message == "Attempted to divide by zero."
    assert "divide by zero" in repr(error)
    assert error.target is None
    assert str(MessageRecord("careful")) == "careful"
    now = dt.datetime.now(dt.UTC)
    assert str(InformationRecord(5, "me", (), now)) == "5"


def test_a_record_cannot_be_changed() -> None:
    record = MessageRecord("careful")
    with pytest.raises(AttributeError):
        record.message = "other"  # type: ignore[misc]
    assert record == MessageRecord("careful")


def test_information_says_where_and_when(shell: Session) -> None:
    shell.run("function Say { [CmdletBinding()] param() $PSCmdlet.WriteInformation('x', @('t')) }")
    before = dt.datetime.now(dt.UTC)
    (record,) = shell.run("Say").information
    assert (record.message, record.tags) == ("x", ("t",))
    assert isinstance(record.source, str)
    assert abs(record.time - before) < dt.timedelta(seconds=10)

"""What comes from another process is the same as live, as far as it can be."""

from __future__ import annotations

import datetime as dt
import pickle
import re
from collections.abc import Iterator

import pytest

from psbridge import CustomObject, EnumValue, PowerShellObject, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


VALUES = """
[bigint]::Pow(-7, 301); [int128]::MinValue; [uint128]::MaxValue; [half]1.5; [half]::NaN
[System.Numerics.Complex]::new(1.5, -2)
[datetimeoffset]'2024-02-29T01:02:03.1234567-05:30'; [dateonly]::new(2024, 2, 29)
[timeonly]::new(1, 2, 3, 4); [regex]'a.b'; [regex]::new('^a', 'IgnoreCase, Multiline')
[DayOfWeek]::Monday; [System.IO.FileAttributes]'Hidden, ReadOnly'; [DayOfWeek]42; [DBNull]::Value
1; 'a'; $true; 2.5; 1.10d; [guid]::Empty; [timespan]1; [version]'1.2'; [uri]'http://a/b'
[semver]'1.2.3-a+b'; [ipaddress]'1.2.3.4'; [datetime]'2024-02-29'; , @(1, @{ a = 'b' }); [char]'a'
[pscustomobject]@{ Day = [DayOfWeek]::Friday; Big = [bigint]5; Inner = @([half]2) }
"""


def test_a_job_in_a_process_gives_the_same_values_as_live(shell: Session) -> None:
    live = shell.run(VALUES)
    job = shell.start_job(VALUES)
    remoted = job.result(timeout=60)
    job.remove()
    assert repr(remoted.pop(4)) == repr(live.pop(4)) == "nan"
    assert list(remoted) == list(live)
    assert list(map(type, remoted)) == list(map(type, live))
    assert list(map(repr, remoted)) == list(map(repr, live))


def test_any_other_object_keeps_its_types_properties_and_text(shell: Session) -> None:
    job = shell.start_job("Get-Process -Id $PID; [System.Text.StringBuilder]::new('abc')")
    process, builder = job.result(timeout=60)
    job.remove()
    assert isinstance(process, PowerShellObject)
    assert process.type_names[0] == "Deserialized.System.Diagnostics.Process"
    assert isinstance(process.Id, int)
    assert process.Name == process.ProcessName
    assert process.origin == "localhost"
    assert process.PSComputerName == "localhost"
    assert "PSComputerName" not in process.properties()
    assert str(process).startswith("System.Diagnostics.Process (")
    assert (str(builder), builder.Length) == ("abc", 3)
    assert shell.run('param($x) "$x"; $x.Length', x=builder) == ["abc", 3]


def test_a_record_that_was_selected_is_a_custom_object(shell: Session) -> None:
    job = shell.start_job("Get-Process -Id $PID | Select-Object Id, PriorityClass")
    (found,) = job.result(timeout=60)
    job.remove()
    assert type(found) is CustomObject
    assert list(found) == ["Id", "PriorityClass"]
    # Which one it is depends on how nice the tests are.
    assert found.PriorityClass.type_name == "System.Diagnostics.ProcessPriorityClass"


def test_an_enums_value_is_its_name_with_its_number(shell: Session) -> None:
    (day,) = shell.run("[DayOfWeek]::Monday")
    assert (day, int(day), day.value, day.type_name) == ("Monday", 1, 1, "System.DayOfWeek")
    assert {"Monday": 5}[day] == 5
    assert (f"{day}", str(day), repr(day)) == ("Monday", "Monday", "<DayOfWeek 'Monday': 1>")
    kind = "param($x) $x.GetType().FullName; [int]$x"
    assert shell.run(kind, x=day) == ["System.DayOfWeek", 1]
    again = pickle.loads(pickle.dumps(day))
    assert (type(again), again, int(again)) == (EnumValue, "Monday", 1)
    assert shell.run(kind, x=again) == ["System.DayOfWeek", 1]
    assert shell.run("param($x) $x.GetType().Name", x=EnumValue("A", 1, "Not.Known")) == ["String"]
    assert [type(item) for item in shell.run("param($x) , $x", x=[day])[0]] == [EnumValue]
    (huge,) = shell.run("enum Huge : ulong { Most = 18446744073709551615ul }; [Huge]::Most")
    assert (huge, int(huge)) == ("Most", 2**64 - 1)


def test_a_pattern_goes_there_and_comes_back(shell: Session) -> None:
    pattern = re.compile("^a.b$", re.IGNORECASE | re.MULTILINE)
    assert shell.run('param($x) $x.IsMatch("x`nAXB"); $x', x=pattern) == [True, pattern]
    assert shell.run("param($t) $t", t=dt.time(1, 2)) == [dt.time(1, 2)]

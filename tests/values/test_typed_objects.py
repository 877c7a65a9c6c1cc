"""Typed rows of what PowerShell itself gives out."""

from __future__ import annotations

import datetime as dt
import enum
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pytest

from psbridge import ConversionError, Credential, PowerShellObject, Secret, Session
from psbridge.values import reader_for


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


@dataclass
class Process:
    id: int
    name: str
    cpu: float
    working_set: int = field(metadata={"powershell": "WS"})
    start_time: dt.datetime = field(metadata={"powershell": "StartTime"})
    threads: list[PowerShellObject]
    note: str = "none"


class File(NamedTuple):
    name: str
    length: int
    last_write_time: dt.datetime | None = None
    BaseName: str = ""


class Service(enum.Enum):
    RUNNING = "Running"
    STOPPED = "Stopped"


class Line(TypedDict):
    Name: str
    Size: int
    Price: Decimal
    Day: dt.date
    Up: bool
    State: Service


def test_an_object_is_read_by_its_members_of_every_kind(shell: Session) -> None:
    (process,) = map(reader_for(Process), shell.run("Get-Process -Id $PID"))
    assert process.id == os.getpid()
    assert process.cpu > 0
    assert process.working_set > 1_000_000
    assert process.start_time < dt.datetime.now(dt.UTC)
    assert isinstance(process.threads[0], PowerShellObject)
    assert process.note == "none"


def test_a_file_has_its_path(shell: Session, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("four")
    (found,) = shell.run("param($p) Get-ChildItem $p", p=tmp_path)
    assert reader_for(File)(found) == File("a.txt", 4, None, "a")
    assert reader_for(Path)(found) == tmp_path / "a.txt"
    assert reader_for(str)(shell.run("[version]'1.2'")[0]) == "1.2"
    with pytest.raises(ConversionError, match=r"a System\.IO\.FileInfo is no str"):
        reader_for(str)(found)


def test_only_what_is_asked_for_is_read(shell: Session) -> None:
    """Some properties take long, and some have consequences."""
    made = """
    $global:read = [System.Collections.ArrayList]::new()
    $value = [System.Text.StringBuilder]::new('a')
    $value | Add-Member ScriptProperty Wanted { [void]$global:read.Add('Wanted'); 'Wanted' }
    $value | Add-Member ScriptProperty Other { [void]$global:read.Add('Other'); 'Other' }
    $value | Add-Member ScriptProperty Bad { throw 'no such luck' }
    $value
    """
    (value,) = shell.run(made)

    @dataclass
    class Wanted:
        wanted: str
        missing: int = 5

    @dataclass
    class Bad:
        bad: str

    @dataclass
    class Method:
        append: str

    assert isinstance(value, PowerShellObject)
    assert reader_for(Wanted, unknown="refuse")(value) == Wanted("Wanted")
    assert shell.run("$read") == ["Wanted"]
    with pytest.raises(ConversionError, match=r"value\.bad: cannot be read: .*no such luck"):
        reader_for(Bad)(value)
    with pytest.raises(ConversionError, match="there is no property 'append' for Method"):
        reader_for(Method)(value)


CSV = """
@'
Name,Size,Price,Day,Up,State,Other
a,1,1.10,2024-02-29,True,running,x
b,22,0.5,2024-03-01,false,STOPPED,y
'@ | ConvertFrom-Csv
"""


def test_the_text_of_a_table_is_read(shell: Session) -> None:
    rows = [reader_for(Line)(row) for row in shell.run(CSV)]
    assert rows == [
        {"Name": "a", "Size": 1, "Price": Decimal("1.10"), "Day": dt.date(2024, 2, 29),
         "Up": True, "State": Service.RUNNING},
        {"Name": "b", "Size": 22, "Price": Decimal("0.5"), "Day": dt.date(2024, 3, 1),
         "Up": False, "State": Service.STOPPED},
    ]  # fmt: skip


def test_what_powershell_writes_is_what_is_read(shell: Session) -> None:
    """Dates in their round-trip form, durations, numbers and truth as texts."""
    script = """
    [datetime]::new(2024, 2, 29, 1, 2, 3, [DateTimeKind]::Utc).ToString('o')
    [datetimeoffset]::new(2024, 2, 29, 1, 2, 3, [timespan]::FromHours(-5)).ToString('o')
    [timespan]::new(-1, -2, -3, -4, -5).ToString(); "$([timespan]::FromSeconds(1))"
    "$true"; "$(1.5)"; "$(1.10d)"; "$([guid]::Empty)"; "$([DayOfWeek]1)"
    """
    found = shell.run(script)
    kinds: list[Any] = [
        dt.datetime, dt.datetime, dt.timedelta, dt.timedelta, bool, float, Decimal
    ]  # fmt: skip
    made = [reader_for(kind)(text) for kind, text in zip(kinds, found, strict=False)]
    assert made == [
        dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC),
        dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
        -dt.timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5),
        dt.timedelta(seconds=1), True, 1.5, Decimal("1.10"),
    ]  # fmt: skip


def test_rows_come_of_another_process_too(shell: Session) -> None:
    @dataclass
    class There:
        id: int
        PSComputerName: str

    job = shell.start_job("[pscustomobject]@{ Id = 5 }; Get-Process -Id $PID")
    record, process = map(reader_for(There), job.result(timeout=60))
    job.remove()
    assert record == There(5, "localhost")
    assert process.PSComputerName == "localhost"


def test_secrets_and_credentials_come_out_as_what_they_went_in_as(shell: Session) -> None:
    @dataclass
    class Login:
        who: Credential
        key: Secret

    given = {"who": Credential("jo", Secret("pa")), "key": Secret("ü")}
    (found,) = shell.run("param($x) [pscustomobject]$x", x=given)
    assert reader_for(Login)(found) == Login(Credential("jo", Secret("pa")), Secret("ü"))
    assert reader_for(Secret)("text") == Secret("text")
    for kind in (Credential, Secret):
        with pytest.raises(ConversionError, match=f"^an int is no {kind.__name__}"):
            reader_for(kind)(1234)
    with pytest.raises(ConversionError) as caught:
        reader_for(dict[str, Secret])({"a": [Secret("hunter2")]})
    assert "hunter2" not in str(caught.value)

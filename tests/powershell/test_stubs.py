"""`psbridge stubs`: type checkers check calls of PowerShell's commands."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from psbridge import DeclarationError, PsbridgeError, Session
from psbridge.cli import main
from psbridge.powershell.stubs import write_stubs

ROOT = Path(__file__).parents[2]

ODD = """
function Get-Odd {
    param($as_, [string[]]$Paths, $from, [int]$in, [string]$as, $class, $None, $self,
        [double]$timeout, ${a b}, $__x, $arguments,
        [ValidateSet('a "b"', 'c\\', 'süß')]$Choice, [byte[]]$Data,
        [datetime[]]$When, [hashtable]$Table, [guid]$Id, [timespan]$Span, [decimal]$Price,
        [pscredential]$Credential, [securestring]$Secret, [Nullable[int]]$Most,
        [AllowNull()][string[]]$Least)
    "$from $in $as $class $none $self $timeout"
}
function Get-Odd_Name { param([Parameter(Mandatory)][int]$Number) }
function Get-Odd-Name { param([Parameter(Mandatory, ValueFromPipeline)]$Number) }
function Result { param([string]$Name) }
function class { }
function Get-Two {
    [CmdletBinding(DefaultParameterSetName = 'A')]
    param([Parameter(ParameterSetName = 'A', Mandatory, Position = 0)][int]$Number,
        [Parameter(ParameterSetName = 'B', Mandatory, Position = 0)][string[]]$Text)
}
"""

RIGHT = """
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import UUID

from psbridge import Credential, Result, Secret, Session, reader_for
from powershell_commands import Commands
from powershell_commands.odd import Odd


@dataclass
class Name:
    Name: str


def right(shell: Session) -> Result:
    commands = cast(Commands, shell.commands)
    commands.Get_Process("pwsh", Module=True, select=["Name"], first=3)
    commands.Get_Process(Name=["pwsh", "python"], ErrorAction="Stop", timeout=3)
    commands.Get_Process(Id=3)
    commands.Get_ChildItem("/", Directory=True, Filter="*.txt")
    commands.Get_Date(datetime.datetime.now(), DisplayHint="Date")
    commands.Get_Date("2020-01-01", Format="yyyy")
    commands.Get_Random([1, 2, 3], Count=2)
    commands.Write_Output(1, 2, 3)
    commands.Write_Output(input=[1])
    commands.Stop_Process(input=commands.Get_Process(), WhatIf=True)
    commands.Compress_Archive("a", "b", Force=True)
    commands.Set_PSReadLineOption(Colors={"Error": "red"})
    commands.Start_ThreadJob(object(), ThrottleLimit=3)
    commands.Get_WordCount("a", Encoding="utf-8")
    names: Result[str] = commands.Get_Process(Id=3, as_=str)
    commands.Get_Process(input=names, as_=reader_for(Name)).one().Name.upper()
    commands.Get_Item(Path("/etc"))
    commands.Get_ChildItem([Path("/etc"), "/tmp"])
    commands.Get_Date(Date=datetime.date(2020, 1, 1))
    commands["Get-Process"](Id=3)
    odd = cast(Odd, shell.commands)
    odd.Get_Odd(As_=1, as_=str, Price=1.5, Paths=[Path("a")])
    odd.Get_Odd(From=1, In=2, As="a", Class=3, none=4, Self=5, Timeout=1.5, timeout=2.5)
    odd.Get_Odd(Data=b"1", When=[datetime.datetime.now()], Table={1: 2}, Id=UUID(int=1))
    odd.Get_Odd(Credential=Credential("a", Secret("b")), Secret=Secret("c"), Choice="c\\\\")
    odd.Get_Odd(Most=None, Least=None)
    odd.Get_Odd(Most=1, Least=["a"])
    odd.Get_Two(1)
    odd.Get_Two("a")
    odd.Get_Two(Text="a")
    return commands.Sort_Object(input=[2, 1], Descending=True)
"""

WRONG = """
from typing import cast

from psbridge import Session
from powershell_commands import Commands


def wrong(shell: Session) -> None:
    commands = cast(Commands, shell.commands)
    commands.Get_Prcess()  # attr-defined
    commands.Get_Process(Nmae="pwsh")  # call-arg
    commands.Get_Process(Id="x")  # arg-type
    commands.Get_Process(Module="yes")  # arg-type
    commands.Get_Date(DisplayHint="Tiem")  # arg-type
    commands.Get_Process(first="x")  # arg-type
    commands.Compress_Archive("a", "b", "c")  # call-arg
    commands.New_Object(Strict="x")  # arg-type
    commands.Get_WordCount(Encoding="utf-9")  # arg-type
    commands.Set_PSReadLineKeyHandler()  # call-arg
    commands.Get_Two(b"")  # arg-type
    x: int = commands.Get_Date()  # assignment
    commands.Get_Date(as_=str).one() + 1  # operator
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as shell:
        yield shell


@pytest.fixture(scope="module")
def stubs(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stubs of all modules that PowerShell has itself, a Python file and odd ones."""
    folder = tmp_path_factory.mktemp("stubs")
    (folder / "odd.psm1").write_text(ODD, encoding="utf-8-sig")
    found = session.run("(Get-Module -ListAvailable).Name | Sort-Object -Unique")
    modules = ["Microsoft.PowerShell.Core", *found]
    assert {"Microsoft.PowerShell.Utility", "PSReadLine"} <= set(modules)
    odd, count = str(folder / "odd.psm1"), str(ROOT / "samples" / "word_count.py")
    counts = write_stubs(session, [*modules, odd, count], folder / "powershell_commands")
    assert counts["Microsoft.PowerShell.Utility"] > 100
    assert counts[count] == 1
    return folder / "powershell_commands"


def test_a_type_checker_sees_what_is_wrong_and_only_that(stubs: Path) -> None:
    (stubs.parent / "right.py").write_text(RIGHT, encoding="utf-8")
    (stubs.parent / "wrong.py").write_text(WRONG, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--cache-dir=cache",
         "right.py", "wrong.py", "powershell_commands"],
        cwd=stubs.parent, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    told = re.findall(r"^(\S+?\.py):(\d+): error: .*\[([\w-]+)\]$", ran.stdout, re.MULTILINE)
    expected = [
        ("wrong.py", str(number), line.rpartition("# ")[2])
        for number, line in enumerate(WRONG.splitlines(), 1)
        if "  # " in line
    ]
    # There may be more than one thing to say of a line.
    assert {place[:2] for place in told} == {place[:2] for place in expected}, ran.stdout
    assert set(expected) <= set(told), ran.stdout


def test_the_package_can_be_imported_and_called_through(
    session: Session, stubs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(stubs.parent))
    from importlib import import_module

    commands = import_module("powershell_commands").Commands
    assert commands.Get_Process.__name__ == "Get_Process"
    given = session.commands.Get_Odd(
        From=1, In=2, As="a", Class=3, none=4, Self=5, Timeout=1.5, timeout=60
    )
    assert given == ["1 2 a 3 4 5 1.5"]


def test_what_python_has_no_name_for_is_left_out(stubs: Path) -> None:
    text = (stubs / "odd.py").read_text("utf-8")
    assert re.findall(r"def (\w+)", text) == ["Get_Odd", "Get_Odd_Name", "Get_Two"]
    # Get-Odd-Name is what the attribute finds.
    assert "Number: object = ...," in text
    assert "a b" not in text.replace('a "b"', "")
    assert "__x" not in text


def test_the_text_is_the_same_each_time(session: Session, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_stubs(session, ["PSReadLine", "Microsoft.PowerShell.Utility"], tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "psreadline.py" in files
    for name in files:
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


def test_the_command_replaces_its_own_folder_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "own"
    for _ in range(2):
        assert main(["stubs", "Microsoft.PowerShell.Archive", "-o", str(folder)]) == 0
        assert capsys.readouterr().out == "Microsoft.PowerShell.Archive: 2 commands\n"
    (folder / "__init__.py").write_text("mine = 1\n")
    assert main(["stubs", "Microsoft.PowerShell.Archive", "-o", str(folder)]) == 1
    assert "was not made by psbridge stubs" in capsys.readouterr().err
    assert main(["stubs", "PSReadLine", "-o", str(tmp_path / "no-name")]) == 1
    assert "cannot be imported by Python" in capsys.readouterr().err
    assert main(["stubs", "NoSuch", "-o", str(tmp_path / "x")]) == 1
    assert capsys.readouterr().err == (
        "psbridge: there is no module 'NoSuch', neither Python's nor PowerShell's\n"
    )
    assert not (tmp_path / "x").exists()


def test_two_modules_of_one_name_are_refused(session: Session, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.psm1").write_text("function Get-Same { }")
    paths = [str(tmp_path / folder / "same.psm1") for folder in ("a", "b")]
    with pytest.raises(DeclarationError, match=r"two of the modules would be same\.py"):
        write_stubs(session, paths, tmp_path / "stubs")
    with pytest.raises(PsbridgeError, match="cannot be imported"):
        write_stubs(session, paths, tmp_path / "class")

"""A session's commands as attributes that can be called."""

from __future__ import annotations

import datetime as dt
import inspect
import pydoc
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from psbridge import DeclarationError, Parameter, PipelineTimeout, PowerShellError, Session, cmdlet
from psbridge.session.command_table import Command

EMPTY = inspect.Parameter.empty


def parameter(command: Command, name: str) -> inspect.Parameter:
    return inspect.signature(command).parameters[name]


def test_a_command_is_called_with_what_call_takes(shell: Session) -> None:
    commands = shell.commands
    assert commands.Sort_Object(input=[2, 3, 1], Descending=True, first=2) == [3, 2]
    (item,) = commands.Get_Item("/", select=["Name", "FullName"])
    assert list(item) == ["Name", "FullName"]
    assert commands.Write_Output("a", "b") == ["a", "b"]
    assert commands.Write_Output(parameters={"InputObject": 3}) == [3]
    with pytest.raises(PowerShellError):
        commands.Get_Item("/no/such", check=True)
    with pytest.raises(PipelineTimeout):
        commands.Start_Sleep(Seconds=60, timeout=0.2)


def test_letter_case_makes_no_difference(shell: Session) -> None:
    assert shell.commands.get_DATE(year=2020, format="yyyy") == ["2020"]
    assert repr(shell.commands.get_date) == "<Command Get-Date>"
    assert shell.commands["GET-date"].name == "Get-Date"


def test_all_kinds_of_commands_are_found(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Say-Hello.ps1").write_text('param($Name = "you") "hello $Name"')
    program = tmp_path / "say-bye"
    program.write_text("#!/bin/sh\necho bye $1\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    shell.run(
        "function Get-Double($x) { 2 * $x }; function Get-My_Own { 'own' }; "
        "function a_b-c_d { 'mixed' }; Set-Alias twice Get-Double"
    )
    commands = shell.commands
    assert commands.Get_Double(4) == [8]
    assert commands.twice(x=4) == [8]
    assert commands.Get_My_Own() == ["own"]
    assert commands.a_b_c_d() == ["mixed"]
    assert commands.Say_Hello(Name="Ada") == ["hello Ada"]
    assert commands.say_bye("Ada") == ["bye Ada"]
    assert commands[str(program)]("Ada") == ["bye Ada"]
    assert commands["Microsoft.PowerShell.Utility\\Get-Date"](Year=2020, Format="yyyy") == ["2020"]


def test_listing_them_imports_no_module(shell: Session) -> None:
    shown = dir(shell.commands)
    assert {"Get_Process", "Compress_Archive", "Where_Object"} <= set(shown)
    assert all(name.isidentifier() for name in shown)
    assert "Get-Process" in list(shell.commands)
    assert len(shell.commands) == len(list(shell.commands)) > 100
    loaded = {module.Name for module in shell.run("Get-Module")}
    assert not loaded & {"Microsoft.PowerShell.Management", "Microsoft.PowerShell.Archive"}


def test_in_is_true_for_what_can_be_called(shell: Session) -> None:
    assert "get-process" in shell.commands
    assert "Get-Nothing" not in shell.commands
    assert "Get-*" not in shell.commands
    assert "" not in shell.commands
    assert 3 not in shell.commands
    assert bool(shell.commands)


def test_an_unknown_one_is_an_error_that_names_the_nearest(shell: Session) -> None:
    with pytest.raises(AttributeError, match=r"'Get-Proces'; near it: Get_Process"):
        shell.commands.Get_Proces  # noqa: B018
    with pytest.raises(KeyError, match=r"'Get-Proces'; near it: Get-Process"):
        shell.commands["Get-Proces"]
    assert not hasattr(shell.commands, "_repr_html_")
    with pytest.raises(DeclarationError, match="name is 3"):
        shell.commands[3]  # type: ignore[index]


def test_the_signature_has_powershell_s_names_and_python_s_types(shell: Session) -> None:
    commands = shell.commands
    process = inspect.signature(commands.Get_Process)
    assert next(iter(process.parameters)) == "Name"
    name = process.parameters["Name"]
    assert (name.kind, name.annotation, name.default) == (
        name.POSITIONAL_OR_KEYWORD,
        list[str],
        ...,
    )
    number = process.parameters["Id"]
    assert (number.kind, number.annotation) == (number.KEYWORD_ONLY, list[int])
    assert parameter(commands.Get_Process, "Module").annotation is bool
    assert parameter(commands.Get_Date, "Date").annotation is dt.datetime
    assert parameter(commands.New_TimeSpan, "Hours").annotation is int
    assert parameter(commands.Set_Content, "Value").annotation == list[object] | None
    assert parameter(commands.New_Object, "Property").annotation == Mapping[Any, Any]
    hint = parameter(commands.Get_Date, "DisplayHint").annotation
    assert hint == Literal["Date", "Time", "DateTime"]
    # Those that PowerShell adds for files are there, too.
    assert parameter(commands.Get_ChildItem, "Directory").annotation is bool
    # Enums of flags can be combined.
    assert parameter(commands.Get_Command, "CommandType").annotation is str
    assert parameter(commands.Get_Credential, "Credential").annotation == "Credential"
    assert "Verbose" not in process.parameters
    process.bind("pwsh", Module=True, select=["Name"], ErrorAction="Stop")


def test_what_is_mandatory_in_the_default_set_has_no_default(shell: Session) -> None:
    archive = shell.commands.Compress_Archive
    assert parameter(archive, "Path").default is EMPTY
    assert parameter(archive, "DestinationPath").default is EMPTY
    assert parameter(archive, "LiteralPath").default is ...  # of another set
    assert parameter(archive, "CompressionLevel").default == "Optimal"
    with pytest.raises(TypeError, match="DestinationPath"):
        inspect.signature(archive).bind("a")


def test_signatures_of_functions_scripts_aliases_and_programs(
    shell: Session, tmp_path: Path
) -> None:
    shell.run(
        "function Get-It([int]$from = 3, [string]$first, [switch]$On, ${a b}, $Odd = (Get-Date)) "
        '{ "$from $first" }; '
        "function Get-Strict { param([Parameter(Mandatory)][ValidateSet('a', 'b')]$Which, "
        "[Parameter(ValueFromRemainingArguments)]$Rest) }; Set-Alias it Get-It"
    )
    commands = shell.commands
    assert str(inspect.signature(commands.it)) == (
        "(From: int = 3, First: str = Ellipsis, *arguments: object, "
        "Odd: object = Ellipsis, On: bool = Ellipsis, **options: object)"
    )
    assert commands.Get_It(From=1, First="x") == ["1 x"]
    assert str(inspect.signature(commands.Get_Strict)) == (
        "(Which: Literal['a', 'b'], Rest: object = Ellipsis, *arguments: object, **options: object)"
    )
    script = tmp_path / "x.ps1"
    script.write_text("param([double]$Ratio) $Ratio")
    assert parameter(commands[str(script)], "Ratio").annotation is float
    shell.run("function Get-Most([Nullable[int]]$Most, [AllowNull()][pscredential]$As) { }")
    assert str(inspect.signature(commands.Get_Most)) == (
        "(Most: int | None = Ellipsis, As: 'Credential | None' = Ellipsis, *arguments: object, "
        "**options: object)"
    )
    assert str(inspect.signature(commands["sh"])) == "(*arguments: object, **options: object)"
    assert str(inspect.signature(Command)).startswith("(session")


@cmdlet("Get-Sum")
def get_sum(left: Annotated[int, Parameter(help="The one.")], right: int = 2) -> int:
    """Add two numbers."""
    return left + right


def test_the_docstring_is_the_help(shell: Session) -> None:
    shell.import_cmdlets(get_sum)
    assert "Add two numbers." in str(shell.commands.Get_Sum.__doc__)
    assert "Add two numbers." in pydoc.render_doc(shell.commands.Get_Sum)
    assert "Get-Process [[-Name] <string[]>]" in str(inspect.getdoc(shell.commands.gps))
    assert "program" in str(shell.commands["sh"].__doc__)
    assert "something to call" in str(Command.__doc__)


def test_what_is_gone_says_so(shell: Session) -> None:
    shell.run("function Get-Gone($x) { }")
    gone = shell.commands.Get_Gone
    shell.run("Microsoft.PowerShell.Management\\Remove-Item Function:Get-Gone")
    with pytest.raises(PowerShellError, match="Get-Gone"):
        gone()
    assert gone.__doc__ is None


def test_the_session_s_variables_stay_as_they_are(shell: Session) -> None:
    shell.run("$name = $names = $found = $index = $command = $help = 'mine'")
    before = shell.run("(Microsoft.PowerShell.Utility\\Get-Variable).Name")
    dir(shell.commands)
    assert "Get-Date" in shell.commands
    inspect.signature(shell.commands.Get_Date)
    assert shell.commands.Get_Date.__doc__
    shell.complete("Get-D")
    assert shell.run("(Microsoft.PowerShell.Utility\\Get-Variable).Name") == before
    for name in ("name", "names", "found", "index", "command", "help"):
        assert shell.variables[name] == "mine"

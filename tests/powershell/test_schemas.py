"""`psbridge schema`: the parameters of commands, for programs that let others call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from psbridge import DeclarationError, Session
from psbridge.cli import main
from psbridge.powershell.schemas import schemas_of

ROOT = Path(__file__).parents[2]


def check(schema: Any) -> None:
    """Whether it is a schema, of the kind that is written here."""
    Draft202012Validator.check_schema(schema)
    kinds = {"array", "boolean", "integer", "number", "object", "string"}
    assert set(schema) <= {
        *("$schema", "type", "properties", "required", "additionalProperties", "items", "enum"),
        *("description", "default", "format", "minimum", "maximum"),
    }
    kind = schema.get("type", "object")
    kind, *null = kind if isinstance(kind, list) else [kind]
    assert kind in kinds
    assert null in ([], ["null"])
    for inner in schema.get("properties", {}).values():
        check(inner)
    if "items" in schema:
        assert kind == "array"
        check(schema["items"])
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    if "enum" in schema:
        assert len(set(schema["enum"])) == len(schema["enum"]) > 0
        assert schema.get("default", schema["enum"][0]) in schema["enum"]


FUNCTION = """
<#
.SYNOPSIS
Gives some.

.PARAMETER Name
Whose.
#>
function Get-Some {
    param(
        [Parameter(Mandatory)][string]$Name,
        [ValidateRange(1, 10)][int]$Count = 3,
        [ValidateSet('Low', 'High')][string[]]$Level,
        [Parameter(HelpMessage = 'When it was.')][datetime]$When,
        [switch]$Loud, [hashtable]$Table, $Anything, [guid]$Id, [double]$Ratio = 0.5,
        [scriptblock]$Block, [System.ConsoleColor]$Color, [Nullable[int]]$Most,
        [AllowNull()][Nullable[System.DayOfWeek]]$Day
    )
    "$Name $Count $Level $Loud $($Table.a) $Color"
}
"""


def test_a_command_s_parameters_with_what_is_said_of_them(shell: Session) -> None:
    shell.run(FUNCTION)
    (found,) = schemas_of(shell, ["get-some"])
    parameters = found["parameters"]
    check(parameters)
    assert (found["name"], found["description"]) == ("Get-Some", "Gives some.")
    assert parameters["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert parameters["required"] == ["Name"]
    assert parameters["additionalProperties"] is False
    properties = parameters["properties"]
    colors = properties.pop("Color")
    assert (colors["type"], colors["enum"][0], len(colors["enum"])) == ("string", "Black", 16)
    assert properties.pop("Day")["enum"][-1] is None
    assert properties == {
        "Anything": {},
        "Block": {"description": "(System.Management.Automation.ScriptBlock in .NET)"},
        "Count": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        "Id": {"type": "string", "format": "uuid"},
        "Level": {"type": "array", "items": {"type": "string", "enum": ["Low", "High"]}},
        "Loud": {"type": "boolean", "default": False},
        "Most": {"type": ["integer", "null"]},
        "Name": {"type": "string", "description": "Whose."},
        "Ratio": {"type": "number", "default": 0.5},
        "Table": {"type": "object"},
        "When": {"type": "string", "format": "date-time", "description": "When it was."},
    }


def test_what_fits_it_can_be_given(shell: Session) -> None:
    shell.run(FUNCTION)
    given = json.loads('{"Name": "a", "Level": ["Low"], "Loud": true, "Table": {"a": 1}}')
    assert shell.call("Get-Some", parameters=given, Color="Red") == ["a 3 Low True 1 Red"]
    assert shell.call("Get-Some", "a", Most=None, Day=None) == ["a 3  False  "]
    (found,) = schemas_of(shell, ["Get-Some"])
    validator = Draft202012Validator(found["parameters"])
    assert validator.is_valid(given | {"Color": "Red", "Most": None, "Day": None})
    for wrong in ({"Count": 11}, {"Level": ["Middle"]}, {"Loud": 1}, {"Other": 1}, {"Name": 5}):
        assert not validator.is_valid(given | wrong), wrong
    assert not validator.is_valid({"Count": 1})


@pytest.mark.parametrize(
    "module", ["Microsoft.PowerShell.Core", "PSReadLine", "Microsoft.PowerShell.Archive"]
)
def test_all_commands_of_a_module_have_one(shell: Session, module: str) -> None:
    names = shell.run("(Get-Command -CommandType Cmdlet, Function -Module $args[0]).Name", module)
    for found in schemas_of(shell, names):
        json.dumps(found, allow_nan=False)
        check(found["parameters"])
        assert found["name"]


def test_mandatory_is_what_is_so_in_each_parameter_set(shell: Session) -> None:
    archive, date = schemas_of(shell, ["Compress-Archive", "Get-Date"])
    assert archive["parameters"]["required"] == ["DestinationPath"]
    assert archive["parameters"]["properties"]["CompressionLevel"]["default"] == "Optimal"
    assert date["description"].startswith("Get-Date [[-Date] <datetime>]")


def test_the_command_writes_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    module = str(ROOT / "samples" / "word_count.py")
    assert main(["schema", "Get-WordCount", "Get-Date", "--module", module]) == 0
    count, date = json.loads(capsys.readouterr().out)
    assert (count["name"], date["name"]) == ("Get-WordCount", "Get-Date")
    assert count["description"] == "Count the words in text files."
    encoding = count["parameters"]["properties"]["Encoding"]
    assert encoding == {
        "type": "string",
        "enum": ["utf-8", "latin-1"],
        "description": "How the files are encoded.",
        "default": "utf-8",
    }


def test_what_has_none_is_an_error(shell: Session, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeclarationError, match="'Get-Proces'; near it: Get-Process"):
        schemas_of(shell, ["Get-Proces"])
    with pytest.raises(DeclarationError, match="a program"):
        schemas_of(shell, ["sh"])
    assert main(["schema", "Get-Proces"]) == 1
    assert capsys.readouterr().err.startswith("psbridge: PowerShell has no command 'Get-Proces'")

"""Each kind of parameter beside its twin in C#: the same values, and the same errors."""

import datetime as dt
import decimal
import enum
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from psbridge import (
    Cmdlet,
    Credential,
    Parameter,
    PowerShellError,
    PowerShellObject,
    Secret,
    Session,
)
from psbridge.engine.compiling import SourceFile, load_compiled


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def even(value: int) -> bool:
    return value % 2 == 0


class Twin(Cmdlet, verb="Test", noun="PyTwin"):
    text: Annotated[str, Parameter(position=0)]
    number: int
    real: float
    exact: decimal.Decimal
    switch: bool
    when: dt.datetime
    duration: dt.timedelta
    key: uuid.UUID
    data: bytes
    texts: list[str]
    numbers: list[int]
    table: dict[str, Any]
    how: Literal["Fast", "Slow"]
    colour: Colour
    colours: list[Colour]
    place: Path
    files: list[Path]
    version: Annotated[object, Parameter(net_type="System.Version")]
    block: Callable[..., Any]
    password: Secret
    login: Credential
    anything: object
    ranged: Annotated[int, Parameter(range=(1, 10))]
    ranged_real: Annotated[float, Parameter(range=(0.5, 1.5))]
    sized: Annotated[str, Parameter(length=(2, 3))]
    counted: Annotated[list[str], Parameter(count=(1, 2))]
    matching: Annotated[str, Parameter(pattern="^a+$")]
    not_empty: Annotated[str, Parameter(not_empty=True)]
    even: Annotated[int, Parameter(validate=even)]
    trimmed: Annotated[str, Parameter(transform=lambda value: str(value).strip())]
    reserved: Annotated[str, Parameter(hidden=True)]
    named: Annotated[str, Parameter(alias=["Nick"])]
    piped: Annotated[int, Parameter(from_pipeline=True)]
    property: Annotated[str, Parameter(from_pipeline_by_property_name=True)]
    rest: Annotated[list[str], Parameter(from_remaining_arguments=True)]

    def process(self) -> Iterator[Any]:
        declaration = type(self).declaration
        assert declaration is not None
        names = {parameter.name: parameter.attribute for parameter in declaration.parameters}
        for name in sorted(names):
            if names[name] in self.given:
                yield name
                yield _comparable(getattr(self, names[name]))


class Sets(
    Cmdlet,
    verb="Test",
    noun="PySets",
    default_parameter_set="ByName",
    supports_should_process=True,
    confirm_impact="Low",
):
    name: Annotated[str, Parameter(parameter_set="ByName", mandatory=True, position=0)]
    id: Annotated[int, Parameter(parameter_set="ById", mandatory=True)]
    both: Annotated[
        str, Parameter(parameter_set="ByName"), Parameter(parameter_set="ById", mandatory=True)
    ]

    def process(self) -> Iterator[str]:
        yield self.parameter_set_name
        if self.should_process("target", "action"):
            yield "done"


@pytest.fixture(scope="module")
def twins() -> Iterator[Session]:
    with Session() as shell:
        shell.import_cmdlets(Twin, Sets)
        path = Path(__file__).with_name("twin") / "TestTwinCommand.cs"
        made = load_compiled(
            [SourceFile(path.name, path.read_text("utf-8"))], name="Twin", home=shell.engine.home
        )
        shell.run("param($a) Import-Module -Assembly $a", a=made.assembly)
        shell.run("$secure = [System.Net.NetworkCredential]::new('', 'hidden').SecurePassword")
        yield shell


ARGUMENTS = [
    "plain", "-Text plain", "-Text ''", "-Text $null", "-Text 5", "-Text a,b",
    "-Number 5", "-Number '0x1f'", "-Number 2.6", "-Number 1e30", "-Number five", "-Number $null",
    "-Number 9223372036854775807", "-Number 9223372036854775808", "-Number 5,6",
    "-Real 2", "-Real 1e308", "-Real two", "-Real ([double]::NaN)",
    "-Exact 1.10", "-Exact 1e40", "-Exact x",
    "-Switch", "-Switch:$false", "-Switch:$null", "-Switch:5", "-Switch x",
    "-When 2026-01-02", "-When '2026-01-02 03:04:05'", "-When never",
    "-Duration 01:02:03", "-Duration 5", "-Duration long",
    "-Key 6f9619ff-8b86-d011-b42d-00cf4fc964ff", "-Key nokey",
    "-Data 1,2,255", "-Data 256", "-Data x",
    "-Texts a", "-Texts a,b", "-Texts 1,2", "-Texts @()", "-Texts $null",
    "-Numbers 1", "-Numbers 1,2", "-Numbers a,b",
    "-Table @{k=1}", "-Table @{}", "-Table x",
    "-How Fast", "-How no", "-How ''", "-How $null",
    "-Colour RED", "-Colour green", "-Colour 1", "-Colour $null",
    "-Colours BLUE,RED", "-Colours RED,green", "-Colours @()",
    "-Place x.txt", "-Place ../x", "-Place nodrive:x", "-Place ''", "-Place a,b",
    "-Files [r]oot, nosuch*", "-Files nodrive:x", "-Files @()", "-Files ''",
    "-Version 1.2.3", "-Version x", "-Version $null",
    "-Block { 1 }", "-Block x",
    "-Password $secure", "-Password text",
    "-Login ([pscredential]::new('me', $secure))", "-Login 5",
    "-Anything 5", "-Anything $null", "-Anything a,b", "-Anything @{k=1}",
    "-Ranged 1", "-Ranged 10", "-Ranged 0", "-Ranged 11", "-Ranged x",
    "-RangedReal 0.5", "-RangedReal 2",
    "-Sized ab", "-Sized a", "-Sized abcd", "-Sized ''",
    "-Counted a", "-Counted a,b,c", "-Counted @()",
    "-Matching aaa", "-Matching b",
    "-NotEmpty x", "-NotEmpty ''", "-NotEmpty $null",
    "-Even 4", "-Even 3", "-Even x", "-Reserved x",
    "-Trimmed ' x '", "-Trimmed 5",
    "-Named x", "-Nick x", "-Nam x", "-N x", "-NoSuch x", "-Text", "-Text a -Text b",
    "plain -Rest a,b", "plain more and more", "plain more -Number 3 and",
    "-Verbose -Number 3", "-ErrorAction Stop -Number x",
]  # fmt: skip

# Not with a property that only the first record has: BoundParameters still has it for the second,
# with the default's value. A cmdlet of ours has its default, and says that it was not given.
PIPELINES = [
    "1..3 | {0}", "'7' | {0}", "'x' | {0}", "$null | {0}", "@() | {0}", "1, 'x', 3 | {0}",
    "[pscustomobject]@{Property='p'} | {0}",
    "[pscustomobject]@{Property=1}, [pscustomobject]@{Property=2} | {0}",
    "[pscustomobject]@{Other='p'} | {0}",
]  # fmt: skip

SETS = [
    "joe", "-Name joe", "-Id 3", "-Id 3 -Both x", "joe -Both x", "joe -Id 3", "-Both x", "",
    "joe -WhatIf", "joe -Confirm:$false", "joe -Confirm",
]  # fmt: skip


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments_bind_as_in_csharp(twins: Session, arguments: str) -> None:
    compare(twins, "Test-{0}Twin " + arguments)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_pipeline_input_binds_as_in_csharp(twins: Session, pipeline: str) -> None:
    compare(twins, pipeline.replace("{0}", "Test-{0}Twin"))


@pytest.mark.parametrize("arguments", SETS)
def test_parameter_sets_and_should_process_are_those_of_csharp(
    twins: Session, arguments: str
) -> None:
    compare(twins, "Test-{0}Sets " + arguments)


@pytest.mark.parametrize("name", ["Twin", "Sets"])
def test_the_syntax_is_that_of_csharp(twins: Session, name: str) -> None:
    compare(twins, "Get-Command Test-{0}" + name + " -Syntax")


@pytest.mark.parametrize("typed", ["-R", "-How ", "-Colour b", "-Switch:"])
def test_completion_offers_the_names_and_values_that_it_offers_in_csharp(
    twins: Session, typed: str
) -> None:
    script = (
        f"$line = 'Test-{{0}}Twin {typed}'; [System.Management.Automation.CommandCompletion]::"
        "CompleteInput($line, $line.Length, $null).CompletionMatches | % { $_.CompletionText }"
    )
    compare(twins, script)


def compare(twins: Session, script: str) -> None:
    ours, theirs = (observed(twins, script.replace("{0}", kind)) for kind in ("Py", "Net"))
    assert ours == theirs


def observed(shell: Session, script: str) -> tuple[Any, ...]:
    """The output and the errors of a script, without the twin's own name."""
    try:
        result = shell.run(script)
    except PowerShellError as error:
        return ("terminating", neutral(error.error_id), neutral(str(error)), error.category)
    errors = [(neutral(e.error_id), neutral(e.message), e.category) for e in result.errors]
    return ([neutral(_comparable(value)) for value in result], errors)


def neutral(value: Any) -> Any:
    """A text without what has to differ between twins."""
    if not isinstance(value, str):
        return value
    value = re.sub(r"PSBridge\.Cmdlets\.Test(Py|Net)(\w+)Command", r"Twin.Test\2Command", value)
    return re.sub(r"\b(Test-?)(Py|Net)", r"\1", value)


def _comparable(value: Any) -> Any:
    """A value as both twins can show it."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Credential):
        return [value.username, value.password.reveal()]
    if isinstance(value, (list, tuple)):
        return [_comparable(each) for each in value]
    if isinstance(value, PowerShellObject):
        value = value.net
    kind = type(value).__name__
    if kind == "SecureString":
        return Secret.from_secure_string(value).reveal()
    if kind == "PSCredential":
        return [value.UserName, Secret.from_secure_string(value.Password).reveal()]
    if kind in ("ScriptBlock", "Version", "ScriptFunction"):
        return str(value).strip("{}")
    return value

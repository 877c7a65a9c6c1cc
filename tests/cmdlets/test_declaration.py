"""Declarations are read, and mistakes found, when the class is made; no engine is needed."""

import enum
import types
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest

from psbridge import Cmdlet, DeclarationError, JobCmdlet, Parameter


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_types_become_net_types() -> None:
    class Sample(Cmdlet, verb="Test", noun="Types"):
        text: str
        number: int = 1
        real: float | None = None
        switch: bool = False
        files: list[Path] = []  # noqa: RUF012
        table: dict[str, Any] | None = None
        colour: Colour = Colour.RED
        how: Literal["fast", "slow"] = "fast"
        anything: object = None
        shared: ClassVar[int] = 3
        _private: int = 4

    assert Sample.declaration is not None
    assert Sample.declaration.name == "Test-Types"
    found = {parameter.name: parameter.net_type for parameter in Sample.declaration.parameters}
    assert found == {
        "Text": "string",
        "Number": "long",
        "Real": "double",
        "Switch": "System.Management.Automation.SwitchParameter",
        "Files": "string[]",
        "Table": "System.Collections.Hashtable",
        "Colour": "string",
        "How": "string",
        "Anything": "object",
    }


def test_names_are_powershell_s() -> None:
    class Sample(Cmdlet, verb="Test", noun="Names"):
        max_line_count: int = 1

    assert Sample.declaration is not None
    assert Sample.declaration.parameters[0].name == "MaxLineCount"


@pytest.mark.parametrize(
    ("annotation", "default", "message"),
    [
        (memoryview, ..., r"Bad\.value: .*memoryview.* is no type that a parameter can have"),
        (Annotated[str, Parameter(mandatory=True)], "x", "mandatory and has a default"),
        (Annotated[str, Parameter(alias="FullName")], ..., r"alias is a list of names"),
        (Annotated[str, Parameter(alias=["Full Name"])], ..., "'Full Name' is not made of"),
        (Annotated[str, Parameter(alias=["Verbose"])], ..., "Verbose is taken by every cmdlet"),
        (Annotated[str, Parameter(alias=["asjob"])], ..., "asjob is taken by JobCmdlet"),
        (Annotated[str, Parameter(alias=["value"])], ..., None),
        (Annotated[str, Parameter(alias=["vb"])], ..., "vb is taken by every cmdlet"),
        (Annotated[str, Parameter(position=-1)], ..., "position -1 is not between"),
        (Annotated[str, Parameter(), Parameter()], ..., "more than one Parameter"),
        ("NoSuchType", ..., "cannot be resolved.*NoSuchType"),
    ],
)
def test_a_mistake_names_the_class_and_the_parameter(
    annotation: Any, default: Any, message: str | None
) -> None:
    body: dict[str, Any] = {"__annotations__": {"value": annotation}}
    if default is not ...:
        body["value"] = default
    if message is None:  # an alias that is the parameter's own name is taken by itself
        message = "taken by the parameter value"
    names = {"verb": "Test", "noun": "Bad"}
    with pytest.raises(DeclarationError, match=message):
        types.new_class("Bad", (JobCmdlet,), names, lambda namespace: namespace.update(body))


def test_verb_and_noun_go_together() -> None:
    with pytest.raises(DeclarationError, match="needs both"):

        class Half(Cmdlet, verb="Get"):
            pass


def test_verb_and_noun_are_words() -> None:
    with pytest.raises(DeclarationError, match="noun 'Word Count'"):

        class Words(Cmdlet, verb="Get", noun="Word Count"):
            pass


def test_children_is_one_or_each() -> None:
    with pytest.raises(DeclarationError, match="children is 'all'"):

        class Wrong(JobCmdlet, verb="Get", noun="Wrong", children="all"):  # type: ignore[arg-type]
            pass


def test_a_class_without_verb_and_noun_is_a_base_for_others() -> None:
    class Base(JobCmdlet, children="each"):
        depth: int = 1

    class Derived(Base, verb="Get", noun="Derived"):
        name: str = ""

    assert Base.declaration is None
    assert Derived.declaration is not None
    assert [p.name for p in Derived.declaration.parameters] == ["Depth", "Name"]
    assert Derived.children == "each"


def test_names_that_cmdlets_use_themselves_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Wrong\.begin: psbridge's cmdlets use this name"):

        class Wrong(Cmdlet, verb="Test", noun="Wrong"):
            begin: int = 1  # type: ignore[assignment]


def test_a_hook_is_not_async() -> None:
    with pytest.raises(DeclarationError, match=r"Wrong\.process is async"):

        class Wrong(Cmdlet, verb="Test", noun="Wrong"):
            async def process(self) -> None:
                pass


def test_private_annotations_and_class_variables_are_the_author_s_own() -> None:
    class Sample(Cmdlet, verb="Test", noun="Own"):
        _client: "no_such.Client"  # type: ignore[name-defined]  # noqa: F821
        shared: ClassVar = 3
        text: str = ""

    assert Sample.declaration is not None
    assert [parameter.name for parameter in Sample.declaration.parameters] == ["Text"]


BAD_NET_TYPES = [
    "",
    "System.Version; class X {}",
    "a b",
    "System.)",
    "x\ud800",
    "é",
    5,
    "1a",
    "a..b",
]


@pytest.mark.parametrize("name", BAD_NET_TYPES)
def test_what_is_no_name_of_a_net_type_is_refused_before_it_is_csharp(name: Any) -> None:
    with pytest.raises(DeclarationError, match="is the full name of a"):

        class GetThing(Cmdlet, verb="Get", noun="Thing"):
            value: Annotated[object, Parameter(net_type=name)]

    if isinstance(name, str):
        with pytest.raises(DeclarationError, match="output_types is"):

            class GetOther(Cmdlet, verb="Get", noun="Other", output_types=[name]):
                pass


@pytest.mark.parametrize(
    "name",
    ["System.Version", "int[]", "System.Environment+SpecialFolder", "string[,][]",
     "System.Collections.Generic.Dictionary<string, System.Int32[]>"],
)  # fmt: skip
def test_names_of_net_types_are_taken(name: str) -> None:
    class GetThing(Cmdlet, verb="Get", noun="Thing", output_types=[name]):
        value: Annotated[object, Parameter(net_type=name)]

    assert GetThing.declaration is not None

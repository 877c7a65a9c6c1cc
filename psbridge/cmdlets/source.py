"""The C# source of a cmdlet's type: its name and its parameters; the work is in the base class.

Why source and not emitted code: the attributes read as a C# author would write them, one compiler
serves all of psbridge, the result is kept on disk under the module's name, and it works on every
engine that psbridge supports. Only the declaration is in it, so an edit of the Python code that
does the work compiles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.compiling import SourceFile
from .declaration import Declaration, DeclaredParameter

__all__ = ["NAMESPACE", "class_name", "source_of"]

NAMESPACE = "PSBridge.Cmdlets"

_VALUE_TYPES = {
    "long",
    "double",
    "decimal",
    "System.DateTime",
    "System.TimeSpan",
    "System.Guid",
}


def class_name(declaration: Declaration) -> str:
    """The name of the .NET type, as PowerShell's own authors form it."""
    return f"{declaration.verb}{declaration.noun}Command"


def source_of(module: str, cmdlets: Sequence[tuple[Declaration, bool]]) -> SourceFile:
    """Write the types of a module's cmdlets.

    Args:
        module: the Python module's name, shown in compile errors.
        cmdlets: each declaration, and whether it has the parameters of JobCmdlet.
    """
    classes = [_class(declaration, with_jobs) for declaration, with_jobs in cmdlets]
    # A parameter may have the name of a member of PSCmdlet, such as Host, and hide it.
    head = ["#pragma warning disable CS0108, CS0114", "using System.Management.Automation;"]
    text = "\n".join([*head, f"namespace {NAMESPACE};", *classes])
    return SourceFile(f"{module} (made from its declarations)", text)


def _class(declaration: Declaration, with_jobs: bool) -> str:
    base = "PSBridge.PythonJobCmdlet" if with_jobs else "PSBridge.PythonCmdlet"
    lines = [
        f"[Cmdlet({_text(declaration.verb)}, {_text(declaration.noun)})]",
        f"public sealed class {class_name(declaration)} : {base}",
        "{",
    ]
    for parameter in declaration.parameters:
        lines += [f"    {line}" for line in _property(parameter)]
    names = ", ".join(_text(parameter.name) for parameter in declaration.parameters)
    values = ", ".join(f"this.{parameter.name}" for parameter in declaration.parameters)
    lines += [
        f"    private static readonly string[] s_names = [{names}];",
        "    protected override string[] DeclaredNames => s_names;",
        f"    protected override object?[] DeclaredValues => [{values}];",
        "}",
    ]
    return "\n".join(lines)


def _property(parameter: DeclaredParameter) -> list[str]:
    settings = parameter.settings
    arguments = []
    if settings.position is not None:
        arguments.append(f"Position = {settings.position}")
    for argument, wanted in (
        ("Mandatory", settings.mandatory),
        ("ValueFromPipeline", settings.from_pipeline),
        ("ValueFromPipelineByPropertyName", settings.from_pipeline_by_property_name),
        ("ValueFromRemainingArguments", settings.from_remaining_arguments),
    ):
        if wanted:
            arguments.append(f"{argument} = true")
    if settings.help is not None:
        arguments.append(f"HelpMessage = {_text(settings.help)}")
    lines = [f"[Parameter({', '.join(arguments)})]"]
    if settings.alias:
        lines.append(f"[Alias({', '.join(map(_text, settings.alias))})]")
    if parameter.choices:
        lines.append(f"[ValidateSet({', '.join(map(_text, parameter.choices))})]")
    if parameter.net_type == "System.Management.Automation.SwitchParameter":
        kind = parameter.net_type
    else:
        # Null means not given; the Python class has the default.
        kind = parameter.net_type + "?"
    lines.append(f"public {kind} {parameter.name} {{ get; set; }}")
    return lines


def _text(value: str) -> str:
    """A C# string literal, with everything but plain characters escaped."""
    plain = (
        character
        if character.isascii() and character.isprintable() and character not in '"\\'
        else "".join(f"\\u{unit:04x}" for unit in _utf16(character))
        for character in value
    )
    return '"' + "".join(plain) + '"'


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2)]

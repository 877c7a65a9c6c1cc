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
from .parameter import Parameter

__all__ = ["NAMESPACE", "class_name", "function_key", "source_of"]

NAMESPACE = "PSBridge.Cmdlets"


def class_name(declaration: Declaration) -> str:
    """The name of the .NET type, as PowerShell's own authors form it."""
    return f"{declaration.verb}{declaration.noun}Command"


def function_key(declaration: Declaration, parameter: DeclaredParameter, what: str) -> str:
    """By what name an attribute of a parameter finds its Python function."""
    return f"{declaration.name} -{parameter.name} {what}"


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
    if declaration.dynamic:
        base += ", IDynamicParameters"
    arguments = [_text(declaration.verb), _text(declaration.noun)]
    if declaration.default_parameter_set is not None:
        arguments.append(f"DefaultParameterSetName = {_text(declaration.default_parameter_set)}")
    if declaration.supports_should_process:
        arguments.append("SupportsShouldProcess = true")
        arguments.append(f"ConfirmImpact = ConfirmImpact.{declaration.confirm_impact}")
    lines = [f"[Cmdlet({', '.join(arguments)})]"]
    if declaration.alias:
        lines.append(f"[Alias({', '.join(map(_text, declaration.alias))})]")
    for output in declaration.output_types:
        lines.append(f"[OutputType(typeof({output.replace('+', '.')}))]")
    if with_jobs:
        lines.append("[OutputType(typeof(Job))]")
    lines += [f"public sealed class {class_name(declaration)} : {base}", "{"]
    for parameter in declaration.parameters:
        lines += [f"    {line}" for line in _property(declaration, parameter)]
    names = ", ".join(_text(parameter.name) for parameter in declaration.parameters)
    values = ", ".join(f"this.{parameter.name}" for parameter in declaration.parameters)
    lines += [
        f"    private static readonly string[] s_names = [{names}];",
        "    protected override string[] DeclaredNames => s_names;",
        f"    protected override object?[] DeclaredValues => [{values}];",
    ]
    if declaration.dynamic:
        lines.append("    public object? GetDynamicParameters() => CollectDynamicParameters();")
    lines.append("}")
    return "\n".join(lines)


def _property(declaration: Declaration, parameter: DeclaredParameter) -> list[str]:
    settings = parameter.settings
    lines = [line for each in parameter.in_sets for line in _parameter_attributes(each)]
    if settings.alias:
        lines.append(f"[Alias({', '.join(map(_text, settings.alias))})]")
    if parameter.choices:
        lines.append(f"[ValidateSet({', '.join(map(_text, parameter.choices))})]")
    if settings.not_empty:
        lines.append("[ValidateNotNullOrEmpty]")
    if settings.count is not None:
        lines.append("[ValidateCount({}, {})]".format(*settings.count))
    if settings.length is not None:
        lines.append("[ValidateLength({}, {})]".format(*settings.length))
    if settings.pattern is not None:
        lines.append(f"[ValidatePattern({_text(settings.pattern)})]")
    if settings.range is not None:
        suffix = "L" if parameter.net_type.startswith("long") else "D"
        least, greatest = (f"{_number(bound, suffix)}" for bound in settings.range)
        lines.append(f"[ValidateRange({least}, {greatest})]")
    for what, function in (
        ("Transform", settings.transform),
        ("Validate", settings.validate),
        ("Complete", settings.complete),
    ):
        if function is not None:
            key = function_key(declaration, parameter, what)
            lines.append(f"[PSBridge.Python{what}({_text(key)})]")
    lines += parameter.kind.attributes
    # Null means not given; the Python class has the default.
    kind = parameter.net_type + ("" if parameter.kind.is_switch else "?")
    lines.append(f"public {kind} {parameter.name} {{ get; set; }}")
    return lines


def _parameter_attributes(settings: Parameter) -> list[str]:
    arguments = []
    if settings.position is not None:
        arguments.append(f"Position = {settings.position}")
    for argument, wanted in (
        ("Mandatory", settings.mandatory),
        ("ValueFromPipeline", settings.from_pipeline),
        ("ValueFromPipelineByPropertyName", settings.from_pipeline_by_property_name),
        ("ValueFromRemainingArguments", settings.from_remaining_arguments),
        ("DontShow", settings.hidden),
    ):
        if wanted:
            arguments.append(f"{argument} = true")
    if settings.help is not None:
        arguments.append(f"HelpMessage = {_text(settings.help)}")
    in_set = [f"ParameterSetName = {_text(name)}" for name in settings.parameter_sets]
    return [f"[Parameter({', '.join([*arguments, name] if name else arguments)})]"
            for name in in_set or [""]]  # fmt: skip


def _number(value: float, suffix: str) -> str:
    if suffix == "L":
        return f"{int(value)}L"
    if value == float("inf"):
        return "double.PositiveInfinity"
    if value == float("-inf"):
        return "double.NegativeInfinity"
    return f"{float(value)!r}D"


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

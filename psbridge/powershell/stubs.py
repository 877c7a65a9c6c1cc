"""Writing typed stubs of PowerShell's commands: a Python package of protocols.

Each command is one method, with the parameters of all its parameter sets. Rejected: an overload for
each set. It would also refuse parameters that do not go together, which PowerShell itself says at
once; but a type checker's message about a wrong name would be a list of overloads, thirty of them
for Where-Object, and not the name that was meant.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from ..errors import DeclarationError, PsbridgeError
from ..session.command_description import COMMON_PARAMETERS, CommandDescription, CommandParameter
from ..session.command_signature import arranged, item_type
from .module_commands import commands_of
from .module_folder import new_folder

if TYPE_CHECKING:
    from ..remote.session import Session

__all__ = ["write_stubs"]

_MADE_BY = "# Made by psbridge stubs, which replaces this folder when it is run again."
_OPTIONS_MODULE = "_options"


def write_stubs(session: Session, modules: Sequence[str], folder: Path) -> dict[str, int]:
    """Write a package with the commands of modules as protocols.

    Args:
        session: where the modules are imported.
        modules: what `Session.import_module` takes.
        folder: the package; one that this has made before is replaced.

    Returns:
        How many commands there are of each module.

    Raises:
        DeclarationError: a module cannot be loaded, or two have names that Python takes for one.
        PowerShellError: PowerShell cannot import a module.
        PsbridgeError: the folder is something else's, has no name that Python can import, or
            cannot be written.
    """
    folder = folder.expanduser().absolute()
    if not folder.name.isidentifier() or keyword.iskeyword(folder.name):
        raise PsbridgeError(
            f"{folder.name!r} cannot be imported by Python; the folder is a package, such as "
            "powershell_commands"
        )
    _check_is_free(folder)
    texts: dict[str, str] = {}
    classes: dict[str, str] = {}
    counts: dict[str, int] = {}
    for module in dict.fromkeys(modules):
        name = _file_name(module)
        if name in texts:
            raise DeclarationError(f"two of the modules would be {name}.py; name one of them")
        classes[name] = _class_name(module)
        commands = _by_method(commands_of(session, module))
        texts[name] = _module_text(module, classes[name], commands)
        counts[module] = len(commands)
    with new_folder(folder) as made:
        (made / f"{_OPTIONS_MODULE}.py").write_text(_options_text(), encoding="utf-8")
        (made / "__init__.py").write_text(_package_text(classes), encoding="utf-8")
        for name, text in texts.items():
            (made / f"{name}.py").write_text(text, encoding="utf-8")
    return counts


def _check_is_free(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        ours = (folder / "__init__.py").read_text(encoding="utf-8").startswith(_MADE_BY)
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise PsbridgeError(f"{folder} is there and was not made by psbridge stubs")


def _stem(module: str) -> str:
    found = Path(module)
    file = re.search(r"[/\\]", module) or found.suffix.lower() in (".py", ".psd1", ".psm1", ".dll")
    return found.stem if file else module


def _file_name(module: str) -> str:
    name = re.sub(r"\W+", "_", _stem(module).lower()).strip("_")
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"module_{name}"


def _class_name(module: str) -> str:
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", _stem(module)))
    return name if name.isidentifier() and name != "Commands" else f"Module{name}"


def _by_method(commands: Sequence[CommandDescription]) -> dict[str, CommandDescription]:
    """Commands by the names of their methods; what Python has no name for is left out."""
    found: dict[str, CommandDescription] = {}
    for command in commands:
        name = command.name.replace("-", "_")
        usable = name.isidentifier() and not keyword.iskeyword(name) and name[0] != "_"
        if usable and name not in _IN_USE:
            found.setdefault(name, command)
    return found


# What the texts of the others mean by these must be the same behind a method.
_IN_USE = frozenset((
    *("bool", "bytes", "datetime", "decimal", "float", "int", "object", "str", "uuid"),
    *("Any", "CallOptions", "CommonParameters", "Credential", "Literal", "Mapping", "Reader"),
    *("Result", "Secret", "Sequence", "T", "Unpack", "type"),
))  # fmt: skip


def _package_text(classes: Mapping[str, str]) -> str:
    imports = [f"from .{name} import {classes[name]}" for name in sorted(classes)]
    bases = [*classes.values(), "Protocol"]
    names = sorted([*classes.values(), "Commands"])
    return "\n".join(
        [
            _MADE_BY,
            # Modules may have commands of one name; the first is taken.
            '# mypy: disable-error-code="misc, override"',
            "# ruff: noqa",
            '"""PowerShell\'s commands, for editors and type checkers."""',
            "",
            "from collections.abc import Callable",
            "from typing import Any, Protocol",
            "",
            *imports,
            "",
            f"__all__ = {names!r}",
            "",
            "",
            f"class Commands({', '.join(bases)}):",
            '    """The commands of all these modules."""',
            "",
            "    def __getitem__(self, name: str, /) -> Callable[..., Any]: ...",
            "",
        ]
    )


def _options_text() -> str:
    kinds = {"Verbose": "bool", "Debug": "bool", "OutBuffer": "int"}
    common = [f"    {name}: {kinds.get(name, 'str')}" for name in COMMON_PARAMETERS]
    return f'''{_MADE_BY}
# ruff: noqa
"""What each command takes beside its own parameters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)  # what no `as_` was given for
else:
    from typing import TypeVar

    T = TypeVar("T")


class CallOptions(TypedDict, total=False):
    """What psbridge's `call` takes."""

    select: Sequence[str] | None
    first: int | None
    input: Iterable[object] | None
    timeout: float | None
    check: bool
    parameters: Mapping[str, object] | None


class CommonParameters(CallOptions, total=False):
    """What cmdlets and advanced functions take, too."""

{chr(10).join(common)}
'''


def _module_text(module: str, name: str, commands: Mapping[str, CommandDescription]) -> str:
    body = [line for method in commands for line in _method(method, commands[method])]
    text = "\n".join(body)
    lines = [_MADE_BY, "# ruff: noqa", f'"""The commands of {_said(module)}."""', ""]
    lines += [
        f"import {name}"
        for name in ("datetime", "decimal", "pathlib", "uuid")
        if f"{name}." in text
    ]
    abstract = [name for name in ("Mapping", "Sequence") if f"{name}[" in text]
    if abstract:
        lines.append(f"from collections.abc import {', '.join(abstract)}")
    typing = [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b[\],\[]", text)]
    typing += ["Protocol", *(["Unpack"] if body else [])]
    lines.append(f"from typing import {', '.join(typing)}")
    ours = [name for name in ("Credential", "Secret") if re.search(rf": {name}\b", text)]
    ours += ["Reader", "Result"] if body else []
    if ours:
        lines += ["", f"from psbridge import {', '.join(ours)}"]
    used = [name for name in ("CallOptions", "CommonParameters") if f"Unpack[{name}]" in text]
    if used:
        lines += ["", f"from ._options import {', '.join([*used, 'T'])}"]
    doc = f'    """The commands of {_said(module)}."""'
    return "\n".join([*lines, "", "", f"class {name}(Protocol):", doc, *body, ""])


def _said(module: str) -> str:
    """The name of a module in a docstring."""
    return re.sub(r'[\\"]|[^ -~]', "_", _stem(module))


def _method(name: str, command: CommandDescription) -> Iterator[str]:
    # What comes from the pipeline need not be given: `input` has it.
    piped = {use.name for each in command.sets for use in each.uses if use.from_pipeline}
    required = {
        known for known in command.parameters if known not in piped and command.is_mandatory(known)
    }
    positional, takes_rest, by_name = arranged(command, set())
    # In Python what has to be given cannot stand behind what need not.
    optional_before = False
    for _, known in positional:
        optional_before = optional_before or known not in required
        if optional_before:
            required.discard(known)
    yield ""
    yield f"    def {name}("
    yield "        self,"
    for shown, known in positional:
        kinds = [command.parameters[other] for other in _at_place_of(command, known)]
        yield f"        {_declared(shown, kinds, known in required)}"
    if takes_rest:
        yield "        *arguments: object,"
    else:
        yield "        *,"
    for shown, known in by_name:
        yield f"        {_declared(shown, [command.parameters[known]], known in required)}"
    options = "CommonParameters" if command.is_advanced else "CallOptions"
    yield "        as_: type[T] | Reader[T] | None = None,"
    yield f"        **options: Unpack[{options}],"
    yield "    ) -> Result[T]: ..."


def _at_place_of(command: CommandDescription, name: str) -> list[str]:
    """The parameters that stand, in one set or another, where this one does; itself first."""
    places = {
        use.position
        for each in command.sets
        for use in each.uses
        if use.name == name and use.position is not None
    }
    others = [use.name for each in command.sets for use in each.uses if use.position in places]
    return list(dict.fromkeys([name, *others]))


def _declared(name: str, parameters: Sequence[CommandParameter], required: bool) -> str:
    kinds = dict.fromkeys(kind for each in parameters for kind in _accepted(each))
    kind = "object" if "object" in kinds else " | ".join(kinds)
    return f"{name}: {kind}," if required else f"{name}: {kind} = ...,"


def _accepted(parameter: CommandParameter) -> Iterator[str]:
    """The types of what PowerShell takes for a parameter; one value is a list of one, too."""
    if parameter.is_list and parameter.type == "System.Byte":
        yield "bytes"
    item = _text_of(item_type(parameter))
    items = (item, *_TAKEN_TOO.get(item, ()))
    yield from items
    if parameter.is_list:
        yield f"Sequence[{' | '.join(items)}]"
    if parameter.takes_none:
        yield "None"


def _text_of(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(ascii, get_args(annotation)))}]"
    if get_origin(annotation) is not None:
        return "Mapping[Any, Any]"
    name: str = annotation.__qualname__
    return name if annotation.__module__ == "builtins" else f"{annotation.__module__}.{name}"


# What psbridge or PowerShell makes into such a value.
_TAKEN_TOO = {
    "str": ("pathlib.PurePath",),
    "datetime.datetime": ("datetime.date", "str"),
    "datetime.timedelta": ("str",),
    "uuid.UUID": ("str",),
    "decimal.Decimal": ("float",),
}

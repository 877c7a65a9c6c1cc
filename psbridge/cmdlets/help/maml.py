"""Writing MAML, the format of PowerShell's help files. No .NET here.

The schema is PowerShell's own, as its help files and the tool platyPS use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from ..cmdlet import Cmdlet, JobCmdlet
from ..declaration import Declaration, DeclaredParameter
from ..parameter import Parameter
from .docstring import Docstring, default_text, read_docstring, texts_of
from .examples import Example

__all__ = ["maml_of"]

_SCHEMAS = {
    "maml": "http://schemas.microsoft.com/maml/2004/10",
    "command": "http://schemas.microsoft.com/maml/dev/command/2004/10",
    "dev": "http://schemas.microsoft.com/maml/dev/2004/10",
}
_ALL_SETS = ""


class _Described(NamedTuple):
    """A parameter as help shows it."""

    name: str
    text: str
    net_type: str
    settings: tuple[Parameter, ...]
    default: str
    choices: tuple[str, ...] = ()
    globbing: bool = False

    @property
    def is_switch(self) -> bool:
        return self.net_type == "SwitchParameter"

    def in_set(self, name: str) -> Parameter | None:
        """What holds for it in a parameter set; None where it is not in it."""
        for settings in self.settings:
            if not settings.parameter_sets or name in settings.parameter_sets:
                return settings
        return None


def maml_of(cmdlets: Sequence[type[Cmdlet]]) -> str:
    """Write the help of cmdlets; those that say nothing of themselves are left out.

    Args:
        cmdlets: the classes.
    """
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _SCHEMAS.items())
    items = "\n".join(filter(None, map(_command, cmdlets)))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<helpItems schema="maml" xmlns="http://msh" {names}>\n{items}\n</helpItems>\n'
    )


def _command(cls: type[Cmdlet]) -> str:
    declaration = cls.declaration
    assert declaration is not None
    own, *bases = [read_docstring(text) for text in texts_of(cls)]
    parameters = _parameters(cls, declaration, [own, *bases])
    if own == Docstring() and not any(parameter.text for parameter in parameters):
        return ""
    sets = sorted({name for p in parameters for s in p.settings for name in s.parameter_sets})
    if default := declaration.default_parameter_set:
        sets.sort(key=lambda name: name != default)
    details = "".join(
        [
            _element("command:name", _text(declaration.name)),
            _element("command:verb", _text(declaration.verb)),
            _element("command:noun", _text(declaration.noun)),
            _element("maml:description", _paragraphs(own.synopsis)),
        ]
    )
    syntax = "".join(_syntax(declaration, parameters, name) for name in sets or [_ALL_SETS])
    described = "".join(_parameter(each, each.settings[0]) for each in parameters)
    inputs = [p for p in parameters if any(s.from_pipeline for s in p.settings)]
    outputs = declaration.output_types or (("System.Object",) if own.output else ())
    return _element(
        "command:command",
        "\n".join(
            [
                _element("command:details", details),
                _element("maml:description", _paragraphs(own.description)),
                _element("command:syntax", syntax),
                _element("command:parameters", described),
                _element("command:inputTypes", "".join(
                    _value("command:inputType", each.net_type, each.text) for each in inputs
                )),
                _element("command:returnValues", "".join(
                    _value("command:returnValue", kind, own.output if not number else "")
                    for number, kind in enumerate(outputs)
                )),
                _element("maml:alertSet", _element("maml:alert", _paragraphs(own.notes))),
                _element("command:examples", "".join(
                    _example(number, each) for number, each in enumerate(own.examples, 1)
                )),
                _element("maml:relatedLinks", "".join(map(_link, own.links))),
            ]
        ),
    )  # fmt: skip


def _parameters(
    cls: type[Cmdlet], declaration: Declaration, texts: Iterable[Docstring]
) -> list[_Described]:
    said: dict[str, str] = {}
    for text in texts:  # the nearest class has the word
        said = text.parameters | said
    found = [_described(cls, parameter, said) for parameter in declaration.parameters]
    if issubclass(cls, JobCmdlet):
        found += _OF_JOBS
    if declaration.supports_should_process:
        found += _OF_CHANGES
    return found


def _described(cls: type[Cmdlet], parameter: DeclaredParameter, said: dict[str, str]) -> _Described:
    default = getattr(cls, parameter.attribute, None)
    return _Described(
        parameter.name,
        said.get(parameter.attribute) or parameter.settings.help or "",
        _type_name(parameter.net_type),
        parameter.in_sets,
        default_text(default),
        parameter.choices,
        globbing=parameter.kind.globs,
    )


def _switch(name: str, text: str, alias: str | None = None) -> _Described:
    settings = (Parameter(alias=[alias] if alias else ()),)
    return _Described(name, text, "SwitchParameter", settings, "False")


_OF_JOBS = [
    _switch("AsJob", "Run as a job, and give the job object at once."),
    _Described("JobName", "The name of the job.", "String", (Parameter(),), "None"),
    _Described(
        "ThrottleLimit", "How many child jobs run at a time.", "Int32", (Parameter(),), "32"
    ),
    _Described(
        "TimeoutSeconds",
        "How many seconds a child job may take; it fails where it takes longer.",
        "Int32",
        (Parameter(),),
        "None",
    ),
]
_OF_CHANGES = [
    _switch("WhatIf", "Show what would be done, and do nothing.", "wi"),
    _switch("Confirm", "Ask before each change.", "cf"),
]


def _syntax(declaration: Declaration, parameters: list[_Described], set_name: str) -> str:
    items = [_element("maml:name", _text(declaration.name))]
    in_set = [(each, settings) for each in parameters if (settings := each.in_set(set_name))]
    in_set.sort(key=lambda pair: (pair[1].position is None, pair[1].position or 0))
    items += [_parameter(each, settings) for each, settings in in_set if not settings.hidden]
    return _element("command:syntaxItem", "".join(items))


def _parameter(parameter: _Described, settings: Parameter) -> str:
    ways = []
    if settings.from_pipeline:
        ways.append("ByValue")
    if settings.from_pipeline_by_property_name:
        ways.append("ByPropertyName")
    attributes = {
        "required": str(settings.mandatory).lower(),
        "variableLength": str(parameter.net_type.endswith("[]")).lower(),
        "globbing": str(parameter.globbing).lower(),
        "pipelineInput": f"True ({', '.join(ways)})" if ways else "False",
        "position": "named" if settings.position is None else str(settings.position),
        "aliases": ", ".join(parameter.settings[0].alias) or "none",
    }
    parts = [
        _element("maml:name", _text(parameter.name)),
        _element("maml:description", _paragraphs(parameter.text)),
    ]
    if parameter.choices:
        choices = "".join(
            _element("command:parameterValue", _text(choice), {"required": "false"})
            for choice in parameter.choices
        )
        parts.append(_element("command:parameterValueGroup", choices))
    if not parameter.is_switch:
        parts.append(
            _element("command:parameterValue", _text(parameter.net_type), {"required": "true"})
        )
    parts.append(_element("dev:type", _element("maml:name", _text(parameter.net_type))))
    parts.append(_element("dev:defaultValue", _text(parameter.default)))
    return _element("command:parameter", "".join(parts), attributes)


def _value(element: str, kind: str, text: str) -> str:
    named = _element("dev:type", _element("maml:name", _text(kind)))
    return _element(element, named + _element("maml:description", _paragraphs(text)))


def _example(number: int, example: Example) -> str:
    title = f"Example {number}" + (f": {example.title}" if example.title else "")
    return _element(
        "command:example",
        _element("maml:title", _text(f"---------- {title} ----------"))
        + _element("dev:code", _text(example.code))
        # The empty paragraph keeps the next title off.
        + _element("dev:remarks", _element("maml:para", _text(example.output)) + "<maml:para/>"),
    )


_LINKS = (
    re.compile(r"\[(.+?)\]\((https?://\S+)\)(.*)"),  # Markdown's
    re.compile(r"`(.+?)\s*<(https?://[^\s>]+)>`_*(.*)"),  # reStructuredText's
    re.compile(r"(.*?)[\s:<]*(https?://[^\s>]*[^\s>.,;])[>.,;]*(.*)"),
)


def _link(text: str) -> str:
    """What stands under See Also; Get-Help -Online opens the first that is an address."""
    found = next(filter(None, (form.match(text) for form in _LINKS)), None)
    words, address = (found[1] + found[3], found[2]) if found else (text, "")
    uri = _element("maml:uri", _text(address)) if address else ""
    return _element("maml:navigationLink", _element("maml:linkText", _text(words)) + uri)


def _paragraphs(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "".join(_element("maml:para", _text(_unwrapped(each))) for each in paragraphs if each)


def _unwrapped(paragraph: str) -> str:
    """A paragraph on one line, for PowerShell wraps; lists and code keep their lines."""
    lines = paragraph.split("\n")
    if any(re.match(r"\s+|[-*+] |\d+[.)] ", line) for line in lines):
        return paragraph
    return " ".join(lines)


def _type_name(net_type: str) -> str:
    name = net_type.removeprefix("global::")
    suffix = "[]" if name.endswith("[]") else ""
    name = name.removesuffix("[]")
    return _CSHARP.get(name, name.rpartition(".")[2]) + suffix


_CSHARP = {
    "string": "String", "long": "Int64", "double": "Double", "decimal": "Decimal",
    "byte": "Byte", "object": "Object", "bool": "Boolean", "int": "Int32",
}  # fmt: skip


_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def _element(name: str, content: str, attributes: dict[str, str] | None = None) -> str:
    given = "".join(
        f" {key}={quoteattr(_NOT_IN_XML.sub('', value))}"
        for key, value in (attributes or {}).items()
    )
    return f"<{name}{given}>{content}</{name}>"

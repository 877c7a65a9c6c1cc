"""Reading the docstring of a cmdlet, in Google's style or NumPy's. No docstring is an error.

Help has to show all that an author wrote. docstring_parser and griffe were tried: the first drops
sections that it does not know and text between sections, both drop lines that are no item of their
section. So only what PowerShell's help has a place for is taken out here; everything else stays in
the description, with its heading and in its order.
"""

from __future__ import annotations

import enum
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import NamedTuple

from ..cmdlet import Cmdlet
from ..declaration import is_ours
from .examples import Example, read_examples

__all__ = ["Docstring", "default_text", "read_docstring", "texts_of"]


@dataclass(frozen=True)
class Docstring:
    """What a docstring says.

    Attributes:
        synopsis: its first paragraph.
        description: the rest of its text, with the sections that have no place of their own.
        parameters: what is said of each parameter, by attribute.
        output: what is said of the output.
        notes: what stands under Notes.
        links: what stands under See Also, one text for each.
        examples: the examples.
    """

    synopsis: str = ""
    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    output: str = ""
    notes: str = ""
    links: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


def texts_of(cls: type[Cmdlet]) -> list[str]:
    """The docstrings that say something of a cmdlet: its own, then those of its bases."""
    return [
        base.__doc__ or "" for base in cls.__mro__ if issubclass(base, Cmdlet) and not is_ours(base)
    ]


def default_text(value: object) -> str:
    """A parameter's default as help shows it, the same in each process."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return ", ".join(map(default_text, value)) or "None"
    if value is None or isinstance(value, (str, int, float, PurePath)):
        return str(value)
    return type(value).__name__ if " at 0x" in repr(value) else str(value)


def read_docstring(text: str | None) -> Docstring:
    """Read a docstring.

    Args:
        text: the docstring; None is an empty one.
    """
    described: list[str] = []
    parameters: dict[str, str] = {}
    outputs: list[str] = []
    notes: list[str] = []
    links: list[str] = []
    examples: list[Example] = []
    for section in _sections(inspect.cleandoc(text or "").split("\n")):
        body = textwrap.dedent("\n".join(section.lines)).strip("\n")
        match section.place:
            case "parameters":
                read = _numpy_parameters if section.underlined else _google_parameters
                found, rest = read(body)
                parameters.update(found)
                described.append(rest)
            case "output":
                outputs.append(_on_a_line(body, ": ") if section.underlined else body)
            case "notes":
                notes.append(body)
            case "links":
                links += _on_a_line(body, " ").split("\n")
            case "examples":
                examples += read_examples(body)
            case _ if section.title:
                described.append(f"{section.title}:\n{textwrap.indent(body, '    ')}")
            case _:
                described.append(body)
    synopsis, *more = re.split(r"\n\s*\n", _joined(described), maxsplit=1)
    return Docstring(
        synopsis=" ".join(synopsis.split()),
        description="".join(more),
        parameters=parameters,
        output=_joined(outputs),
        notes=_joined(notes),
        links=tuple(filter(None, links)),
        examples=tuple(examples),
    )


def _joined(texts: list[str]) -> str:
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())


_PLACES = {
    title: place
    for place, titles in {
        "parameters": [
            "args", "arguments", "params", "parameters", "keyword args", "keyword arguments",
            "other parameters", "attributes",
        ],
        "output": ["return", "returns", "yield", "yields"],
        "notes": ["note", "notes"],
        "links": ["see also", "related links"],
        "examples": ["example", "examples"],
    }.items()
    for title in titles
}  # fmt: skip
# What else ends the examples of NumPy's style; another heading there is a column of their output.
_OF_NUMPY = {"raises", "warns", "warnings", "receives", "references", "methods"}


class _Section(NamedTuple):
    """A part of a docstring; running text has no title.

    Attributes:
        title: its heading.
        underlined: whether the heading is NumPy's, with a line of dashes below it.
        lines: what stands under it.
    """

    title: str
    underlined: bool
    lines: list[str]

    @property
    def place(self) -> str | None:
        """The part of PowerShell's help that it is; None where that is the description."""
        return _PLACES.get(self.title.lower())


def _sections(lines: list[str]) -> Iterator[_Section]:
    """Split a docstring into its sections, in the order in which they stand."""
    section = _Section("", False, [])
    fenced = False
    numbered = enumerate(lines)
    for number, line in numbered:
        fenced ^= line.lstrip().startswith("```")
        underlined = not fenced and _is_underlined(lines, number, section)
        if underlined or (not fenced and _is_heading(lines, number)):
            yield section
            section = _Section(line.strip().rstrip(":").rstrip(), underlined, [])
            if underlined:
                next(numbered)
            continue
        if line.strip() and not line[0].isspace() and section.title and not section.underlined:
            # A section in Google's style ends where the text is not indented any more.
            yield section
            section = _Section("", False, [])
        section.lines.append(line)
    yield section


def _is_underlined(lines: list[str], number: int, section: _Section) -> bool:
    line, *below = lines[number : number + 2]
    if not line.strip() or line[0].isspace() or not below or not re.match(r"-{3,}\s*$", below[0]):
        return False
    title = line.strip().lower()
    return section.place != "examples" or title in _PLACES or title in _OF_NUMPY


def _is_heading(lines: list[str], number: int) -> bool:
    """Whether a line is a heading of Google's style, of a section that has a place in help."""
    line = lines[number].rstrip()
    if not line.endswith(":") or line[:-1].rstrip().lower() not in _PLACES:
        return False
    below = next((line for line in lines[number + 1 :] if line.strip()), "")
    return below.startswith((" ", "\t"))


_NAMES = r"\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*"
_GOOGLE_S = re.compile(rf"({_NAMES})\s*(?:\(.*?\)\s*)?:(?:\s+|$)(.*)")
_NUMPY_S = re.compile(rf"({_NAMES})\s*(?::\s*(.*))?$")


def _google_parameters(body: str) -> tuple[dict[str, str], str]:
    """``name (type): text`` and what goes on below it, indented; and what is none."""
    parameters: dict[str, str] = {}
    rest: list[str] = []
    names: list[str] = []
    for head, below in _items(body):
        found = _GOOGLE_S.match(head)
        if found is None and not names:
            rest.append(f"{head}\n{below}")
            continue
        if found is not None:
            names = _split(found[1])
            parameters |= dict.fromkeys(names, "")
        text = f"{found[2] if found else head}\n{below}"
        for name in names:  # a line that is none goes on with those above it
            parameters[name] = f"{parameters[name]}\n{text}".strip()
    return parameters, _joined(rest)


def _numpy_parameters(body: str) -> tuple[dict[str, str], str]:
    """``names : type`` and the text below it, indented; and what is none."""
    parameters: dict[str, str] = {}
    rest: list[str] = []
    for head, below in _items(body):
        found = _NUMPY_S.match(head)
        if found is None:
            rest.append(f"{head}\n{below}")
            continue
        # The type that help shows is the annotation's. What stands in its place with no text below
        # is the text.
        parameters |= dict.fromkeys(_split(found[1]), below.strip() or found[2] or "")
    return parameters, _joined(rest)


def _split(names: str) -> list[str]:
    return [name.strip().lstrip("*") for name in names.split(",")]


def _items(body: str) -> Iterator[tuple[str, str]]:
    """The lines that are not indented, each with those below it that are."""
    head: str | None = None
    below: list[str] = []
    for line in body.split("\n"):
        if line.strip() and not line[0].isspace():
            if head is not None:
                yield head, textwrap.dedent("\n".join(below)).rstrip()
            head, below = line.rstrip(), []
        else:
            below.append(line)
    if head is not None:
        yield head, textwrap.dedent("\n".join(below)).rstrip()


def _on_a_line(body: str, between: str) -> str:
    """Each item with the text below it on one line."""
    return "\n".join(
        f"{head}{between}{' '.join(below.split())}" if below else head
        for head, below in _items(body)
    )

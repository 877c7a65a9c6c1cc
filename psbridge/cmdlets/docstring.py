"""Reading the docstring of a cmdlet: Google's style and NumPy's.

The sections are found by `docstring_parser`; what PowerShell has and Python has not, examples with
a title, a command and its output, is read here. No docstring is an error.

Known gaps: sections without a place in PowerShell's help (Raises, See Also, Warnings), the first of
two notes, and prose after a section are left out; parameters that share a line, ``a, b : int``, are
not told apart.
"""

from __future__ import annotations

import enum
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import PurePath

from .cmdlet import Cmdlet
from .declaration import is_ours

__all__ = ["Docstring", "Example", "default_text", "read_docstring", "texts_of"]


@dataclass(frozen=True)
class Example:
    """An example.

    Attributes:
        title: what stands before it, in words.
        code: the commands, with their prompts where there were some.
        output: what they show, and what is said after it.
    """

    title: str
    code: str
    output: str


@dataclass(frozen=True)
class Docstring:
    """What a docstring says.

    Attributes:
        synopsis: its first paragraph.
        description: the rest of its text.
        parameters: what is said of each parameter, by attribute.
        output: what is said of the output.
        notes: what stands under Notes.
        examples: the examples.
    """

    synopsis: str = ""
    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    output: str = ""
    notes: str = ""
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
    if not text or not text.strip():
        return Docstring()
    from docstring_parser import Docstring as Parsed
    from docstring_parser import DocstringReturns, ParseError, google, numpydoc

    cleaned = inspect.cleandoc(text)
    single = google.SectionType.SINGULAR
    notes = [google.Section(title, "notes", single) for title in ("Note", "Notes")]
    examples = [google.Section(title, "examples", single) for title in ("Example", "Examples")]
    kept = [section for section in google.DEFAULT_SECTIONS if section.key != "examples"]
    in_google = google.GoogleParser([*kept, *notes, *examples])
    in_numpy = numpydoc.NumpydocParser()
    # Its own reading of examples drops what stands between them.
    in_numpy.add_section(numpydoc.Section("Examples", "examples"))
    in_numpy.add_section(numpydoc.Section("Example", "examples"))
    found: list[Parsed] = []
    for parser in (in_google, in_numpy):
        try:
            found.append(parser.parse(cleaned))
        except (ParseError, ValueError, IndexError):
            continue
    if not found:
        synopsis, _, description = cleaned.partition("\n\n")
        return Docstring(_joined(synopsis), description.strip())
    parsed = max(found, key=lambda each: len(each.meta))
    synopsis, description = parsed.short_description or "", parsed.long_description or ""
    if not parsed.blank_after_short_description and description:
        # The first paragraph goes on.
        more, _, description = description.partition("\n\n")
        synopsis = f"{synopsis} {more}"
    said: dict[str, list[str]] = {}
    output = ""
    for meta in parsed.meta:
        if isinstance(meta, DocstringReturns):
            output = output or meta.description or ""
        else:
            said.setdefault(meta.args[0], []).append(meta.description or "")
    return Docstring(
        synopsis=_joined(synopsis),
        description=description.strip(),
        parameters={param.arg_name: param.description or "" for param in parsed.params},
        output=output,
        notes="\n\n".join(said.get("notes", [])),
        examples=tuple(
            example for section in said.get("examples", []) for example in _examples(section)
        ),
    )


def _joined(text: str) -> str:
    return " ".join(text.split())


_PROMPT = re.compile(r"(>>>|\.\.\.|PS[^>\n]{0,80}>+|\$|>)( |$)")


def _examples(text: str) -> list[Example]:
    """Tell the examples of a section apart: each begins with its commands, or with its title."""
    examples: list[Example] = []
    prose: list[str] = []
    for kind, block in _blocks(inspect.cleandoc(text)):
        if kind == "prose":
            prose.append(_joined(block))
            continue
        code, output = _without_output(block)
        title = " ".join(prose).rstrip(":").strip()
        prose = []
        examples.append(Example(title, code, output))
    rest = "\n\n".join(prose)
    if not examples:
        return [Example("", rest, "")] if rest else []
    if rest:
        last = examples[-1]
        output = "\n\n".join(filter(None, [last.output, rest]))
        examples[-1] = Example(last.title, last.code, output)
    return examples


def _blocks(text: str) -> list[tuple[str, str]]:
    """Paragraphs: prose, or code that is fenced, indented, or begins with a prompt."""
    blocks: list[tuple[str, list[str]]] = []
    fenced = False
    fresh = True
    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced, fresh = not fenced, True
            if fenced:
                blocks.append(("fence", []))
            continue
        if not line.strip() and not fenced:
            fresh = True
            continue
        if fenced:
            blocks[-1][1].append(line)
            continue
        is_prompt = _PROMPT.match(line.lstrip()) is not None
        if fresh or not blocks:
            indented = line.startswith((" ", "\t"))
            kind = "code" if is_prompt else "indented" if indented else "prose"
            if kind == "indented" and blocks and blocks[-1][0] in ("indented", "code"):
                # The output, or more commands, after an empty line.
                blocks[-1][1].append("")
            else:
                blocks.append((kind, []))
        elif is_prompt and blocks[-1][0] == "prose":
            blocks.append(("code", []))
        blocks[-1][1].append(line)
        fresh = False
    return [
        ("prose" if kind == "prose" else "code", textwrap.dedent("\n".join(lines)))
        for kind, lines in blocks
    ]


def _without_output(block: str) -> tuple[str, str]:
    """A block with prompts has the commands' output after the last of them."""
    lines = block.split("\n")
    prompts = [number for number, line in enumerate(lines) if _PROMPT.match(line)]
    if not prompts:
        return block, ""
    end = prompts[-1] + 1
    code = [re.sub(r"^(>>>|\$) ", "PS> ", line) for line in lines[:end]]
    code = [re.sub(r"^\.\.\. ", ">> ", line) for line in code]
    return "\n".join(code), "\n".join(lines[end:]).strip("\n")

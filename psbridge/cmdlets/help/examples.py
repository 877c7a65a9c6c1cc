"""Telling the examples of a docstring apart: the title, the commands and their output of each."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

__all__ = ["Example", "read_examples"]


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


_PROMPT = re.compile(r"(>>>|\.\.\.|PS[^>\n]{0,80}>+|\$|>)( |$)")


def read_examples(text: str) -> list[Example]:
    """Tell the examples of a section apart: each begins with its commands, or with its title.

    Args:
        text: the section, with no indentation in common.
    """
    examples: list[Example] = []
    prose: list[str] = []
    for kind, block in _blocks(text):
        if kind == "prose":
            prose.append(" ".join(block.split()))
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

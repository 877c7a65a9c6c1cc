"""Docstrings as help: Google's style, NumPy's, and what people write otherwise."""

import re

import pytest

from psbridge.cmdlets.help.docstring import Docstring, read_docstring
from psbridge.cmdlets.help.examples import Example

GOOGLE = """Count the words
    in text files.

    Reads each file once.

    Slowly.

    Args:
        path: The files to read.
            Wildcards too.
        encoding (str): How they are encoded.

    Returns:
        One object for each file.

    Raises:
        OSError: it cannot be read.

    Examples:
        Count one file:

        PS> Get-WordCount README.md
        Path  Lines
        ----  -----

        A pipeline, as a job::

            Get-WordCount *.md -AsJob |
                Receive-Job -Wait

        ```powershell
        $a = 1

        $a + 1
        ```

        That is all.

    Note:
        Be careful.
    """

NUMPY = """Count the words in text files.

    Reads each file once.

    Parameters
    ----------
    path : list of str
        The files to read.
    encoding : str, optional
        How they are encoded.

    Returns
    -------
    object
        One object for each file.

    Notes
    -----
    Be careful.

    Examples
    --------
    Count one file:

    >>> Get-WordCount a.txt
    1

    And another:

    >>> $b = 'b.txt'
    >>> Get-WordCount $b
    """


def test_google_s_style() -> None:
    assert read_docstring(GOOGLE) == Docstring(
        synopsis="Count the words in text files.",
        description="Reads each file once.\n\nSlowly.\n\nRaises:\n    OSError: it cannot be read.",
        parameters={
            "path": "The files to read.\nWildcards too.",
            "encoding": "How they are encoded.",
        },
        output="One object for each file.",
        notes="Be careful.",
        examples=(
            Example("Count one file", "PS> Get-WordCount README.md", "Path  Lines\n----  -----"),
            Example(
                "A pipeline, as a job",
                "Get-WordCount *.md -AsJob |\n    Receive-Job -Wait",
                "",
            ),
            Example("", "$a = 1\n\n$a + 1", "That is all."),
        ),
    )


def test_numpy_s_style() -> None:
    assert read_docstring(NUMPY) == Docstring(
        synopsis="Count the words in text files.",
        description="Reads each file once.",
        parameters={"path": "The files to read.", "encoding": "How they are encoded."},
        output="object: One object for each file.",
        notes="Be careful.",
        examples=(
            Example("Count one file", "PS> Get-WordCount a.txt", "1"),
            Example("And another", "PS> $b = 'b.txt'\nPS> Get-WordCount $b", ""),
        ),
    )


ALL_OF_GOOGLE = """Alpha.

    Warning:
        Bravo.

    Args:
        Charlie.
        path : Delta.
        a, *b (dict[str, int]): Echo (f): foxtrot.

            Golf.
        hotel goes on.
        c:
            India.

    Juliett.

    Note:
        Kilo.

    Raises:
        OSError: Lima.

    Note:
        Mike.

    See Also:
        Get-November: the other.
        Oscar <https://example.org/papa>

    Yields:
        int: Quebec.

    Example:
        Get-Romeo

    Todo: Sierra.
    """

ALL_OF_NUMPY = """Alpha.

    Parameters
    ----------
    a, b : int
        Bravo.

        Charlie.
    c : Delta.
    d
    Echo foxtrot, golf.

    Warnings
    --------
    Hotel.

    See Also
    --------
    Get-India : the other,
        Juliett.
    Get-Kilo

    Notes
    -----
    Lima.

    Returns
    -------
    int
        Mike.
    str
        November.

    Examples
    --------
    PS> Get-Oscar
    Name
    ----
    Papa

    References
    ----------
    .. [1] Quebec.

    Odd
    ---
    Romeo.
    """


@pytest.mark.parametrize("text", [ALL_OF_GOOGLE, ALL_OF_NUMPY], ids=["google", "numpy"])
def test_no_text_is_lost(text: str) -> None:
    found = read_docstring(text)
    said = repr(found)
    headings = {"Parameters", "Returns", "Examples", "Notes", "See", "Also", "Args", "Note",
                "Yields", "Example"}  # fmt: skip
    # Types of parameters are those of the annotations.
    for word in set(re.findall(r"[A-Z]\w+", text)) - headings:
        assert word in said, word


def test_parameters_of_google_s_style() -> None:
    found = read_docstring(ALL_OF_GOOGLE)
    echo = "Echo (f): foxtrot.\n\nGolf.\nhotel goes on."
    assert found.parameters == {"path": "Delta.", "a": echo, "b": echo, "c": "India."}
    assert found.notes == "Kilo.\n\nMike."
    assert found.output == "int: Quebec."
    assert found.links == ("Get-November: the other.", "Oscar <https://example.org/papa>")
    assert found.description == (
        "Warning:\n    Bravo.\n\nCharlie.\n\nJuliett.\n\n"
        "Raises:\n    OSError: Lima.\n\nTodo: Sierra."
    )


def test_parameters_of_numpy_s_style() -> None:
    found = read_docstring(ALL_OF_NUMPY)
    bravo = "Bravo.\n\nCharlie."
    assert found.parameters == {"a": bravo, "b": bravo, "c": "Delta.", "d": ""}
    assert found.output == "int: Mike.\nstr: November."
    assert found.links == ("Get-India : the other, Juliett.", "Get-Kilo")
    assert found.examples == (Example("", "PS> Get-Oscar", "Name\n----\nPapa"),)
    assert found.description == (
        "Echo foxtrot, golf.\n\nWarnings:\n    Hotel.\n\n"
        "References:\n    .. [1] Quebec.\n\nOdd:\n    Romeo."
    )


def test_a_heading_in_a_fence_is_text() -> None:
    found = read_docstring("A.\n\n```\nArgs:\n    x: y\n\nNotes\n-----\n```\n\nNotes:\n    z\n")
    assert (found.parameters, found.notes) == ({}, "z")
    assert found.description == "```\nArgs:\n    x: y\n\nNotes\n-----\n```"


def test_attributes_of_a_class_are_parameters() -> None:
    found = read_docstring("Count.\n\n    Attributes:\n        path: The files.\n")
    assert found.parameters == {"path": "The files."}


@pytest.mark.parametrize("text", [None, "", "   \n  "])
def test_none_says_nothing(text: str | None) -> None:
    assert read_docstring(text) == Docstring()


@pytest.mark.parametrize(
    ("text", "synopsis", "description"),
    [
        ("One line.", "One line.", ""),
        ("One.\nGoes on.\n\nMore.", "One. Goes on.", "More."),
        ("\n    Below.\n\n    More:\n      - a\n      - b\n", "Below.", "More:\n  - a\n  - b"),
        ("Args:\n", "Args:", ""),
        ("Args:\n\n", "Args:", ""),
        ("Notes\n-----", "", ""),
        ("x\n\nArgs:\nnot indented", "x", None),
        ("Parameters\n----------\n", None, None),
        ("::: <&> \x00 \ud800", "::: <&> \x00 \ud800", ""),
        ("Examples:", None, None),
    ],
)  # fmt: skip
def test_nothing_is_an_error(text: str, synopsis: str | None, description: str | None) -> None:
    found = read_docstring(text)
    assert synopsis is None or found.synopsis == synopsis
    assert description is None or found.description == description


@pytest.mark.parametrize(
    ("section", "examples"),
    [
        ("Just words.", [Example("", "Just words.", "")]),
        (
            "PS C:\\> Get-X 1\n1\nPS C:\\> Get-X 2\n2",
            [Example("", "PS C:\\> Get-X 1\n1\nPS C:\\> Get-X 2", "2")],
        ),
        ("Title\n>>> a", [Example("Title", "PS> a", "")]),
        (">>> f(\n...   1)\n2", [Example("", "PS> f(\n>>   1)", "2")]),
        ("A.\n\nB::\n\n    x\n\n    y", [Example("A. B", "x\n\ny", "")]),
        ("$ ls\nfile", [Example("", "PS> ls", "file")]),
    ],
)
def test_examples_are_told_apart(section: str, examples: list[Example]) -> None:
    indented = "\n".join(f"    {line}" for line in section.split("\n"))
    assert list(read_docstring(f"X.\n\nExamples:\n{indented}\n").examples) == examples

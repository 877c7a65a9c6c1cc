"""Docstrings as help: Google's style, NumPy's, and what people write otherwise."""

import pytest

from psbridge.cmdlets.docstring import Docstring, Example, read_docstring

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
        description="Reads each file once.\n\nSlowly.",
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
        output="One object for each file.",
        notes="Be careful.",
        examples=(
            Example("Count one file", "PS> Get-WordCount a.txt", "1"),
            Example("And another", "PS> $b = 'b.txt'\nPS> Get-WordCount $b", ""),
        ),
    )


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

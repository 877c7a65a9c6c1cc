"""Get-Help shows the docstrings of cmdlets, through PowerShell's own help system."""

import os
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from psbridge import Cmdlet, JobCmdlet, Parameter, Session, cmdlet
from psbridge.cmdlets.function import cmdlet_of
from psbridge.cmdlets.help.maml import maml_of

if TYPE_CHECKING:
    from tests.conftest import RunPython


class Base(Cmdlet):
    """Not a cmdlet yet.

    Attributes:
        depth: How deep to go.
    """

    depth: int = 3


class Count(
    JobCmdlet, Base, verb="Test", noun="Count", supports_should_process=True,
    default_parameter_set="ByPath", output_types=[int],
):  # fmt: skip
    """Count <things> & more.

    Slowly.

    Attributes:
        path: The files to read.
        way: How.

    Returns:
        A number.

    Examples:
        One file:

        PS> Test-Count a.txt
        1

    Note:
        Careful.

    See Also:
        Test-Twice: the double.
        More: https://example.org/count
    """

    path: Annotated[
        list[Path],
        Parameter(position=0, from_pipeline=True, alias=["FullName"], parameter_set="ByPath"),
    ] = []  # noqa: RUF012
    number: Annotated[int, Parameter(parameter_set="ByNumber", help="A number of them.")] = 0
    way: Annotated[Literal["fast", "slow"], Parameter(help="Not this.")] = "fast"
    secret: Annotated[str, Parameter(hidden=True)] = "\x00"

    def process(self) -> int:
        return 1


@cmdlet("Test-Twice")
def twice(number: int, times: int = 2) -> int:
    """Double a number.

    Parameters
    ----------
    times : int
        How often.
    """
    return number * times


class Silent(Cmdlet, verb="Test", noun="Silence"):
    number: int = 1


@pytest.fixture
def with_help(shell: Session) -> Session:
    shell.import_cmdlets(Count, twice, Silent)
    return shell


def test_the_parts_of_a_docstring_are_parts_of_the_help(with_help: Session) -> None:
    with_help.run("$help = Get-Help Test-Count")
    for script, expected in {
        "$help.Synopsis": ["Count <things> & more."],
        "$help.description.Text": ["Slowly."],
        "$help.parameters.parameter.name": [
            "Depth", "Path", "Number", "Way", "Secret", "AsJob", "JobName", "ThrottleLimit",
            "TimeoutSeconds", "WhatIf", "Confirm",
        ],
        "$help.returnValues.returnValue.type.name": ["long"],
        "$help.returnValues.returnValue.description.Text": ["A number."],
        "$help.alertSet.alert.Text": ["Careful."],
        "$help.relatedLinks.navigationLink.linkText": ["Test-Twice: the double.", "More"],
        "$help.relatedLinks.navigationLink.uri": [None, "https://example.org/count"],
        "$help.examples.example.code": ["PS> Test-Count a.txt"],
        "$help.syntax.syntaxItem.Count": [2],
        "$help.inputTypes.inputType.type.name": ["String[]"],
    }.items():  # fmt: skip
        assert with_help.run(script) == expected, script


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("path", ["The files to read.", "false", "0", "True (ByValue)", "FullName", "true"]),
        ("number", ["A number of them.", "false", "named", "False", "none", "false"]),
        ("depth", ["How deep to go.", "false", "named", "False", "none", "false"]),
        ("way", ["How.", "false", "named", "False", "none", "false"]),
        ("whatif", ["Show what would be done, and do nothing.", "false", "named", "False", "wi",
                    "false"]),
    ],
)  # fmt: skip
def test_a_parameter_is_described(with_help: Session, name: str, expected: list[str]) -> None:
    script = """
        $p = Get-Help Test-Count -Parameter $args[0]
        $p.description.Text; $p.required; $p.position; $p.pipelineInput; $p.aliases; $p.globbing
    """
    assert with_help.run(script, name) == expected


def test_defaults_are_shown(with_help: Session) -> None:
    assert with_help.run("(Get-Help Test-Count -Parameter way).defaultValue") == ["fast"]
    assert with_help.run("(Get-Help Test-Twice -Parameter times).defaultValue") == ["2"]


def test_a_function_s_docstring_is_its_help(with_help: Session) -> None:
    assert with_help.run("(Get-Help Test-Twice).Synopsis") == ["Double a number."]
    assert with_help.run("(Get-Help Test-Twice -Parameter times).description.Text") == [
        "How often."
    ]


def test_a_cmdlet_that_says_nothing_has_the_syntax(with_help: Session) -> None:
    (synopsis,) = with_help.run("(Get-Help Test-Silence).Synopsis")
    assert "Test-Silence [-Number <long>]" in synopsis


def test_the_file_is_well_formed_whatever_is_said() -> None:
    found = cmdlet_of(twice)
    assert found is not None
    root = ElementTree.fromstring(maml_of([Count, found, Silent]))
    names = [name.text for name in root.iter() if name.tag.endswith("}name") and name.text]
    assert {"Test-Count", "Test-Twice"} < set(names)
    assert "Test-Silence" not in names


@pytest.mark.parametrize(
    ("link", "words", "address"),
    [
        ("Get-X: the other.", "Get-X: the other.", None),
        ("https://example.org/x", None, "https://example.org/x"),
        ("More: https://example.org/x.", "More", "https://example.org/x"),
        ("More <https://example.org/x>", "More", "https://example.org/x"),
        ("`More <https://example.org/x>`_", "More", "https://example.org/x"),
        ("[More](https://example.org/x)", "More", "https://example.org/x"),
        ("[More](https://example.org/x), later", "More, later", "https://example.org/x"),
        ("https://example.org/x_(y)", None, "https://example.org/x_(y)"),
    ],
)
def test_a_link_has_its_words_and_its_address(
    link: str, words: str | None, address: str | None
) -> None:
    class Linked(Cmdlet, verb="Test", noun="Linked"):
        __doc__ = f"Linked.\n\nSee Also:\n    {link}\n"

    root = ElementTree.fromstring(maml_of([Linked]))
    found = {each.tag.rpartition("}")[2]: each.text for each in root.iter()}
    assert (found["linkText"], found.get("uri")) == (words, address)


@pytest.mark.skipif(sys.platform != "linux", reason="the browser is found otherwise")
def test_online_opens_the_first_address(run_python: "RunPython", tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "xdg-open"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new\nmv {opened}.new {opened}\n')
    browser.chmod(0o755)
    code = """
    import time
    from pathlib import Path
    from psbridge import Cmdlet, Session
    class A(Cmdlet, verb="Test", noun="Online"):
        '''Online.

        See Also:
            Get-Command
            https://example.org/first
            https://example.org/second
        '''
    with Session() as shell:
        shell.import_cmdlets(A)
        shell.run("Get-Help Test-Online -Online")
        while not Path("OPENED").exists():
            time.sleep(0.01)
    """
    ran = run_python(
        textwrap.dedent(code).replace("OPENED", str(opened)),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (ran.stderr, opened.read_text()) == ("", "https://example.org/first")


MODULE = '''
from psbridge import Cmdlet
class A(Cmdlet, verb="Test", noun="Edited"):
    """{text}"""
    def process(self): pass
'''


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "edited.py"
    path.write_text(MODULE.format(text=text), encoding="utf-8")
    return path


def test_an_edit_of_the_docstring_is_shown_after_the_next_import(
    shell: Session, tmp_path: Path
) -> None:
    for text in ("First.", "Second.", "First."):
        shell.import_module(write(tmp_path, text))
        assert shell.run("(Get-Help Test-Edited).Synopsis") == [text]


def test_sessions_with_different_texts_show_their_own(shell: Session, tmp_path: Path) -> None:
    with Session() as other:
        shell.import_module(write(tmp_path / "a", "Mine."))
        other.import_module(write(tmp_path / "b", "Theirs."))
        for session, text in ((shell, "Mine."), (other, "Theirs.")):
            assert session.run("(Get-Help Test-Edited).Synopsis") == [text]


@pytest.mark.parametrize("left", [0, 100])
def test_a_file_that_was_cut_off_is_made_again(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    written = write(tmp_path, f"Cut off at {left}.")
    shell.import_module(written)
    (kept,) = (tmp_path / "cache" / "psbridge" / "help").iterdir()
    kept.write_bytes(kept.read_bytes()[:left])
    with Session() as other:
        other.import_module(written)
        assert other.run("(Get-Help Test-Edited).Synopsis") == [f"Cut off at {left}."]


def test_where_it_cannot_be_kept_there_is_the_syntax(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    shell.import_module(write(tmp_path, "Not kept."))
    assert "Test-Edited" in shell.run("(Get-Help Test-Edited).Synopsis")[0]


RENDERED = [
    (
        "Get-Help Test-Count -Full",
        ["SYNOPSIS", "Count <things> & more.", "Slowly.", "-Path <String[]>", "The files to read.",
         "Default value                fast", "Careful.", "PS> Test-Count a.txt", "One file",
         "A number.", "RELATED LINKS", "Test-Twice: the double.", "https://example.org/count"],
    ),
    ("Get-Help Test-Count", ["DESCRIPTION", "[-Way {fast | slow}]", "[-AsJob]", "[-WhatIf]"]),
    ("Get-Help Test-Count -Examples", ["Example 1: One file", "PS> Test-Count a.txt"]),
    ("Get-Help Test-Count -Parameter way", ["-Way <String>", "How."]),
    ("Get-Help Test-Count -Detailed", ["PARAMETERS", "A number of them."]),
]  # fmt: skip


@pytest.mark.parametrize(("script", "parts"), RENDERED, ids=[script for script, _ in RENDERED])
def test_it_is_rendered_by_powershell(
    script: str, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from psbridge import Console

    with Session(console=Console()) as shell:
        shell.import_cmdlets(Count, twice, Silent)
        assert shell.show(script)
    shown = capsys.readouterr().out
    for part in parts:
        assert part in shown
    assert "Secret" not in shown.split("PARAMETERS")[0]


def test_nothing_is_parsed_when_the_file_is_there(run_python: "RunPython") -> None:
    code = """
    import sys
    from psbridge import Cmdlet, Session
    class A(Cmdlet, verb="Test", noun="Kept"):
        '''Kept.'''
    with Session() as shell:
        shell.import_cmdlets(A)
        (text,) = shell.run("(Get-Help Test-Kept).Synopsis")
        print(text, "psbridge.cmdlets.help.maml" in sys.modules)
    """
    for _ in range(2):  # the first time it may be
        ran = run_python(textwrap.dedent(code))
    assert (ran.stdout, ran.stderr) == ("Kept. False\n", "")


def test_processes_have_the_same_file_whatever_a_default_is(
    run_python: "RunPython", tmp_path: Path
) -> None:
    code = """
    from psbridge import Cmdlet, Session
    class A(Cmdlet, verb="Test", noun="Default"):
        x: object = object()
        y: object = [lambda: 1]
    with Session() as shell:
        shell.import_cmdlets(A)
    """
    for _ in range(2):
        ran = run_python(textwrap.dedent(code), env={"XDG_CACHE_HOME": str(tmp_path)})
        assert (ran.returncode, ran.stderr) == (0, "")
    assert len(list((tmp_path / "psbridge" / "help").iterdir())) == 1

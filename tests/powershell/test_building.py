"""`psbridge build`, and the modules that it makes in a PowerShell without Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge import DeclarationError, PsbridgeError
from psbridge.powershell.building import build_module
from psbridge.powershell.module_folder import module_path, new_folder

if TYPE_CHECKING:
    from .conftest import Pwsh

CMDLETS = '''"""Cmdlets for the tests, by 'us'.

More of it."""
from psbridge import Cmdlet, cmdlet
__version__ = "1.2.3"

class GetAnswer(Cmdlet, verb="Get", noun="{noun}", alias=["{alias}"]):
    """The answer."""
    def process(self):
        return {answer}
'''


def write(folder: Path, name: str = "answers.py", noun: str = "Answer", answer: int = 42) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(CMDLETS.format(noun=noun, alias=noun.lower(), answer=answer), encoding="utf-8")
    return str(path)


def with_modules(folder: Path) -> dict[str, str]:
    return {"PSModulePath": f"{folder}{os.pathsep}{module_path()}"}


def test_commands_are_listed_and_loaded_when_they_are_called(pwsh: Pwsh, tmp_path: Path) -> None:
    assert build_module([write(tmp_path)], tmp_path / "m" / "Answers") == ["Get-Answer"]
    ran = pwsh(
        """
        Get-Command get-answ* | ForEach-Object { "$($_.CommandType) $($_.Name) $($_.ModuleName)" }
        (Get-Module -ListAvailable Answers).ExportedCommands.Keys
        "Python: $([bool]('Python.Runtime.PythonEngine' -as [type]))"
        Get-Answer
        "Python: $([bool]('Python.Runtime.PythonEngine' -as [type]))"
        answer
        (Get-Command Get-Answer).ModuleName
        Get-Module Answers | ForEach-Object { "$($_.Version) $($_.Description)" }
        """,
        env=with_modules(tmp_path / "m"),
    )
    assert ran.stdout.split("\n") == [
        "Cmdlet Get-Answer Answers", "Get-Answer", "answer", "Python: False", "42", "Python: True",
        "42", "Answers", "1.2.3 Cmdlets for the tests, by 'us'.", "",
    ]  # fmt: skip
    assert ran.stderr == ""


@pytest.mark.parametrize("first", ["", "Get-Answer; "])
def test_its_docstrings_are_its_help(pwsh: Pwsh, tmp_path: Path, first: str) -> None:
    build_module([write(tmp_path)], tmp_path / "m" / "Answers")
    ran = pwsh(first + "(Get-Help Get-Answer).Synopsis", env=with_modules(tmp_path / "m"))
    assert (ran.stdout.split("\n")[-2], ran.stderr) == ("The answer.", "")
    assert "The answer." in (tmp_path / "m" / "Answers" / "Answers-Help.xml").read_text("utf-8")


def test_an_alias_loads_it_too(pwsh: Pwsh, tmp_path: Path) -> None:
    build_module([write(tmp_path)], tmp_path / "m" / "Answers")
    assert pwsh("answer", env=with_modules(tmp_path / "m")).stdout == "42\n"


def test_the_folder_can_be_imported_by_its_path_and_removed(pwsh: Pwsh, tmp_path: Path) -> None:
    build_module([write(tmp_path), write(tmp_path, "b.py", "Other", 7)], tmp_path / "My.Mod-1")
    ran = pwsh(
        "Import-Module ./My.Mod-1; Get-Answer; Get-Other; Remove-Module My.Mod-1\n"
        "@(Get-Command Get-Other -ErrorAction Ignore).Count",
        env=with_modules(tmp_path / "none"),
    )
    assert (ran.stdout, ran.stderr) == ("42\n7\n0\n", "")


def test_it_works_without_the_file_it_was_made_from(pwsh: Pwsh, tmp_path: Path) -> None:
    file = Path(write(tmp_path / "süß $x", "mein 'modul' [1].py"))
    build_module([str(file)], tmp_path / "Answers")
    file.unlink()
    ran = pwsh("Import-Module ./Answers; Get-Answer", env=with_modules(tmp_path))
    assert (ran.stdout, ran.stderr) == ("42\n", "")


def test_an_installed_module_is_imported_by_its_name(
    pwsh: Pwsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "packages", "psbridge_test_built.py", "Named", 5)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    build_module(["psbridge_test_built"], tmp_path / "Named")
    assert not list((tmp_path / "Named").glob("*.py"))
    ran = pwsh(
        "Import-Module ./Named; Get-Named",
        env={**with_modules(tmp_path), "PYTHONPATH": str(tmp_path / "packages")},
    )
    assert (ran.stdout, ran.stderr) == ("5\n", "")


def test_without_psbridge_it_says_what_to_install(pwsh: Pwsh, tmp_path: Path) -> None:
    build_module([write(tmp_path)], tmp_path / "Answers")
    ran = pwsh("Import-Module ./Answers; 'on'", env={"PSModulePath": str(tmp_path / "none")})
    assert "psbridge install-module" in " ".join(ran.stderr.replace("|", " ").split())


def test_a_mistake_in_the_file_is_shown_when_it_is_loaded(pwsh: Pwsh, tmp_path: Path) -> None:
    build_module([write(tmp_path)], tmp_path / "Answers")
    (tmp_path / "Answers" / "answers.py").write_text("1 / 0\n")
    ran = pwsh(
        "Import-Module ./Answers\n@(Get-Command Get-Answer -EA Ignore).Count",
        env=with_modules(tmp_path / "none"),
    )
    assert ran.stdout == "0\n"
    assert 'answers.py", line 1' in ran.stderr.replace("\n", "").replace("     | ", "")


def test_its_own_folder_is_replaced_and_keeps_its_guid(tmp_path: Path) -> None:
    def guid() -> str:
        text = (tmp_path / "Answers" / "Answers.psd1").read_text(encoding="utf-8-sig")
        return next(line for line in text.split("\n") if "GUID" in line)

    build_module([write(tmp_path)], tmp_path / "Answers")
    before = guid()
    build_module([write(tmp_path, "b.py", "Other")], tmp_path / "Answers", version="2.0")
    assert guid() == before
    assert not (tmp_path / "Answers" / "answers.py").exists()
    assert "'2.0'" in (tmp_path / "Answers" / "Answers.psd1").read_text(encoding="utf-8-sig")


def test_what_was_there_comes_back_where_the_new_one_cannot_be_put_there(tmp_path: Path) -> None:
    build_module([write(tmp_path)], tmp_path / "Answers")
    before = sorted((tmp_path / "Answers").iterdir())
    with (
        pytest.raises(PsbridgeError, match="cannot be written"),
        new_folder(tmp_path / "Answers") as made,
    ):
        made.rmdir()
    assert sorted((tmp_path / "Answers").iterdir()) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "Answers").mkdir()
    (tmp_path / "Answers" / "thesis.txt").touch()
    with pytest.raises(PsbridgeError, match="was not made by psbridge build"):
        build_module([write(tmp_path)], tmp_path / "Answers")
    assert [entry.name for entry in (tmp_path / "Answers").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", r'bad\.py", line 1'),
        ("x = 1\n", "defines no cmdlet"),
        (
            CMDLETS.format(noun="Answer", alias="x", answer=1)
            + CMDLETS.format(noun="answer", alias="y", answer=2).replace("class Get", "class Two"),
            "is there twice",
        ),
    ],
)
def test_a_mistake_leaves_what_was_there(tmp_path: Path, text: str, said: str) -> None:
    build_module([write(tmp_path)], tmp_path / "Answers")
    before = sorted((tmp_path / "Answers").iterdir())
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(DeclarationError, match=said):
        build_module([str(tmp_path / "bad.py")], tmp_path / "Answers")
    assert sorted((tmp_path / "Answers").iterdir()) == before


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "a")
    with pytest.raises(DeclarationError, match=r"two files are called answers\.py"):
        build_module([first, write(tmp_path / "b", noun="Other")], tmp_path / "Answers")


def test_the_command_starts_no_engine(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "psbridge", "build", write(tmp_path), "-o", "out/Answers"],
        cwd=tmp_path,
        env={**os.environ, "PSBRIDGE_PSHOME": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{Path('out', 'Answers')}: Get-Answer\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "a b"], "no name for a PowerShell module"),
        (["-o", "Answers", "--version", "one"], "is no version such as 1.2.3"),
        ([], "required: --output"),
    ],
)
def test_a_wrong_command_line_is_explained(tmp_path: Path, arguments: list[str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "psbridge", "build", write(tmp_path), *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode in (1, 2)
    assert said in ran.stderr

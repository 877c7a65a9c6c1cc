"""Python files and modules as modules of PowerShell."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from psbridge import DeclarationError, PowerShellError, Session, job_definition
from psbridge.cmdlets.modules import explained

CMDLET = """
from psbridge import Cmdlet

class Answer(Cmdlet, verb="Get", noun="{noun}"):
    def process(self):
        return {answer}
"""


@pytest.fixture(autouse=True)
def _bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python keep bytecode beside the source, as for a user, wherever tests are told not to."""
    monkeypatch.setattr(sys, "pycache_prefix", None)


def write(folder: Path, answer: int, noun: str = "Answer", name: str = "answers.py") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(CMDLET.format(answer=answer, noun=noun), encoding="utf-8")
    return path


def test_a_file_gives_its_cmdlets(shell: Session, tmp_path: Path) -> None:
    assert shell.import_module(write(tmp_path, 42)) == ["Get-Answer"]
    assert shell.run("Get-Answer") == [42]
    assert shell.run("(Get-Command Get-Answer).ModuleName") == ["answers"]


def test_an_edited_file_can_be_imported_again(shell: Session, tmp_path: Path) -> None:
    shell.import_module(write(tmp_path, 1))
    assert list((tmp_path / "__pycache__").iterdir())
    # Edits of the same size, all in the second of the first one.
    for answer in range(2, 6):
        shell.import_module(write(tmp_path, answer))
        assert shell.run("Get-Answer") == [answer]


def test_two_files_of_one_name_are_two_modules(shell: Session, tmp_path: Path) -> None:
    shell.import_module(write(tmp_path / "a", 1, "First"))
    shell.import_module(write(tmp_path / "b", 2, "Second"))
    assert shell.run("Get-First; Get-Second") == [1, 2]


def test_a_module_is_imported_by_its_name(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 3, "Named", "psbridge_test_named.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    shell.import_module("psbridge_test_named")
    assert shell.run("Get-Named") == [3]


def test_a_file_that_is_not_there_is_named(shell: Session, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"nothing\.py is not a file"):
        shell.import_module(tmp_path / "nothing.py")


def test_a_file_without_cmdlets_says_so(shell: Session, tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("from psbridge import Cmdlet, JobCmdlet\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="defines no cmdlet"):
        shell.import_module(path)


def test_a_mistake_in_the_file_is_raised_and_nothing_is_registered(
    shell: Session, tmp_path: Path
) -> None:
    path = write(tmp_path, 1)
    path.write_text(path.read_text(encoding="utf-8") + "\nraise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        shell.import_module(path)
    assert shell.run("Get-Answer").errors


def test_names_with_odd_characters_are_no_trouble(shell: Session, tmp_path: Path) -> None:
    shell.import_module(write(tmp_path / "süß und [so]", 5, "Odd", "mein-modul [1].py"))
    assert shell.run("Get-Odd") == [5]


def test_an_edited_declaration_takes_the_place_of_the_old_one(
    shell: Session, tmp_path: Path
) -> None:
    path = tmp_path / "edited.py"
    text = (
        "from psbridge import Cmdlet\n"
        "class E(Cmdlet, verb='Test', noun='{noun}'):\n"
        "    n: {kind} = {default}\n"
        "    def process(self): return repr(self.n)\n"
    )
    for noun, kind, default in (("E", "int", "1"), ("E", "str", "'a'"), ("E", "int", "2")):
        path.write_text(text.format(noun=noun, kind=kind, default=default), encoding="utf-8")
        assert shell.import_module(path) == ["Test-E"]
        assert shell.run("Test-E") == [default]
    path.write_text(text.format(noun="F", kind="int", default="3"), encoding="utf-8")
    shell.import_module(path)
    assert shell.run("Test-F") == ["3"]
    assert shell.run("Test-E").errors


def test_two_sessions_with_modules_of_one_name_run_their_own(tmp_path: Path) -> None:
    with Session() as first, Session() as second:
        first.import_module(write(tmp_path / "a", 1))
        second.import_module(write(tmp_path / "b", 2))
        assert first.run("Get-Answer") == [1]
        assert second.run("Get-Answer") == [2]


def test_a_cmdlet_under_two_names_in_its_module_is_one(shell: Session, tmp_path: Path) -> None:
    path = write(tmp_path, 1)
    path.write_text(path.read_text(encoding="utf-8") + "\nOther = Answer\n", encoding="utf-8")
    assert shell.import_module(path) == ["Get-Answer"]


def test_a_module_that_is_imported_by_its_name_again_takes_the_new_text(
    shell: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)  # it goes by whole seconds
    path = write(tmp_path, 3, "Renamed", "psbridge_test_again.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    shell.import_module("psbridge_test_again")
    write(tmp_path, 4, "Renamed", "psbridge_test_again.py")
    shell.import_module("psbridge_test_again")
    assert shell.run("Get-Renamed") == [4]
    path.write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        shell.import_module("psbridge_test_again")
    assert shell.run("Get-Renamed") == [4]


def test_a_module_that_powershell_has_removed_can_be_imported_again(
    shell: Session, tmp_path: Path
) -> None:
    path = write(tmp_path, 6, "Gone")
    shell.import_module(path)
    shell.run("Remove-Module answers")
    assert shell.run("Get-Gone").errors[0].error_id == "CommandNotFoundException"
    shell.import_module(path)
    assert shell.run("Get-Gone") == [6]


@pytest.mark.filterwarnings("ignore:.*is no approved verb")
def test_names_that_differ_in_the_dash_only_are_refused(shell: Session, tmp_path: Path) -> None:
    path = write(tmp_path, 1, "AB")
    text = path.read_text(encoding="utf-8")
    other = text.replace('"Get"', '"GetA"').replace('"AB"', '"B"').replace("Answer", "Other")
    path.write_text(text + other, encoding="utf-8")
    with pytest.raises(DeclarationError, match="make \\.NET types of one name"):
        shell.import_module(path)


JOBS = """
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from psbridge import Cmdlet, Job, JobGroup

class Where(Job):
    def run(self):
        return os.getpid()

class StartWhere(Cmdlet, verb="Start", noun="Where"):
    pool: bool = False

    def process(self):
        if not self.pool:
            job = self.session.start(JobGroup([Where()], executor="process"))
            return job.result(60)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return self.session.start(JobGroup([Where()], executor=pool)).result(60)
"""


@pytest.mark.parametrize("pool", ["", "-Pool"])
def test_jobs_of_a_file_run_in_other_processes(shell: Session, tmp_path: Path, pool: str) -> None:
    (tmp_path / "where.py").write_text(JOBS)
    shell.import_module(tmp_path / "where.py")
    ((found,),) = shell.run(f"Start-Where {pool}")
    assert isinstance(found, int)
    assert found != os.getpid()


DEFINITIONS = """
from psbridge import Cmdlet, FunctionJob, Job, JobGroup, job_definition

@job_definition("Nightly")
class Nightly(Job):
    def run(self):
        yield {first}

class Other(Nightly):  # says nothing by itself
    pass

@job_definition("Words")
def words():
    return JobGroup.map(len, ["a", "bb"], throttle_limit=1, name="words")
"""
RECEIVED = "Start-Job -DefinitionName {} | Receive-Job -Wait -AutoRemoveJob"


def test_job_definitions_come_from_a_cmdlet_file(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "nightly.py"
    file.write_text(DEFINITIONS.format(first=1), encoding="utf-8")
    assert shell.import_module(file) == []
    assert shell.run(RECEIVED.format("Nightly")) == [1]
    assert shell.run(RECEIVED.format("Words")) == [1, 2]
    assert shell.run("Start-Job -DefinitionName Words | % Name") == ["words"]


def test_a_file_that_is_imported_again_has_the_definitions_of_its_new_text(
    shell: Session, tmp_path: Path
) -> None:
    file = tmp_path / "nightly.py"
    file.write_text(DEFINITIONS.format(first=1), encoding="utf-8")
    shell.import_module(file)
    text = DEFINITIONS.format(first=2).replace('"Words"', '"Lengths"')
    cmdlet = """
class GetBoth(Cmdlet, verb="Get", noun="Both"):
    def process(self):
        return "both"
"""
    file.write_text(text + cmdlet, encoding="utf-8")
    assert shell.import_module(file) == ["Get-Both"]
    assert shell.run("Get-Both") == ["both"]
    assert shell.run(RECEIVED.format("Nightly")) == [2]
    assert shell.run(RECEIVED.format("Lengths")) == [1, 2]
    with pytest.raises(PowerShellError, match="Words"):
        shell.run("$ErrorActionPreference = 'Stop'; " + RECEIVED.format("Words"))


def test_a_definition_that_is_there_twice_is_refused(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "twice.py"
    text = DEFINITIONS.format(first=1).replace('"Words"', '"Nightly"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match="'Nightly' is there twice"):
        shell.import_module(file)


@pytest.mark.parametrize("name", ["", 5])
def test_a_definition_has_a_name(name: Any) -> None:
    with pytest.raises(DeclarationError):
        job_definition(name)


OWN_ERROR = """
from psbridge import JobCmdlet

class OwnError(Exception):
    pass

class GetOwn(JobCmdlet, verb="Get", noun="Own"):
    def process(self):
        raise OwnError("no")
"""


def test_the_name_by_which_a_file_is_loaded_is_in_no_error(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN_ERROR, encoding="utf-8")
    shell.import_module(file)
    for script in (
        "Get-Own; $error[0].Exception.PythonTraceback",
        "(Get-Own -AsJob | Wait-Job).ChildJobs[0].JobStateInfo.Reason.ToString()",
    ):
        (text,) = shell.run(script)
        assert text.rstrip().splitlines()[-1] == "own.OwnError: no"
    empty = tmp_path / "empty.py"
    empty.write_text("")
    with pytest.raises(DeclarationError, match=r"^empty\.py defines no cmdlet"):
        shell.import_module(empty)
    file.write_text(OWN_ERROR + "raise OwnError\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"(?m)^own\.OwnError$"), explained(str(file)):
        shell.import_module(file)

"""Every command with a standard output that is full, closed, or read by nobody."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")

SAMPLE = Path(__file__).parents[2] / "samples" / "word_count.py"
FULL = "psbridge: standard output cannot be written: No space left on device\n"
COMMANDS = (
    "setup --list",
    "setup --prune",
    "doctor",
    "doctor --json",
    "module-path",
    "install-module --path modules",
    f"build {shlex.quote(str(SAMPLE))} -o built",
    "--version",
    "setup --help",
)


@pytest.fixture(autouse=True)
def engine(engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of the tests, for our own copies are looked for in an empty folder."""
    monkeypatch.setenv("PSBRIDGE_PSHOME", str(engine_home))


def psbridge(
    words: str, redirect: str, folder: Path, *, buffered: bool = True, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it by a shell, which says its exit code on the last line of standard error."""
    command = f"{shlex.quote(sys.executable)} -m psbridge {words}"
    return subprocess.run(
        ["sh", "-c", f"{{ {command}; echo $? >&2; }} {redirect}"],
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data"),
             "PYTHONUNBUFFERED": "" if buffered else "1"},
        cwd=folder, input=given, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "buffered"),
    [
        *((words, True) for words in COMMANDS),
        *((words, False) for words in ("doctor", "module-path", "setup --help")),
    ],
)
def test_a_full_output_is_one_line_and_exit_code_1(
    words: str, buffered: bool, tmp_path: Path
) -> None:
    ran = psbridge(words, ">/dev/full", tmp_path, buffered=buffered)
    assert ran.stderr == f"{FULL}1\n"


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", ["run \"'a'; 'b'; exit 3\"", "run -"])
def test_powershell_says_that_its_output_is_full(
    words: str, buffered: bool, tmp_path: Path
) -> None:
    ran = psbridge(words, ">/dev/full", tmp_path, buffered=buffered, given="'a'\n'b'\nexit 3\n")
    (said, code) = ran.stderr.splitlines()
    assert said.startswith("out-lineoutput: ")
    assert said.endswith("No space left on device")
    assert code == "1"


@pytest.mark.parametrize(
    ("words", "code"),
    [("setup --list", "0"), ("doctor --json", ""), ("module-path", "0"), ("run 'exit 3'", "3")],
)
def test_an_output_that_is_closed_is_no_fault(words: str, code: str, tmp_path: Path) -> None:
    (last,) = psbridge(words, ">&-", tmp_path).stderr.splitlines()
    assert last == code or (not code and last in ("0", "1"))  # doctor's is as the machine is


@pytest.mark.parametrize("words", ["setup --list", "doctor", "module-path"])
def test_a_reader_that_has_gone_is_no_fault(words: str, tmp_path: Path) -> None:
    # The reader has ended when the command begins.
    os.mkfifo(tmp_path / "pipe")
    ran = psbridge(f"{words} 3>&-", "3<>pipe >pipe 3>&-", tmp_path)
    *said, last = ran.stderr.splitlines()
    assert (said, last in ("0", "1")) == ([], True)


def test_what_a_module_prints_counts_too(tmp_path: Path) -> None:
    (tmp_path / "talks.py").write_text(SAMPLE.read_text("utf-8") + "print('hello')\n")
    assert psbridge("run -m talks.py '$null'", ">/dev/full", tmp_path).stderr == f"{FULL}1\n"
    assert psbridge("run -m talks.py '$null'", "", tmp_path).stdout == "hello\n"
    (tmp_path / "fails.py").write_text("print('hello')\n")  # it declares nothing
    said, *_, last = psbridge("run -m fails.py 1", ">/dev/full", tmp_path).stderr.splitlines()
    assert ("defines no cmdlet" in said, last) == (True, "1")

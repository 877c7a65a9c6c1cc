"""Text crosses between Python and .NET as it is, whatever is in it and however .NET compiles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import pytest
import worker_jobs

from psbridge import Cmdlet, JobGroup, Parameter, Session, cmdlet
from tests.conftest import RunPython

TEXTS = [
    "a\ud800b",
    "\ud800",
    "\udfff\ud800",
    os.fsdecode(b"caf\xe9.txt"),
    "😀",
    "a\0b",
    "\ufeffwith a mark",
    "",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_text_crosses_both_ways_as_it_is(shell: Session, text: str) -> None:
    import System

    builder = System.Text.StringBuilder(text)
    assert builder.Length == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert builder.ToString() == text
    assert System.Func[System.String, System.String](lambda given: given + text)("<") == f"<{text}"
    assert list(System.Array[System.String]([text])) == [text]


def test_two_halves_side_by_side_are_a_pair_in_net(shell: Session) -> None:
    import System

    assert System.Text.StringBuilder("\ud83d" + "\ude00").ToString() == "😀"


def test_an_exceptions_text_crosses_as_it_is(shell: Session) -> None:
    import System

    with pytest.raises(System.InvalidOperationException) as caught:
        raise System.InvalidOperationException("a\ud800")
    assert caught.value.Message == "a\ud800"

    def work(given: str) -> str:
        raise ValueError(given)

    with pytest.raises(ValueError, match="\udc80"):
        System.Func[System.String, System.String](work)("a\udc80")


# Functions that read the addresses are compiled with all optimizations at once, or after few calls:
# the addresses are constants in them.
COMPILED_SOON = {
    "at once": {"DOTNET_TieredCompilation": "0"},
    "soon": {
        "DOTNET_TC_CallCountThreshold": "1",
        "DOTNET_TC_CallCountingDelayMs": "0",
        "DOTNET_TC_BackgroundWorkerTimeoutMs": "0",
    },
    "as usual": {},
}


@pytest.mark.parametrize("settings", COMPILED_SOON.values(), ids=list(COMPILED_SOON))
def test_it_does_so_however_net_compiles(settings: dict[str, str], run_python: RunPython) -> None:
    code = """
from psbridge import Session
with Session() as shell:
    import System
    for _ in range(1000):
        builder = System.Text.StringBuilder("a\\ud800")
        assert builder.ToString() == "a\\ud800"
    assert shell.engine.is_mended
    print("kept")
"""
    done = run_python(code, env=settings)
    assert (done.stdout, done.returncode) == ("kept\n", 0), done.stderr


def test_it_does_so_in_the_process_that_compiles(tmp_path: Path, run_python: RunPython) -> None:
    code = """
from psbridge import Session
with Session() as shell:
    print(ascii(shell.run("param($text) $text + 'b'; 'é\\udc80'", text="a\\ud800")))
"""
    done = run_python(code, env={"XDG_CACHE_HOME": str(tmp_path)}, timeout=120)
    assert (done.stdout, done.returncode) == ("['a\\ud800b', '\\xe9\\udc80']\n", 0), done.stderr


def test_it_does_so_where_compiling_takes_long(tmp_path: Path, run_python: RunPython) -> None:
    """.NET would compile pythonnet's methods with all optimizations in the meantime."""
    code = """
import time
import psbridge.engine.compiling as compiling

compile_assembly = compiling.compile_assembly

def compile_slowly(*arguments, **named):
    import System
    for _ in range(3):
        for _ in range(100):
            System.Text.StringBuilder("ab").ToString()
        time.sleep(0.4)  # as the thread of a busy machine
    return compile_assembly(*arguments, **named)

compiling.compile_assembly = compile_slowly
from psbridge import Session
with Session() as shell:
    print(ascii(shell.run("'é\\udc80'")))
"""
    done = run_python(code, env={"XDG_CACHE_HOME": str(tmp_path)}, timeout=120)
    assert (done.stdout, done.returncode) == ("['\\xe9\\udc80']\n", 0), done.stderr


def test_a_name_that_powershell_has_given_is_seen(shell: Session) -> None:
    job = shell.start(lambda: None)
    shell.run("param($Job) $Job.Name = 'n' + [char] 0xd800", Job=job.net)
    assert job.name == "n\ud800"
    assert shell.jobs["n\ud800"] == job


def test_docstrings_are_shown_with_a_replacement(shell: Session) -> None:
    class GetOdd(Cmdlet, verb="Get", noun="Odd"):
        word: Annotated[str, Parameter(help="helps \ud800")] = "\udce9"

        def process(self) -> str:
            return self.word

    GetOdd.__doc__ = "Odd \ud800 and \0 and 😀."

    @cmdlet("Get-Even")
    def even() -> None:
        """Even \udce9."""

    shell.import_cmdlets(GetOdd, even)
    script = "(Get-Help Get-Odd).Synopsis; (Get-Help Get-Even).Synopsis; Get-Odd"
    assert shell.run(script) == ["Odd \ufffd and \ufffd and 😀.", "Even \ufffd.", "\udce9"]


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_all_streams_of_a_job_have_it_wherever_it_runs(shell: Session, executor: Any) -> None:
    job = shell.start(JobGroup([worker_jobs.Says("a\ud800")], executor=executor))
    result = job.result(60)
    assert result == ["a\ud800", {"a\ud800": "a\ud800"}]
    assert [record.message for record in result.warnings] == ["a\ud800"]
    assert [record.message for record in result.errors] == ["a\ud800"]
    assert [record.message for record in result.information] == ["a\ud800"]


def test_powershells_own_jobs_take_it_and_give_it_back(shell: Session) -> None:
    job = shell.start_job("param($given) $given; 'o\ud800'", "caf\udce9")
    assert job.result(60) == ["caf\udce9", "o\ud800"]

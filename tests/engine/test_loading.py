"""Loading pythonnet, its precompiled half, and what the first start on a PowerShell shows."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from psbridge import Session
from psbridge.engine.homes import read_home
from psbridge.engine.native import is_compiled
from psbridge.setup.python_runtime import precompiled_python_runtime, python_runtime

if TYPE_CHECKING:
    from ..conftest import RunPython

# Prints where pythonnet's .NET half was loaded from, and uses it.
LOADED = """
import psbridge
class GetAnswer(psbridge.JobCmdlet, verb="Get", noun="Answer"):
    def process(self):
        yield 42
with psbridge.Session() as shell:
    shell.import_cmdlets(GetAnswer)
    print(shell.run("Get-Answer; Get-Answer -AsJob | Receive-Job -Wait"))
    import clr
    from Python.Runtime import PythonEngine
    print(clr.GetClrType(PythonEngine).Assembly.Location)
"""


def linked_home(home: Path, folder: Path) -> Path:
    """Make a home of the same files, to which others can be added."""
    shutil.copytree(home, folder, copy_function=link_or_copy)
    shutil.rmtree(folder / "python.runtime", ignore_errors=True)
    return folder


def link_or_copy(file: str, target: str) -> None:
    try:
        Path(target).hardlink_to(file)
    except OSError:  # on another file system
        shutil.copy2(file, target)


def test_pythonnets_own_half_is_found_without_importing_it(run_python: RunPython) -> None:
    done = run_python(
        "import sys; from psbridge.setup.python_runtime import python_runtime\n"
        "print(python_runtime()); print('pythonnet' in sys.modules)"
    )
    import pythonnet

    own = Path(pythonnet.__file__).parent / "runtime" / "Python.Runtime.dll"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(own), "False"]
    assert own.is_file()


@pytest.mark.parametrize("which", ["none", "its own", "another's", "damaged"])
def test_the_half_that_a_home_keeps_is_taken_where_it_is_the_installed_ones(
    run_python: RunPython, own_copy: Path, tmp_path: Path, which: str
) -> None:
    home = linked_home(own_copy, tmp_path / "home")
    kept = precompiled_python_runtime(home)
    assert (kept.name, kept.parents[1]) == ("Python.Runtime.dll", home / "python.runtime")
    if which == "another's":
        kept = kept.parent.with_name("0" * 16) / kept.name
    if which != "none":
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"MZ" if which == "damaged" else python_runtime().read_bytes())
    taken = kept if which == "its own" else python_runtime()
    done = run_python(LOADED, env={"PSBRIDGE_PSHOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["[42, 42]", str(taken)]


def test_pythonnet_knows_that_it_is_loaded(run_python: RunPython) -> None:
    code = """
import psbridge
shell = psbridge.Session()
import pythonnet
pythonnet.load("mono")  # would raise
print(pythonnet.get_runtime_info().kind, pythonnet.get_runtime_info().initialized)
import clr
clr.AddReference("System.Net.Http")
from System.Net.Http import HttpMethod
print(HttpMethod.Get.Method)
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["CoreCLR True", "GET"]


def test_a_script_that_ends_the_process_ends_it_quietly_under_threads_of_python(
    run_python: RunPython,
) -> None:
    """pythonnet would take its types away under them when .NET says that the process exits."""
    code = """
import threading
import psbridge
shell = psbridge.Session()
import System
begun = threading.Barrier(4)
def loop():
    begun.wait()
    while True:
        System.Collections.ArrayList().Add(System.Guid.NewGuid().ToString())
for _ in range(3):
    threading.Thread(target=loop, daemon=True).start()
begun.wait()
shell.run("[Environment]::Exit(3)")
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


# ---- The end ----


# What lives as long as this, Python deletes while it is finalized; `late` goes as the last.
FINALIZED = """
import sys
import psbridge
shell = psbridge.Session()
shell.run("1")
from System.Text import StringBuilder
class Writer:
    def __init__(self):
        self.text = StringBuilder()
        self.append = self.text.Append
        self.itself = self
    def __del__(self):
        self.append("x")
        self.text.Append("y")
        print(self.text.ToString(), flush=True)
{holder} = Writer()
methods = [StringBuilder().Append for _ in range(100)]
"""


@pytest.mark.parametrize(("holder", "written"), [("kept", "xy\n"), ("sys.late", "")])
def test_objects_of_dotnet_outlive_the_program_without_an_abort(
    run_python: RunPython, holder: str, written: str
) -> None:
    """The one that goes last has no print any more, but calls .NET, and fails there, all the same.

    pythonnet is not unloaded before: from Python 3.13 on it then throws where it frees a bound
    method, and everywhere its stack overflows where a call fails and nothing can be imported.
    """
    done = run_python(FINALIZED.format(holder=holder))
    assert (done.returncode, done.stdout) == (0, written)
    if not written:
        assert "Fatal" not in done.stderr
        assert "Unhandled" not in done.stderr
    else:
        assert done.stderr == ""


def test_pythonnet_is_not_unloaded_at_exit(run_python: RunPython) -> None:
    done = run_python(
        "import psbridge\nwith psbridge.Session() as shell: shell.run('1')\n"
        "import pythonnet\npythonnet.unload = lambda: print('unloaded')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe is no file there")
def test_a_program_leaves_no_file_of_the_engines_behind(run_python: RunPython) -> None:
    code = """
import os
import psbridge
with psbridge.Session() as shell:
    shell.run(
        "[psobject].Assembly.GetType("
        "'System.Management.Automation.Remoting.RemoteSessionNamedPipeServer')"
        ".GetField('IPCNamedPipeServer', [Reflection.BindingFlags]'Static,NonPublic')"
        ".GetValue($null) | Out-Null"  # the engine opens it somewhat later otherwise
    )
print(len([name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("CoreFxPipe")]))
"""
    # Not pytest's folder: a socket's path has at most 100 characters or so.
    with tempfile.TemporaryDirectory() as folder:
        done = run_python(code, env={"TMPDIR": folder})
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
        assert list(Path(folder).iterdir()) == []


# ---- The first start ----

START = """
import psbridge
with psbridge.Session() as shell:
    print(shell.run("1 + 1"))
"""


def test_whether_the_half_in_csharp_is_compiled_is_told_without_starting_anything(
    run_python: RunPython, engine_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    home = read_home(engine_home, "the tests")
    assert not is_compiled(home)
    code = """
import sys
from psbridge.engine.finding import find
from psbridge.engine.native import is_compiled
home = find()
print(is_compiled(home), "clr" in sys.modules)
import psbridge
psbridge.Session().close()
print(is_compiled(home))
"""
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["False False", "True"]
    assert is_compiled(home)


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_a_terminal_shows_a_line_while_the_half_in_csharp_is_compiled(
    engine_home: Path, tmp_path: Path
) -> None:
    from ..session.terminal import Terminal

    version = read_home(engine_home, "the tests").version
    line = f"psbridge: compiling its C# half for PowerShell {version}, once"

    def shown(**env: Any) -> str:
        code, text = Terminal(START, PSBRIDGE_PSHOME=str(engine_home), **env).end()
        assert code == 0
        return text

    cache = {"XDG_CACHE_HOME": str(tmp_path / "1")}
    assert shown(**cache) == f"{line}\r\x1b[K[2]\n"
    assert shown(**cache) == "[2]\n"
    assert shown(XDG_CACHE_HOME=str(tmp_path / "2"), TERM="dumb") == f"{line}\n[2]\n"


def test_nothing_is_shown_of_that_without_a_terminal(run_python: RunPython, tmp_path: Path) -> None:
    done = run_python(START, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "[2]\n", "")
    assert list(tmp_path.rglob("PSBridge.Native.dll"))


def test_the_line_is_taken_away_where_the_compiler_refuses(shell: Session) -> None:
    from psbridge.engine.compiling import SourceFile, load_compiled
    from psbridge.errors import CompileError

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    bad = [SourceFile("bad.cs", "class")]
    with contextlib.redirect_stderr(Terminal()) as err, pytest.raises(CompileError):
        load_compiled(bad, name="Bad", home=shell.engine.home, notice="wait")
    assert err.getvalue() == "wait\r\x1b[K"


def test_a_free_threaded_build_is_refused_before_anything_is_loaded(run_python: RunPython) -> None:
    ended = run_python(
        "import sys\n"
        "sys.version = sys.version.replace('(', 'free-threading build (', 1)\n"
        "from psbridge import EngineStartError, Session\n"
        "try:\n"
        "    Session()\n"
        "except EngineStartError as error:\n"
        "    print(error)\n"
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("this Python is a free-threaded build, and pythonnet has none")

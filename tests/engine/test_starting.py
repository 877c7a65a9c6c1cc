"""Starting .NET and the engine: once a process, in both layouts, with clear errors, to a clean end.

Each test starts a process, for a process can start .NET but once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

    from ..conftest import RunPython

PROGRAM = "pwsh.exe" if sys.platform == "win32" else "pwsh"
LIBRARY = {"win32": "{}.dll", "darwin": "lib{}.dylib"}.get(sys.platform, "lib{}.so")

# What of our own copy is PowerShell's and not .NET's.
POWERSHELL = {
    "Microsoft.ApplicationInsights.dll",
    "Microsoft.CodeAnalysis.CSharp.dll",
    "Microsoft.CodeAnalysis.dll",
    "Microsoft.Management.Infrastructure.dll",
    "Microsoft.Win32.Registry.AccessControl.dll",
    "Newtonsoft.Json.dll",
    "System.CodeDom.dll",
    "System.Configuration.ConfigurationManager.dll",
    "System.DirectoryServices.dll",
    "System.Management.Automation.dll",
    "System.Management.dll",
    "System.Security.Permissions.dll",
    "System.Windows.Extensions.dll",
    LIBRARY.format("psl-native"),
    "pwsh.dll",
    PROGRAM,
}


def link(file: Path, target: Path) -> None:
    """Put a file somewhere else too. Not by a symbolic link: .NET's host follows those."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:  # on another file system
        shutil.copy2(file, target)


def link_home(home: Path, folder: Path, *, without: Collection[str] = ()) -> Path:
    """Make another home of the same files."""
    for file in home.rglob("*"):
        if file.is_file() and file.name not in without:
            link(file, folder / file.relative_to(home))
    return folder


@pytest.fixture(scope="module")
def machine(own_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's .NET, in ``dotnet``, and a PowerShell that needs it, in ``tool``."""
    root = tmp_path_factory.mktemp("machine")
    version = json.loads((own_copy / "psbridge-engine.json").read_text())["dotnet"]
    shared = root / "dotnet" / "shared" / "Microsoft.NETCore.App" / version
    managed: list[str] = []
    native: list[str] = []
    for file in own_copy.iterdir():
        if file.name in POWERSHELL:
            link(file, root / "tool" / file.name)
        elif file.name == "Modules":  # with what Start-Job's process begins, Set-Location
            (root / "tool" / file.name).symlink_to(file)
        elif file.name == LIBRARY.format("hostfxr"):
            link(file, root / "dotnet" / "host" / "fxr" / version / file.name)
        elif file.suffix in (".dll", ".so", ".dylib"):
            link(file, shared / file.name)
            (managed if file.suffix == ".dll" else native).append(file.name)
    command = root / "dotnet" / ("dotnet.exe" if sys.platform == "win32" else "dotnet")
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    target = f".NETCoreApp,Version=v{version.rsplit('.', 1)[0]}"
    framework = f"Microsoft.NETCore.App/{version}"
    files: dict[str, dict[str, Any]] = {
        "runtime": {key: {} for key in managed},
        "native": {key: {} for key in native},
    }
    dependencies = {
        "runtimeTarget": {"name": target, "signature": ""},
        "targets": {target: {framework: files}},
        "libraries": {framework: {"type": "package", "serviceable": True, "sha512": ""}},
    }
    (shared / "Microsoft.NETCore.App.deps.json").write_text(json.dumps(dependencies))
    needs(root / "tool", version)
    return root


def needs(tool: Path, version: str) -> None:
    """Say which .NET a PowerShell needs."""
    framework = {"name": "Microsoft.NETCore.App", "version": version}
    options = {"tfm": f"net{version.rsplit('.', 1)[0]}", "framework": framework}
    (tool / "pwsh.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))


@pytest.fixture
def env(own_copy: Path, tmp_path: Path) -> dict[str, str]:
    """What a process inherits: our own copy, and a machine that has no .NET."""
    return {
        "PSBRIDGE_PSHOME": str(own_copy),
        "PATH": str(tmp_path),
        "DOTNET_ROOT": "",
    }


def expect(done: subprocess.CompletedProcess[str], *lines: object) -> None:
    """The process has printed these lines, nothing on stderr, and ended well."""
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(line) for line in lines]


# --- both layouts --------------------------------------------------------------------------------

WORKS = """
import os
from pathlib import Path
import psbridge
os.environ.pop("POWERSHELL_TELEMETRY_OPTOUT", None)
with psbridge.Session() as shell:
    print(shell.run("$PSHOME; 1 + 1"))
    print(shell.run("Start-Job { $PSHOME; 1 + 1 } | Receive-Job -Wait"))
    print(shell.engine.home.self_contained)
    import System
    print(Path(System.Type.GetType("System.Object").Assembly.Location).parent)
    print(Path(shell.engine.native.image).is_relative_to(os.environ.get("XDG_CACHE_HOME", "/")))
    print(os.environ["POWERSHELL_TELEMETRY_OPTOUT"])  # a library does not report its users
"""


def test_a_self_contained_home(
    run_python: RunPython, own_copy: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    home = link_home(own_copy, tmp_path / "a folder with späces")
    done = run_python(WORKS, env={**env, "PSBRIDGE_PSHOME": str(home)})
    expect(done, [str(home), 2], [str(home), 2], True, home, True, 1)


@pytest.mark.parametrize("variable", ["DOTNET_ROOT", "PATH"])
def test_a_home_for_the_machines_dotnet(
    run_python: RunPython, machine: Path, tmp_path: Path, env: dict[str, str], variable: str
) -> None:
    if variable == "DOTNET_ROOT":
        env["DOTNET_ROOT"] = str(machine / "dotnet")
        env["XDG_CACHE_HOME"] = str(tmp_path / "cache")  # so that the C# half is compiled, too
    else:
        (tmp_path / "dotnet").symlink_to(machine / "dotnet" / "dotnet")
    home = machine / "tool"
    done = run_python(WORKS, env={**env, "PSBRIDGE_PSHOME": str(home)})
    (shared,) = (machine / "dotnet" / "shared" / "Microsoft.NETCore.App").iterdir()
    expect(done, [str(home), 2], [str(home), 2], False, shared, True, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such folder")
@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_a_user_whose_folders_cannot_be_written(
    run_python: RunPython, tmp_path: Path, env: dict[str, str], variable: str
) -> None:
    """PowerShell ends the process there: it wants folders of its own in them."""
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "tmp").mkdir()
    code = """
import os
import psbridge
class GetAnswer(psbridge.JobCmdlet, verb="Get", noun="Answer"):
    def process(self):
        yield 42
before = dict(os.environ)
with psbridge.Session() as shell:
    shell.import_cmdlets(GetAnswer)
    print(shell.run("Get-Answer; Get-Answer -AsJob | Receive-Job -Wait"))
    print(shell.run("Start-Job { 1 + 1 } | Receive-Job -Wait"))
    print(type(shell.engine.native.image).__name__)
    # PowerShell sets this one for everybody; the folders are for it alone.
    own = {"POWERSHELL_TELEMETRY_OPTOUT": "1", "PSModulePath": os.environ["PSModulePath"]}
    print(os.environ == {**before, **own})
"""
    env |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), "")
    env |= {"TMPDIR": str(tmp_path / "tmp"), variable: str(file)}
    expect(run_python(code, env=env), [42, 42], [2], "bytes", True)
    assert not list((tmp_path / "tmp").glob("psbridge-cache-*"))


# --- once a process ------------------------------------------------------------------------------


def test_sessions_in_eight_threads_at_once(run_python: RunPython, env: dict[str, str]) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
import psbridge
from psbridge.engine.starting import started
together = Barrier(8)
def work(number):
    together.wait()
    with psbridge.Session() as shell:
        return shell.engine, shell.run("param($n) $n * $n", n=number)[0]
print(started())
with ThreadPoolExecutor(8) as pool:
    engines, results = zip(*pool.map(work, range(8)))
print(set(engines) == {started()}, list(results))
print(started())
"""
    own_copy = env["PSBRIDGE_PSHOME"]
    done = run_python(code, env=env)
    version = json.loads((Path(own_copy) / "psbridge-engine.json").read_text())["powershell"]
    engine = f"<Engine PowerShell {version} from {own_copy}>"
    expect(done, None, f"True {[n * n for n in range(8)]}", engine)


def test_a_second_home_is_refused(
    run_python: RunPython, own_copy: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    link_home(own_copy, tmp_path / "other")
    (tmp_path / "same").symlink_to(own_copy)
    code = f"""
import psbridge
with psbridge.Session() as shell, psbridge.Session(pshome={str(tmp_path / "same")!r}) as again:
    print(shell.engine is again.engine)
    try:
        psbridge.Session(pshome={str(tmp_path / "other")!r})
    except psbridge.EngineStartError as error:
        print(error)
    print(again.run("1"))
"""
    expect(
        run_python(code, env=env),
        True,
        f"this process already runs PowerShell from {own_copy}; a process has one engine, "
        f"so {tmp_path / 'other'} needs a process of its own",
        [1],
    )


def test_a_start_that_failed_half_way_can_be_repeated(
    run_python: RunPython, own_copy: Path, env: dict[str, str]
) -> None:
    code = """
import psbridge
from psbridge.engine import native
from psbridge.engine.compiling import SourceFile
from psbridge.engine.starting import started
sources = native.native_sources
native.native_sources = lambda: [SourceFile("bad.cs", "class")]
try:
    psbridge.Session()
except psbridge.CompileError as error:
    print("bad.cs(1,6)" in str(error), started())
native.native_sources = sources
try:
    psbridge.Session(pshome="/elsewhere")
except psbridge.EngineStartError as error:
    print("already runs" in str(error))
with psbridge.Session() as shell:
    print(shell.run("1"))
"""
    expect(run_python(code, env=env), "True None", True, [1])


# --- another .NET in the process -----------------------------------------------------------------

OTHERS = {
    "chosen": "pythonnet.set_runtime(other())",
    "loaded through pythonnet": "pythonnet.load(other())",
    "loaded and unloaded through pythonnet": "pythonnet.load(other()); pythonnet.unload()",
    # As other libraries with a .NET half do it, without pythonnet.
    "loaded through clr_loader": """
runtime = other()
runtime.get_assembly(python_runtime).get_function("Python.Runtime.Loader.Initialize")
""",
}


@pytest.mark.parametrize(
    ("how", "where"),
    [*((how, "the same") for how in OTHERS), ("loaded through clr_loader", "another")],
)
def test_another_dotnet_in_the_process(
    run_python: RunPython,
    own_copy: Path,
    tmp_path: Path,
    env: dict[str, str],
    how: str,
    where: str,
) -> None:
    home = own_copy
    if where == "another":
        # Its libraries have to be files of their own: the loader knows files and not names.
        home = tmp_path / "other"
        for file in own_copy.iterdir():
            if file.is_file():
                if file.suffix in (".so", ".dylib"):
                    home.mkdir(exist_ok=True)
                    shutil.copy2(file, home / file.name)
                else:
                    link(file, home / file.name)
    code = f"""
from pathlib import Path
import clr_loader, pythonnet
import psbridge
python_runtime = Path(pythonnet.__file__).parent / "runtime" / "Python.Runtime.dll"
def other():
    home = Path({str(home)!r})
    return clr_loader.get_coreclr(entry_dll=home / "pwsh.dll", dotnet_root=home)
{OTHERS[how]}
try:
    psbridge.Session()
except psbridge.EngineStartError as error:
    print(error)
"""
    expect(
        run_python(code, env=env),
        "another .NET runtime (CoreCLR) has been chosen for this process with "
        "pythonnet.set_runtime, and a process can have only one. Start psbridge before that."
        if how == "chosen"
        else "a .NET runtime is already loaded in this process, by something else or by a start "
        "that failed, and a process can have only one. Start psbridge before the library that "
        "loads .NET, or in a process of its own.",
    )


# --- a home that is not whole --------------------------------------------------------------------

FAILS = """
import psbridge
try:
    psbridge.Session()
except psbridge.EngineStartError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("hostfxr", "Could not find a suitable hostfxr library in {home}."),
        ("hostpolicy", "required to execute the application was not found in '{home}'."),
        ("coreclr", "CoreClrResolveFailure\nCould not resolve CoreCLR path."),
    ],
)
def test_a_native_library_is_missing(
    run_python: RunPython,
    own_copy: Path,
    tmp_path: Path,
    env: dict[str, str],
    library: str,
    said: str,
) -> None:
    home = link_home(own_copy, tmp_path / "broken", without=[LIBRARY.format(library)])
    code = f"""{FAILS}
with psbridge.Session(pshome={str(own_copy)!r}) as shell:  # .NET was not reached: this works
    print(shell.run("1"))
"""
    done = run_python(code, env={**env, "PSBRIDGE_PSHOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f".NET did not start with {home / 'pwsh.dll'}: ")
    assert said.format(home=home) in done.stdout
    assert done.stdout.endswith("\n[1]\n")


@pytest.mark.parametrize("assembly", ["System.Private.CoreLib.dll", "System.Runtime.dll"])
def test_an_assembly_of_dotnet_is_missing(
    run_python: RunPython, own_copy: Path, tmp_path: Path, env: dict[str, str], assembly: str
) -> None:
    home = link_home(own_copy, tmp_path / "broken", without=[assembly])
    done = run_python(FAILS + FAILS, env={**env, "PSBRIDGE_PSHOME": str(home)})
    assert done.returncode == 0, done.stderr
    first, advice, second = done.stdout.splitlines()
    assert first.startswith(f".NET did not start with {home / 'pwsh.dll'}: 0x80")
    assert advice == "A file of .NET beside it may be missing or damaged."
    assert "a start that failed" in second


def test_the_engine_is_damaged(
    run_python: RunPython, own_copy: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    name = "System.Management.Automation.dll"
    home = link_home(own_copy, tmp_path / "broken", without=[name])
    # Damaged where .NET's metadata begins (ECMA-335, II.24.2.1); the version is a resource.
    content = (own_copy / name).read_bytes()
    assert b"BSJB" in content
    (home / name).write_bytes(content.replace(b"BSJB", bytes(4)))
    done = run_python(FAILS, env={**env, "PSBRIDGE_PSHOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{home / name} cannot be loaded: ")


def test_the_machine_has_no_dotnet(
    run_python: RunPython, machine: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    code = f"""
from psbridge.engine import dotnet
usual = dotnet._dotnet_folders
dotnet._dotnet_folders = lambda: [f for f in usual() if {str(tmp_path)!r} in str(f)]
{FAILS}"""
    home = machine / "tool"
    env |= {"PSBRIDGE_PSHOME": str(home), "DOTNET_ROOT": str(tmp_path)}
    done = run_python(code, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"PowerShell in {home} needs .NET ")
    assert done.stdout.endswith("set DOTNET_ROOT to its folder, or put `dotnet` on PATH\n")


def test_the_machine_has_only_an_older_dotnet(
    run_python: RunPython, machine: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    home = link_home(machine / "tool", tmp_path / "tool", without=["pwsh.runtimeconfig.json"])
    needs(home, "99.0.0")
    env |= {"PSBRIDGE_PSHOME": str(home), "DOTNET_ROOT": str(machine / "dotnet")}
    done = run_python(FAILS, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "FrameworkMissingFailure" in done.stdout
    assert "Framework: 'Microsoft.NETCore.App', version '99.0.0'" in done.stdout
    assert f"at [{machine / 'dotnet' / 'shared' / 'Microsoft.NETCore.App'}]" in done.stdout


# --- the end of the process ----------------------------------------------------------------------

ENDS = {
    "with the engine": "from psbridge.engine.starting import start; start()",
    "with an open session": "shell = psbridge.Session(); shell.run('1')",
    "with sessions of a thread that has ended": """
def work():
    global shell
    shell = psbridge.Session()
    shell.run('1')
thread = threading.Thread(target=work)
thread.start()
thread.join()
""",
    "while a thread is in a pipeline": """
inside = threading.Event()
def work():
    try:
        shell = psbridge.Session()
        inside.set()
        shell.run('[System.Threading.Thread]::Sleep(100000)')
    except psbridge.PsbridgeError:
        pass
threading.Thread(target=work, daemon=True).start()
inside.wait()
time.sleep(0.2)
""",
    "by sys.exit in the middle": """
with psbridge.Session() as shell:
    shell.run('1')
    sys.exit(0)
""",
}


@pytest.mark.parametrize("how", ENDS)
def test_the_process_ends(run_python: RunPython, env: dict[str, str], how: str) -> None:
    done = run_python(f"import sys, threading, time\nimport psbridge\n{ENDS[how]}", env=env)
    expect(done)

"""C# compiled with the engine's own Roslyn, and what is kept of it.

Most tests compile a few lines, because the C# half takes its time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge import CompileError, Session
from psbridge.engine.compiling import SourceFile, cache_folder, compile_assembly, load_compiled

if TYPE_CHECKING:
    from ..conftest import RunPython

GREETER = SourceFile(
    "sample/Greeter.cs",
    """
namespace Sample;

public static class Greeter
{
    public static string Greet(string name) => PSBridge.Border.IsClosed ? "" : "Hello, " + name;
}
""",
)

# In a process of its own: load assemblies, say where each is from and whether Roslyn was needed.
LOAD = f"""
import os
from pathlib import Path
from psbridge.engine.compiling import SourceFile, load_compiled
from psbridge.engine.starting import start
engine = start()
source = SourceFile({GREETER.name!r}, {GREETER.text!r})
for name in os.environ["NAMES"].split():
    loaded = load_compiled([source], name=name, home=engine.home, references=[engine.native])
    greet = loaded.assembly.GetType("Sample.Greeter").GetMethod("Greet")
    assert greet.Invoke(None, [name]) == f"Hello, {{name}}"
    print(loaded.image if isinstance(loaded.image, Path) else "in memory")
import System
names = [assembly.GetName().Name for assembly in System.AppDomain.CurrentDomain.GetAssemblies()]
print("compiled" if "Microsoft.CodeAnalysis.CSharp" in names else "kept")
"""


@pytest.fixture
def cache(shell: Session, tmp_path: Path) -> Path:
    """A cache that has the C# half, which takes its time, and nothing else."""
    half = shell.engine.native.image
    assert isinstance(half, Path)
    folder = tmp_path / "cache"
    shutil.copytree(half.parent, folder / half.relative_to(half.parents[3]).parent)
    return folder


def load(
    run_python: RunPython, cache: Path, *names: str, **env: str
) -> tuple[list[Path | None], bool]:
    """Load in a process of its own; where from, and whether anything was compiled."""
    env |= {"XDG_CACHE_HOME": str(cache), "NAMES": " ".join(names)}
    done = run_python(LOAD, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    *images, how = done.stdout.splitlines()
    return [None if i == "in memory" else Path(i) for i in images], how == "compiled"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- what the compiler is asked for --------------------------------------------------------------


def compile_text(home: Path, *texts: str) -> bytes:
    sources = [SourceFile(f"sample/{n}.cs", text) for n, text in enumerate(texts)]
    return compile_assembly(sources, name="Sample", home=home)


def test_an_error_names_file_line_and_column(shell: Session) -> None:
    with pytest.raises(CompileError) as raised:
        compile_text(shell.engine.home.path, "class A;", "class B\n{\n    int C() => D;\n}")
    assert str(raised.value).splitlines() == [
        "C# does not compile (Sample):",
        "sample/1.cs(3,16): error CS0103: The name 'D' does not exist in the current context",
    ]


def test_every_error_is_told(shell: Session) -> None:
    with pytest.raises(CompileError) as raised:
        compile_text(shell.engine.home.path, "class A : B;", "class C : D;")
    _, first, second = str(raised.value).splitlines()
    assert first.startswith("sample/0.cs(1,11): error CS0246")
    assert second.startswith("sample/1.cs(1,11): error CS0246")


def test_a_warning_is_an_error(shell: Session) -> None:
    with pytest.raises(CompileError, match=r"0\.cs\(1,15\): error CS0169: .*never used"):
        compile_text(shell.engine.home.path, "class A { int unused; }")


def test_nullable_checks_are_on(shell: Session) -> None:
    with pytest.raises(CompileError, match=r"0\.cs\(1,\d+\): error CS8603"):
        compile_text(shell.engine.home.path, "class A { string B() => null; }")


def test_the_same_source_gives_the_same_bytes(shell: Session) -> None:
    home = shell.engine.home.path
    first, second = (compile_text(home, "public class A;") for _ in range(2))
    assert first == second != compile_text(home, "public class B;")


def test_a_home_without_roslyn(shell: Session, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"there is no C# compiler: .*CodeAnalysis\.dll"):
        compile_text(tmp_path, "class A;")


def test_an_assembly_that_refers_to_another(
    shell: Session, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    home = shell.engine.home
    base = SourceFile("base.cs", "namespace Two; public class Base { public int N => 3; }")
    user = SourceFile("user.cs", "namespace Two; public class User : Base;")
    for folder in (cache, tmp_file(cache.parent)):  # kept in a file, and in memory only
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        first = load_compiled([base], name=f"Base{folder.name}", home=home)
        second = load_compiled([user], name=f"User{folder.name}", home=home, references=[first])
        made = second.assembly.CreateInstance("Two.User")
        assert made.GetType().GetProperty("N").GetValue(made) == 3
        assert isinstance(second.image, bytes) == (folder != cache)
        other = SourceFile(base.name, base.text.replace("3", "4"))
        changed = load_compiled([other], name=f"Base{folder.name}", home=home)
        again = load_compiled([user], name=f"User{folder.name}", home=home, references=[changed])
        assert again.key != second.key


def tmp_file(folder: Path) -> Path:
    file = folder / "file"
    file.touch()
    return file


# --- what is kept --------------------------------------------------------------------------------


def test_compiled_once_and_kept(run_python: RunPython, cache: Path) -> None:
    (image,), compiled = load(run_python, cache, "Greeter")
    assert compiled
    assert image is not None
    assert image.is_relative_to(cache)
    changed = image.stat().st_mtime_ns
    assert load(run_python, cache, "Greeter") == ([image], False)
    assert image.stat().st_mtime_ns == changed
    assert files(cache) == ["Greeter.dll", "PSBridge.Native.dll"]


def test_recompiled_when_the_source_changes(
    shell: Session, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    home = shell.engine.home
    one = SourceFile("sample/One.cs", "class One;")
    sources = [one, SourceFile("sample/Other.cs", "class Other;")]
    variants = [
        sources,
        sources[:1],
        sources[::-1],
        [one, SourceFile("sample/Renamed.cs", "class Other;")],
        [one, SourceFile("sample/Other.cs", "class Othr;")],
    ]
    images = [load_compiled(v, name="Variant", home=home).image for v in variants]
    assert len(set(images)) == len(variants)
    assert images == [load_compiled(v, name="Variant", home=home).image for v in variants]


def test_recompiled_when_the_engine_changes(
    run_python: RunPython, shell: Session, cache: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    dll = home / "System.Management.Automation.dll"
    for file in shell.engine.home.path.iterdir():
        if file.name in (dll.name, "pwsh.dll"):  # .NET's host follows links to the second
            shutil.copy2(file, home / file.name)
        else:
            (home / file.name).symlink_to(file)
    env = {"PSBRIDGE_PSHOME": str(home)}
    assert load(run_python, cache, **env) == ([], False)
    os.utime(dll, (1_700_000_000, 1_700_000_000))
    assert load(run_python, cache, **env) == ([], True)
    assert files(cache) == ["PSBridge.Native.dll"] * 2


def test_a_damaged_file_is_made_again(run_python: RunPython, cache: Path) -> None:
    names = ["Truncated", "Empty", "Garbage", "Zeros", "Folder"]
    images, _ = load(run_python, cache, *names)
    kept = {name: image for name, image in zip(names, images, strict=True) if image is not None}
    contents = {name: image.read_bytes() for name, image in kept.items()}
    for image in kept.values():
        image.unlink()
    half = contents["Truncated"][: len(contents["Truncated"]) // 2]
    kept["Truncated"].write_bytes(half)
    kept["Empty"].touch()
    kept["Garbage"].write_bytes(b"garbage" * 500)
    kept["Zeros"].write_bytes(bytes(len(contents["Zeros"])))
    kept["Folder"].mkdir()

    again, compiled = load(run_python, cache, *names)
    assert compiled
    assert again == [*images[:-1], None]
    for name in names[:-1]:
        assert kept[name].read_bytes() == contents[name]
    assert not list(cache.rglob("*.tmp"))


def test_a_cache_that_cannot_be_written(run_python: RunPython, tmp_path: Path) -> None:
    # No rights are taken from a folder: the tests may run as somebody whom that does not stop.
    assert load(run_python, tmp_file(tmp_path), "Greeter") == ([None], True)


def test_four_processes_at_once(cache: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), "NAMES": "Greeter"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD], env=env, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]  # fmt: skip
    done = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert all((err, code) == ("", 0) for _, err, code in done)
    (image,) = {out.splitlines()[0] for out, _, _ in done}
    assert Path(image).is_relative_to(cache)
    assert files(cache) == ["Greeter.dll", "PSBridge.Native.dll"]


def test_the_cache_is_where_caches_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder().is_absolute()
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / ".cache" / "psbridge" / "compiled"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        assert cache_folder().is_absolute()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_what_others_could_have_put_into_the_cache_is_not_loaded(
    tmp_path: Path, run_python: RunPython
) -> None:
    code = """
import warnings
from psbridge import Session
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with Session() as shell:
        print(shell.run("1 + 1"), type(shell.engine.native.image).__name__)
for warning in said:
    print(warning.message)
"""
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    assert run_python(code, env=env).stdout == "[2] PosixPath\n"
    (tmp_path / "psbridge").chmod(0o777)
    said = run_python(code, env=env).stdout.splitlines()
    assert said[0] == "[2] bytes"
    assert f"{tmp_path / 'psbridge'} can be written by other users" in said[1]
    (tmp_path / "psbridge").chmod(0o700)
    assert run_python(code, env=env).stdout == "[2] PosixPath\n"

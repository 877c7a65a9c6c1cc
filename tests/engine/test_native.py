"""The C# half as a whole: how it is written, and the gate between .NET and Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from psbridge import Session
from psbridge.engine.compiling import compile_assembly
from psbridge.engine.native import native_sources

if TYPE_CHECKING:
    from ..conftest import RunPython


def test_it_compiles_without_a_warning(shell: Session) -> None:
    # Warnings are errors there.
    assert compile_assembly(native_sources(), name="Half", home=shell.engine.home.path)


def test_it_is_all_the_source_there_is() -> None:
    import psbridge.engine.native

    (folder,) = psbridge.engine.native.__path__
    names = [source.name for source in native_sources()]
    assert names == sorted(f"psbridge/engine/native/{f.name}" for f in Path(folder).glob("*.cs"))
    assert all((Path(folder) / Path(name).name).is_file() for name in names)


def test_what_is_public_is_documented(shell: Session) -> None:
    """The compiler says so itself, where it reads the comments."""
    compile_assembly([], name="Empty", home=shell.engine.home.path)  # loads Roslyn
    from Microsoft.CodeAnalysis import DocumentationMode, MetadataReference, OutputKind, SyntaxTree
    from Microsoft.CodeAnalysis.CSharp import (
        CSharpCompilation,
        CSharpCompilationOptions,
        CSharpParseOptions,
        CSharpSyntaxTree,
        LanguageVersion,
    )
    from System import AppContext
    from System.Collections.Generic import List

    parse = CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.Diagnose)
    trees, references = List[SyntaxTree](), List[MetadataReference]()
    for source in native_sources():
        trees.Add(CSharpSyntaxTree.ParseText(source.text, parse, source.name))
    trusted = str(AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")).split(os.pathsep)
    for path in {*trusted, str(shell.engine.home.engine_dll)}:
        references.Add(MetadataReference.CreateFromFile(path))

    def problems() -> list[str]:
        options = CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        found = CSharpCompilation.Create("Half", trees, references, options).GetDiagnostics()
        return [text for text in map(str, found) if ": warning CS1" in text]

    assert problems() == []
    trees.Add(CSharpSyntaxTree.ParseText("public class Undocumented;", parse, "control.cs"))
    (problem,) = problems()
    assert problem.startswith("control.cs(1,14): warning CS1591: Missing XML comment")


@pytest.mark.parametrize("source", native_sources(), ids=lambda source: Path(source.name).stem)
def test_a_file_is_named_after_its_type(source: object) -> None:
    name, text = source.name, source.text  # type: ignore[attr-defined]
    stem = Path(name).stem.partition(".")[0]  # Type.Part.cs has a part of it
    kinds = ("class", "interface", "enum", "struct", "record")
    assert any(f" {kind} {stem}" in text for kind in kinds)
    assert "\nnamespace PSBridge;\n" in f"\n{text}"


def test_the_gate_lets_nobody_in_once_it_is_closed_and_waits_for_those_inside(
    run_python: RunPython,
) -> None:
    # A stop is the simplest call into Python that needs no more than a job.
    done = run_python("""
import threading
from psbridge.engine.starting import start
start()
from PSBridge import Border, PythonChildJob
from System import Action

def child(on_stop):
    job = PythonChildJob("command", None, "here")
    assert job.TryBegin(Action(on_stop))
    return job

inside, leave, late = threading.Event(), threading.Event(), []
def stays():
    inside.set()
    assert leave.wait(30)
first, second = child(stays), child(lambda: late.append(1))
threads = [threading.Thread(target=first.RequestStop)]
threads[0].start()
assert inside.wait(30)
print("open:", not Border.IsClosed)

print("all out:", Border.Close(50))
print("closed:", Border.IsClosed)
second.RequestStop()
print("let in:", late, "asked to stop:", second.StopRequested)

threads.append(threading.Thread(target=lambda: print("all out:", Border.Close(30000))))
threads[1].start()
threads[1].join(0.2)
print("waits:", threads[1].is_alive())
leave.set()
for thread in threads:
    thread.join(30)
print("again:", Border.Close(0), Border.IsClosed)
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "open: True",
        "all out: False",
        "closed: True",
        "let in: [] asked to stop: True",
        "waits: True",
        "all out: True",
        "again: True True",
    ]

"""`import_module` takes PowerShell's modules as it takes Python's."""

from __future__ import annotations

from pathlib import Path

import pytest

from psbridge import DeclarationError, PowerShellError, Session

PYTHON = """from psbridge import cmdlet

@cmdlet('Get-Origin')
def origin() -> str:
    return 'Python'
"""
POWERSHELL = "function Get-Origin { 'PowerShell' }\n"


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Python and PowerShell look for modules by their names."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PSModulePath", str(tmp_path), prepend=":")
    return tmp_path


def powershell_module(folder: Path, name: str, text: str = POWERSHELL) -> Path:
    file = folder / name / f"{name}.psm1"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_module_of_powershell_s_by_its_name(shell: Session) -> None:
    names = shell.import_module("Microsoft.PowerShell.Archive")
    assert names == ["Compress-Archive", "Expand-Archive"]
    assert "Get-FileHash" in shell.import_module("Microsoft.PowerShell.Utility")
    (module,) = shell.run("Get-Module Microsoft.PowerShell.Archive")
    assert module.Name == "Microsoft.PowerShell.Archive"


@pytest.mark.parametrize("what", ["file", "folder", "text"])
def test_one_by_its_path_as_it_is_now(shell: Session, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "süß [a] `*"
    folder.mkdir()
    file = powershell_module(folder, "psbridge-mine")
    paths: dict[str, str | Path] = {"file": file, "folder": file.parent, "text": str(file)}
    path = paths[what]
    assert shell.import_module(path) == ["Get-Origin"]
    assert shell.run("Get-Origin") == ["PowerShell"]
    powershell_module(folder, "psbridge-mine", "function Get-Origin { 'edited' }")
    shell.import_module(path)
    assert shell.run("Get-Origin") == ["edited"]


def test_a_manifest_and_a_script(shell: Session, tmp_path: Path) -> None:
    (tmp_path / "inner.psm1").write_text("function Get-Out { 1 }; function Get-In { 2 }")
    manifest = tmp_path / "outer.psd1"
    manifest.write_text(
        "@{ModuleVersion='1.0'; RootModule='inner.psm1'; FunctionsToExport='Get-Out'}"
    )
    assert shell.import_module(manifest) == ["Get-Out"]
    script = tmp_path / "some.ps1"
    script.write_text("function Get-Some { 3 }")
    shell.import_module(str(script))
    assert shell.run("Get-Out; Get-Some") == [1, 3]


def test_a_name_that_both_have_is_python_s_where_that_has_cmdlets(
    shell: Session, both: Path
) -> None:
    for name in ("psbridge_both", "psbridge_plain"):
        powershell_module(both, name)
    (both / "psbridge_both.py").write_text(PYTHON)
    (both / "psbridge_plain.py").write_text("x = 1\n")
    assert shell.import_module("psbridge_both") == ["Get-Origin"]
    assert shell.run("Get-Origin") == ["Python"]
    assert shell.import_module("psbridge_plain") == ["Get-Origin"]
    # A function goes before a cmdlet.
    assert shell.run("Get-Origin") == ["PowerShell"]


def test_what_is_not_there_is_one_clear_error(shell: Session, both: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="'psbridge_none', neither Python's nor Pow"):
        shell.import_module("psbridge_none")
    for nothing in ("", 5, None):
        with pytest.raises(DeclarationError, match="module is"):
            shell.import_module(nothing)  # type: ignore[arg-type]
    with pytest.raises(ModuleNotFoundError, match=r"'System\.IO', neither"):
        shell.import_module("System.IO")
    with pytest.raises(ModuleNotFoundError, match="neither"):
        shell.import_module("Microsoft.PowerShell.*")
    for name in ("none.psd1", "none.psm1", "none.dll"):
        with pytest.raises(DeclarationError, match=f"there is no module .*{name}"):
            shell.import_module(both / name)
    (both / "psbridge_empty.py").write_text("x = 1\n")
    with pytest.raises(DeclarationError, match=r"psbridge_empty\.py defines no cmdlet"):
        shell.import_module("psbridge_empty")


def test_what_a_module_of_python_s_lacks_is_not_looked_for_in_powershell(
    shell: Session, both: Path
) -> None:
    powershell_module(both, "psbridge_lacks")
    (both / "psbridge_lacks.py").write_text("import psbridge_not_installed\n")
    with pytest.raises(ModuleNotFoundError, match="No module named 'psbridge_not_installed'"):
        shell.import_module("psbridge_lacks")


def test_a_module_that_cannot_be_imported_says_why(shell: Session, both: Path) -> None:
    file = powershell_module(both, "psbridge_broken", "throw 'not today'")
    for module in (file, "psbridge_broken"):
        with pytest.raises(PowerShellError, match="not today"):
            shell.import_module(module)

"""What lies in a folder, told without starting it."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from psbridge import EngineUnsupported
from psbridge.engine.homes import ENGINE_DLL, read_home

# How a version resource begins; the file version follows.
SIGNATURE = b"\xbd\x04\xef\xfe\x00\x00\x01\x00"


@pytest.fixture
def home(own_copy: Path, tmp_path: Path) -> Path:
    """The files that are looked at, and no others."""
    for name in (ENGINE_DLL, "pwsh.dll", "pwsh.runtimeconfig.json"):
        shutil.copyfile(own_copy / name, tmp_path / name)
    return tmp_path


def set_version(dll: Path, major: int, minor: int, patch: int) -> None:
    data = bytearray(dll.read_bytes())
    at = data.rindex(SIGNATURE) + len(SIGNATURE)
    struct.pack_into("<II", data, at, major << 16 | minor, patch << 16)
    dll.write_bytes(data)


def refusal(folder: Path) -> str:
    with pytest.raises(EngineUnsupported) as raised:
        read_home(folder, "a test")
    return str(raised.value)


def test_our_own_copy(own_copy: Path) -> None:
    home = read_home(own_copy, "a test")
    marker = json.loads((own_copy / "psbridge-engine.json").read_text())
    assert home.version == marker["powershell"]
    assert home.dotnet == marker["dotnet"]
    assert home.self_contained
    assert home.is_own_copy
    assert home.found_as == "a test"
    assert home.entry_dll.is_file()
    assert home.executable.is_file()


@pytest.mark.parametrize("key", ["framework", "frameworks"])
def test_a_home_for_the_machines_dotnet(home: Path, key: str) -> None:
    framework = {"name": "Microsoft.NETCore.App", "version": "8.0.0"}
    options = {key: framework if key == "framework" else [framework]}
    # Microsoft's files begin with a byte order mark now and then.
    (home / "pwsh.runtimeconfig.json").write_text(
        json.dumps({"runtimeOptions": options}), encoding="utf-8-sig"
    )
    found = read_home(home, "a test")
    assert (found.self_contained, found.dotnet) == (False, "8.0.0")
    assert not found.is_own_copy


@pytest.mark.parametrize("version", [(7, 4, 0), (7, 10, 3), (8, 0, 0)])
def test_a_version_that_is_new_enough(home: Path, version: tuple[int, int, int]) -> None:
    set_version(home / ENGINE_DLL, *version)
    assert read_home(home, "a test").version == ".".join(map(str, version))


@pytest.mark.parametrize("version", [(7, 3, 12), (6, 2, 7)])
def test_a_version_that_is_too_old(home: Path, version: tuple[int, int, int]) -> None:
    set_version(home / ENGINE_DLL, *version)
    text = ".".join(map(str, version))
    assert refusal(home) == f"PowerShell {text} in {home} is older than 7.4"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == f"{tmp_path / 'gone'} is not a folder"
    file = tmp_path / "file"
    file.touch()
    assert refusal(file) == f"{file} is not a folder"


def test_a_folder_without_an_engine(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"there is no {ENGINE_DLL} in {tmp_path}"


@pytest.mark.parametrize("content", [b"", b"no assembly", SIGNATURE + b"cut"])
def test_an_engine_that_is_damaged(home: Path, content: bytes) -> None:
    (home / ENGINE_DLL).write_bytes(content)
    assert refusal(home) == f"{home / ENGINE_DLL} has no version; the file may be damaged"


@pytest.mark.parametrize("name", ["pwsh.dll", "pwsh.runtimeconfig.json"])
def test_a_home_that_lacks_a_file(home: Path, name: str) -> None:
    (home / name).unlink()
    assert refusal(home).endswith(f"in {home} has no {name}")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"runtimeOptions": {}}', '{"runtimeOptions": {"framework": 1}}'],
)
def test_a_configuration_that_is_damaged(home: Path, content: str) -> None:
    config = home / "pwsh.runtimeconfig.json"
    config.write_text(content)
    assert refusal(home).startswith(f"{config} cannot be read: ")

"""Sources are those that NuGet itself would use, from real files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from psbridge.errors import FeedError
from psbridge.setup.nuget_config import configured_sources, sources
from psbridge.setup.source import Credentials, Source, sources_for


def configure(folder: Path, body: str, name: str = "nuget.config") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"<configuration>\n{body}\n</configuration>\n", encoding="utf-8")
    return file


def feed(key: str, value: str, more: str = "") -> str:
    return f'<add key="{key}" value="{value}" {more}/>'


def in_sources(*elements: str) -> str:
    return f"<packageSources>{''.join(elements)}</packageSources>"


def names(folder: Path) -> list[str]:
    return [source.name for source in configured_sources(folder)]


def test_nothing_is_configured(tmp_path: Path) -> None:
    assert configured_sources(tmp_path) == []


@pytest.mark.parametrize("name", ["nuget.config", "NuGet.config", "NuGet.Config"])
def test_folder_then_parents_then_user_then_machine(
    tmp_path: Path, no_configuration: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    inner = tmp_path / "a" / "b"
    configure(inner, in_sources(feed("inner", "one")), name)
    configure(tmp_path / "a", in_sources(feed("outer", "two")))
    configure(no_configuration / ".nuget/NuGet", in_sources(feed("user", "three")), "NuGet.Config")
    configure(no_configuration / ".nuget/config", in_sources(feed("extra", "four")), "x.config")
    configure(no_configuration / ".config/NuGet", in_sources(feed("mono", "five")), "NuGet.Config")
    monkeypatch.setenv("NUGET_COMMON_APPLICATION_DATA", str(tmp_path / "common"))
    configure(tmp_path / "common/NuGet/Config", in_sources(feed("machine", "six")), "m.config")
    found = configured_sources(inner)
    assert [s.name for s in found] == ["inner", "outer", "user", "extra", "mono", "machine"]
    assert found[0].location == str(inner / "one")
    assert found[0].origin == str(inner / name)


def test_the_closest_file_wins_for_equal_names(tmp_path: Path) -> None:
    configure(tmp_path, in_sources(feed("Same", "far"), feed("other", "far")))
    configure(tmp_path / "a", in_sources(feed("same", "near")))
    found = configured_sources(tmp_path / "a")
    assert [s.location for s in found] == [str(tmp_path / "a/near"), str(tmp_path / "far")]


def test_clear_forgets_what_farther_files_say(tmp_path: Path) -> None:
    configure(tmp_path, in_sources(feed("far", "x")))
    configure(tmp_path / "a", in_sources(feed("early", "x"), "<clear />", feed("near", "x")))
    assert names(tmp_path / "a") == ["near"]


def test_remove(tmp_path: Path) -> None:
    configure(tmp_path, in_sources(feed("one", "x"), feed("two", "y")))
    configure(tmp_path / "a", in_sources('<remove key="ONE" />'))
    assert names(tmp_path / "a") == ["two"]


def test_disabled_sources_are_listed_as_such(tmp_path: Path) -> None:
    disabled = '<disabledPackageSources><add key="one" value="true" /></disabledPackageSources>'
    configure(tmp_path, in_sources(feed("one", "."), feed("two", ".")) + disabled)
    assert [s.problem() for s in configured_sources(tmp_path)] == ["disabled", None]
    configure(tmp_path / "a", "<disabledPackageSources><clear /></disabledPackageSources>")
    assert [s.problem() for s in configured_sources(tmp_path / "a")] == [None, None]


def test_variables_and_windows_separators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_FOLDER", "my feed")
    configure(tmp_path / "a", in_sources(feed("v", "..\\%FEED_FOLDER%\\%NOT_SET%")))
    (source,) = configured_sources(tmp_path / "a")
    assert source.location == str(tmp_path / "my feed" / "%NOT_SET%")


def test_a_folder_that_is_not_there_is_a_problem_of_that_source(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    configure(tmp_path, in_sources(feed("gone", "nowhere"), feed("file", "file")))
    problems = [source.problem() for source in configured_sources(tmp_path)]
    assert problems == ["missing: there is no such folder", "not a folder"]


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("<packageSources>", 3, "not sound XML"),
        ('<packageSources><add value="x" /></packageSources>', 2, "no 'key'"),
        ('\n<packageSources>\n<add key="x" />\n</packageSources>', 4, "no 'value'"),
    ],
)
def test_a_malformed_file(tmp_path: Path, body: str, line: int, what: str) -> None:
    file = configure(tmp_path, body)
    with pytest.raises(FeedError, match=what) as caught:
        configured_sources(tmp_path)
    assert f"{file}, line {line}:" in str(caught.value)


def test_credentials_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = (
        "<packageSourceCredentials><my_x0020_feed>"
        '<add key="Username" value="me" /><add key="ClearTextPassword" value="%TOKEN%" />'
        "</my_x0020_feed></packageSourceCredentials>"
    )
    monkeypatch.setenv("TOKEN", "s3cret")
    configure(tmp_path, in_sources(feed("my feed", "https://feed.invalid/index.json")) + secrets)
    (source,) = configured_sources(tmp_path)
    assert source.credentials == Credentials("me", "s3cret")
    assert "s3cret" not in repr(source)
    assert "s3cret" not in repr(source.credentials)


def test_an_encrypted_password_is_a_problem_only_when_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (
        '<packageSourceCredentials><one><add key="Password" value="AQAA" /></one>'
        "</packageSourceCredentials>"
    )
    configure(tmp_path, in_sources(feed("one", "https://feed.invalid/index.json")) + secrets)
    (source,) = configured_sources(tmp_path)
    assert source.problem() is None
    assert "is encrypted" in str(source.credentials_problem)
    monkeypatch.setenv("NuGetPackageSourceCredentials_one", "Username=u;Password=p")
    (source,) = configured_sources(tmp_path)
    assert (source.credentials, source.credentials_problem) == (Credentials("u", "p"), None)


def test_a_password_inside_an_address(tmp_path: Path) -> None:
    source = sources("https://me:s%40cret@feed.invalid/v3/index.json")[0]
    assert source.location == "https://feed.invalid/v3/index.json"
    assert source.credentials == Credentials("me", "s@cret")
    assert "cret" not in repr(source)


def test_plain_http_needs_permission(tmp_path: Path) -> None:
    address = "http://feed.invalid/index.json"
    allowed = feed("two", address, 'allowInsecureConnections="True"')
    configure(tmp_path, in_sources(feed("one", address), allowed))
    problems = [source.problem() for source in configured_sources(tmp_path)]
    needs = 'plain http://, which needs allowInsecureConnections="true" in a nuget.config'
    assert problems == [needs, None]


def test_source_mapping_takes_the_most_specific_pattern() -> None:
    every = Source("every", "/a", "t", patterns=("*",))
    prefix = Source("prefix", "/b", "t", patterns=("System.*",))
    exact = Source("exact", "/c", "t", patterns=("system.management.automation",))
    unmapped = Source("unmapped", "/d", "t")
    everything = [every, prefix, exact, unmapped]
    assert sources_for("System.Management.Automation", everything) == [exact]
    assert sources_for("System.CodeDom", everything) == [prefix]
    assert sources_for("Newtonsoft.Json", everything) == [every]
    assert sources_for("Newtonsoft.Json", [prefix, unmapped]) == []
    assert sources_for("Newtonsoft.Json", [unmapped]) == [unmapped]


def test_source_mapping_is_read(tmp_path: Path) -> None:
    mapping = (
        '<packageSourceMapping><packageSource key="ONE"><package pattern="A.*" />'
        '<package pattern="B" /></packageSource></packageSourceMapping>'
    )
    configure(tmp_path, in_sources(feed("one", "x"), feed("two", "y")) + mapping)
    assert [s.patterns for s in configured_sources(tmp_path)] == [("A.*", "B"), ()]


def test_option_before_variable_before_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, in_sources(feed("configured", "x")))
    assert [s.origin for s in sources(None, tmp_path)] == [str(tmp_path / "nuget.config")]
    monkeypatch.setenv("PSBRIDGE_NUGET_SOURCE", str(tmp_path / "v"))
    assert [s.location for s in sources(None, tmp_path)] == [str(tmp_path / "v")]
    explicit = sources((tmp_path / "o").as_uri(), tmp_path)
    assert [(s.location, s.origin) for s in explicit] == [(str(tmp_path / "o"), "--source")]


def test_the_home_folder_in_a_source(no_configuration: Path) -> None:
    assert sources("~/feed")[0].location == str(no_configuration / "feed")


def test_an_address_that_is_configured_keeps_its_credentials(tmp_path: Path) -> None:
    address = "https://feed.invalid/v3/index.json"
    secrets = (
        '<packageSourceCredentials><one><add key="Username" value="me" />'
        '<add key="ClearTextPassword" value="pw" /></one></packageSourceCredentials>'
    )
    configure(tmp_path, in_sources(feed("one", address)) + secrets)
    (source,) = sources(address, tmp_path)
    assert (source.origin, source.credentials) == ("--source", Credentials("me", "pw"))


@pytest.mark.parametrize("name", ["packages.example.org", "localhost", "host:5000", "a.b:1"])
def test_the_name_of_a_host_is_its_site(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = sources(name)
    assert (source.name, source.location) == (name, f"https://{name}")
    monkeypatch.setenv("PSBRIDGE_NUGET_SOURCE", name)
    assert sources()[0].location == f"https://{name}"


@pytest.mark.parametrize(
    "name", ["packages", ".", "..", "./a.b", "a.b/c", "~/a.b", ".hidden", "a:b"]
)
def test_other_names_are_folders(name: str) -> None:
    assert not sources(name)[0].is_url


def test_a_folder_that_is_there_is_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packages.example.org").mkdir()
    monkeypatch.chdir(tmp_path)
    assert sources("packages.example.org")[0].location == str(tmp_path / "packages.example.org")


def test_a_name_in_a_configuration_file_is_a_folder(tmp_path: Path) -> None:
    configure(tmp_path, in_sources(feed("one", "packages.example.org")))
    assert configured_sources(tmp_path)[0].location == str(tmp_path / "packages.example.org")


def test_a_host_of_which_a_feed_is_configured_is_that_feed(tmp_path: Path) -> None:
    address = "https://feed.invalid:99/deep/v3/index.json"
    secrets = (
        '<packageSourceCredentials><one><add key="Username" value="me" />'
        '<add key="ClearTextPassword" value="pw" /></one></packageSourceCredentials>'
    )
    configure(tmp_path, in_sources(feed("one", address)) + secrets)
    (source,) = sources("feed.invalid:99", tmp_path)
    assert (source.location, source.credentials) == (address, Credentials("me", "pw"))
    assert sources("feed.invalid", tmp_path)[0].location == "https://feed.invalid"


def test_reading_the_configuration_imports_nothing_of_a_network() -> None:
    code = (
        "import sys, psbridge.setup.nuget_config, psbridge.setup.source, psbridge.setup.lockfile\n"
        "import psbridge.setup.platforms, psbridge.setup.downloads\n"
        "network = {'http', 'email', 'ssl', 'socket', 'requests', 'urllib.request', 'urllib3'}\n"
        "print(sorted(network & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

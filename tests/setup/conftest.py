"""Small packages that are real archives, feeds that really serve them, and the real feed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from psbridge.setup.downloads import file_name
from psbridge.setup.lockfile import Pin, PlatformLock
from psbridge.setup.nuget_config import configured_sources
from psbridge.setup.platforms import current_rid
from psbridge.setup.source import Source

ROOT = Path(__file__).parents[2]
PLACEHOLDER = hashlib.sha256(b"foobar").hexdigest().encode()
RID = current_rid()
SYSTEM = "win" if RID.startswith("win") else "unix"


@pytest.fixture(scope="session")
def real_feed() -> Source:
    """The folder with the engine's own packages, which the project's nuget.config names."""
    for source in configured_sources(ROOT):
        if not source.is_url and source.problem() is None:
            return source
    pytest.fail(f"No folder feed: nuget.config in {ROOT} names none that is there.")


def in_feed(feed: Source, pin: Pin) -> Path:
    """The file of a package in a folder feed."""
    return Path(feed.location) / file_name(pin.id, pin.version)


@pytest.fixture(autouse=True)
def no_configuration(real_feed: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide this machine's and user's NuGet configuration; gives the empty home folder."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE", "APPDATA", "NUGET_COMMON_APPLICATION_DATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    for name in ("DOTNET_CLI_HOME", "PSBRIDGE_NUGET_SOURCE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return home


def make_package(
    folder: Path, package_id: str, version: str, entries: Mapping[str, bytes] | None = None
) -> Pin:
    """Write a package as an archive and give the pin that fits it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{package_id}.{version}.nupkg"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package_id}.nuspec", "<package />")
        for name, content in (entries or {}).items():
            archive.writestr(name, content)
    return pin_of(file, package_id, version)


def pin_of(file: Path, package_id: str, version: str) -> Pin:
    """Give the pin that fits a file."""
    content = file.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return Pin(package_id, version, digest, len(content))


TOOL = "tools/net10.0/any"
CONFIG = json.dumps(
    {
        "runtimeOptions": {
            "tfm": "net10.0",
            "framework": {"name": "Microsoft.NETCore.App", "version": "10.0.0"},
            "rollForwardOnNoCandidateFx": 1,
            "configProperties": {"System.Runtime.TieredCompilation": True},
        }
    }
).encode()


def runtime_entries(rid: str) -> dict[str, bytes]:
    """A .NET of a few bytes for a platform."""
    return {
        f"runtimes/{rid}/lib/net10.0/System.Runtime.dll": b"runtime",
        f"runtimes/{rid}/lib/net10.0/Microsoft.NETCore.App.deps.json": b"{}",
        f"runtimes/{rid}/native/libcoreclr.so": b"native",
        f"runtimes/{rid}/native/createdump": b"program",
        "LICENSE.TXT": b"licence",
        "THIRD-PARTY-NOTICES.TXT": b"notices",
        "tools/StandardOptimizationData.mibc": b"profile",
    }


def host_entries(rid: str) -> dict[str, bytes]:
    """An apphost of a few bytes for a platform."""
    ending = ".exe" if rid.startswith("win") else ""
    return {
        f"runtimes/{rid}/native/apphost{ending}": b"\x7fELF..." + PLACEHOLDER + b"...",
        f"runtimes/{rid}/native/libnethost.so": b"x",
    }


@dataclass
class SmallEngine:
    """A feed with a PowerShell of a few kilobytes, shaped as the real one, and its lock."""

    feed: Path
    tool: dict[str, bytes] = field(default_factory=dict)
    runtime: dict[str, bytes] = field(default_factory=lambda: runtime_entries(RID))
    host: dict[str, bytes] = field(default_factory=lambda: host_entries(RID))
    dotnet: str = "10.0.15"

    def __post_init__(self) -> None:
        for flavour in ("unix", "win"):
            self.tool |= {
                f"{TOOL}/{flavour}/{name}": content
                for name, content in {
                    "pwsh.dll": b"program",
                    "pwsh": b"a program that looks for .NET elsewhere",
                    "pwsh.runtimeconfig.json": CONFIG,
                    "pwsh.deps.json": b"{}",
                    "System.Management.Automation.dll": os.urandom(200_000),
                    "Some.Library.dll": b"library",
                    "Modules/Some/Some.psd1": b"module",
                    "Modules/Some/.signature.p7s": b"signature",
                    "ref/System.Runtime.dll": b"reference",
                    f"runtimes/{SYSTEM}/lib/net10.0/Special.dll": b"special",
                    f"runtimes/{RID}/native/libpsl-native.so": b"psl",
                    f"runtimes/{RID}/native/build.manifest": b"manifest",
                    "runtimes/plan9/native/libpsl-native.so": b"another system's",
                }.items()
            }

    def make(self) -> PlatformLock:
        """Write the packages, and give the lock that fits them."""
        pack = "Microsoft.NETCore.App"
        return PlatformLock.make(
            RID,
            make_package(self.feed, "PowerShell", "7.6.9", self.tool),
            make_package(self.feed, f"{pack}.Runtime.{RID}", self.dotnet, self.runtime),
            make_package(self.feed, f"{pack}.Host.{RID}", self.dotnet, self.host),
        )

    @property
    def source(self) -> Source:
        """The feed as a source."""
        return Source("small", str(self.feed), "a test")


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    """A PowerShell of a few kilobytes."""
    return SmallEngine(tmp_path / "feed")


Behaviour = Callable[["Handler"], bool]


@dataclass
class WebFeed:
    """A v3 feed on a real HTTPS server; a behaviour may answer in the server's place."""

    folder: Path
    url: str = ""
    secret: str | None = None
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    index: str = "/v3/index.json"
    over: threading.Event = field(default_factory=threading.Event)

    def source(self, **more: Any) -> Source:
        """The feed as a source."""
        return Source("web", f"{self.url}{self.index}", "a test", **more)


class Handler(BaseHTTPRequestHandler):
    """Serves a folder of packages as NuGet's v3 protocol has it."""

    feed: WebFeed

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.feed.asked.append(self.path)
        for part, behave in self.feed.behaviours.items():
            if part in self.path and behave(self):
                return
        if self.feed.secret and self.headers.get("Authorization") != self.feed.secret:
            self.answer(401)
        elif self.path == self.feed.index:
            base = {"@id": f"{self.feed.url}/flat", "@type": "PackageBaseAddress/3.0.0"}
            self.answer(200, json.dumps({"version": "3.0.0", "resources": [base]}).encode())
        else:
            self._package()

    def _package(self) -> None:
        files = {file.name.lower(): file for file in self.feed.folder.iterdir()}
        package_id, *rest = self.path.removeprefix("/flat/").split("/")
        if rest == ["index.json"]:
            known = [n[len(package_id) + 1 : -6] for n in files if n.startswith(f"{package_id}.")]
            self.answer(200 if known else 404, json.dumps({"versions": known}).encode())
        elif rest and rest[-1] in files:
            self.package(files[rest[-1]].read_bytes())
        else:
            self.answer(404)

    def package(self, content: bytes, *, upto: int | None = None, stall: bool = False) -> bool:
        """Send a package or the rest of it that is asked for.

        Args:
            content: all of it.
            upto: how far to come before the connection is cut.
            stall: keep the connection open at that point instead, until the test is over.
        """
        asked = self.headers["Range"]
        self.feed.ranges.append(asked or "")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and start >= len(content):
            return self.answer(416, Content_Range=f"bytes */{len(content)}")
        length = {"Content_Length": str(len(content) - start)}
        if asked:
            length["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(206 if asked else 200, content[start:upto], **length)
        if stall:
            self.wfile.flush()
            self.feed.over.wait(60)
        return True

    def answer(self, status: int, body: bytes = b"", **headers: str) -> bool:
        """Send an answer; a longer Content-Length than the body breaks it off."""
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        return True


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority for this run."""
    return trustme.CA()


@pytest.fixture
def serve(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., WebFeed]]:
    """Start servers for folders of packages, over TLS unless told otherwise."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("NO_PROXY", "*")
    running: list[tuple[ThreadingHTTPServer, threading.Thread, WebFeed]] = []

    def start(folder: Path, *, tls: bool = True, names: Sequence[str] = ()) -> WebFeed:
        feed = WebFeed(folder)
        handler = type("BoundHandler", (Handler,), {"feed": feed})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost", *names).configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        feed.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread, feed))
        return feed

    yield start
    for server, thread, feed in running:
        feed.over.set()
        server.shutdown()
        server.server_close()
        thread.join()

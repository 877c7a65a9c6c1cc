"""The sample, on a real server of this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from psbridge import Session

SAMPLE = Path(__file__).parents[2] / "samples" / "http_api.py"


class Api(BaseHTTPRequestHandler):
    """Gives users; the first request for a flaky one fails."""

    protocol_version = "HTTP/1.1"
    flaky: set[str]

    def do_GET(self) -> None:
        if self.path.startswith("/flaky") and self.path not in self.flaky:
            self.flaky.add(self.path)
            self._answer(503, "later")
        elif self.path == "/secret" and self.headers["Authorization"] != "Bearer s3cret":
            self._answer(401, "who are you?")
        elif self.path == "/users":
            self._answer(200, [{"id": 1}, {"id": 2}])
        elif self.path == "/nothing":
            self._answer(404, "no")
        else:
            self._answer(200, {"path": self.path})

    def _answer(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[str]:
    Api.flaky = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_it_gives_objects(shell: Session, server: str) -> None:
    shell.import_module(SAMPLE)
    result = shell.run("'users', 'one' | Invoke-ApiRequest -Server $args[0]", server)
    assert result == [{"id": 1}, {"id": 2}, {"path": "/one"}]


def test_as_a_job_each_resource_has_a_child(shell: Session, server: str) -> None:
    shell.import_module(SAMPLE)
    script = (
        "$j = 1..20 | Invoke-ApiRequest -Server $args[0] -AsJob -ThrottleLimit 5;"
        " $null = Wait-Job $j; $j.ChildJobs.Count; Receive-Job $j | % path"
    )
    assert shell.run(script, server) == [20, *(f"/{n}" for n in range(1, 21))]


def test_a_server_s_trouble_is_tried_again_and_a_client_s_is_not(
    shell: Session, server: str
) -> None:
    shell.import_module(SAMPLE)
    result = shell.run("'flaky', 'nothing' | Invoke-ApiRequest -Server $args[0]", server)
    assert result == [{"path": "/flaky"}]
    assert [str(warning)[:19] for warning in result.warnings] == ["try 1 of 3 for flak"]
    (error,) = result.errors
    assert (error.error_id.split(",")[0], error.target) == ("ApiRequestFailed", "nothing")


@pytest.mark.parametrize("tail", ["", " -AsJob | Wait-Job | Receive-Job"])
def test_the_token_goes_along_and_is_shown_nowhere(shell: Session, server: str, tail: str) -> None:
    shell.import_module(SAMPLE)
    script = (
        "$token = [System.Net.NetworkCredential]::new('', 's3cret').SecurePassword;"
        f" Invoke-ApiRequest secret -Server $args[0] -Token $token{tail}"
    )
    assert shell.run(script, server) == [{"path": "/secret"}]
    assert "s3cret" not in "".join(str(shell.run("Get-Job | % Command")))

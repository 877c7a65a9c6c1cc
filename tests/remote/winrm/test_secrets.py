"""No password is anywhere but on the wire: a table of what fails, and of where one could be."""

from __future__ import annotations

import base64
import gc
import logging
import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psbridge import Secret
from psbridge.remote.carrying import FanOut, connection_to
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.errors import RequestError
from psbridge.remote.winrm.target import WinRM
from tests.remote.winrm.gates import HttpProxy, Listener
from tests.remote.winrm.plain_shell import delete, opened
from tests.winrm_server import faults
from tests.winrm_server.fixtures import USER
from tests.winrm_server.server import Machine, WinRMServer

PASSWORD = "Tür zu 'hunter2' €"
PROXY_PASSWORD = "Tor auf 'hunter3' €"
CASES = Path(__file__).parents[1] / "cases"

Connect = Callable[..., Connection]


def spellings() -> list[str]:
    """What would give a password away."""
    found = [PASSWORD, PROXY_PASSWORD, "hunter2", "hunter3"]
    for user, password in ((USER, PASSWORD), ("gate", PROXY_PASSWORD)):
        account = base64.b64encode(f"{user}:{password}".encode()).decode()
        found += [account, account[8:-4]]
    return found


def holds_one(text: str) -> bool:
    return any(one in text for one in spellings())


def chain(error: BaseException) -> list[BaseException]:
    """All exceptions that come along with one."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
            waiting += [held for held in one.args if isinstance(held, BaseException)]
    return found


def assert_silent(error: BaseException) -> None:
    """Nothing of an exception has a password: text, arguments, object, chain, frames."""
    for one in chain(error):
        assert not holds_one(str(one) + repr(one))
        assert not holds_one(repr(one.args))
        assert not holds_one(repr(vars(one)))
        assert not holds_one(repr(getattr(one, "object", "")))
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if "psbridge" in frame.filename]
    for frame in ours:
        assert not holds_one(repr(frame.locals))


def wrong_password(winrm_server: WinRMServer, machine: Machine) -> None:
    winrm_server.users = {USER: "another"}


def inject(effect: faults.Effect, on: str = "request") -> Callable[..., None]:
    return lambda winrm_server, machine: machine.inject(effect, on=on) and None


FAILURES: dict[str, Callable[..., Any]] = {
    "wrong password": wrong_password,
    "refused": lambda winrm_server, machine: machine.refuse(),
    "not offered": lambda winrm_server, machine: machine.configure(schemes=()),
    "dropped": inject(faults.drop()),
    "reset": inject(faults.drop(reset=True)),
    "silent": inject(faults.silent()),
    "cut": inject(faults.cut(20)),
    "no words": inject(faults.status(500)),
    "page": inject(faults.recorded(CASES / "page-502-cp1252.http")),
    "login": inject(faults.recorded(CASES / "login-200.http")),
    "proxy": inject(faults.recorded(CASES / "proxy-407.http")),
    "challenge that is none": inject(
        faults.status(401, b"", {"WWW-Authenticate": "Negotiate !!!!, CredSSP !!!!"})
    ),
    "challenge that is garbage": inject(
        faults.status(401, b"", {"WWW-Authenticate": "Negotiate TlRMTVNTUAACAAAA"})
    ),
    "fault": inject(faults.recorded(CASES / "fault-denied-de.xml"), on="Create"),
    "garbled": inject(
        faults.status(200, b"--Encrypted Boundary\r\n", {"Content-Type": "multipart/encrypted"}),
        on="Create",
    ),
    "bad certificate": lambda winrm_server, machine: machine.configure(certificate="expired"),
    "old tls": lambda winrm_server, machine: machine.configure(
        tls_maximum="1.1", tls_minimum="1.0"
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
def test_a_failure_gives_no_password_away(
    connect: Connect,
    machine: Machine,
    winrm_server: WinRMServer,
    caplog: pytest.LogCaptureFixture,
    failure: str,
    scheme: str,
    auth: str,
) -> None:
    winrm_server.users = {USER: PASSWORD}
    connection = connect(auth, scheme, password=PASSWORD)
    FAILURES[failure](winrm_server, machine)
    failed: RequestError | None = None
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            opened(connection, 1.0)
        except RequestError as error:
            failed = error
    encrypted_by_tls_only = scheme == "http" and failure in ("bad certificate", "old tls")
    nothing_to_garble = failure == "garbled" and (auth == "basic" or scheme == "https")
    if not encrypted_by_tls_only:
        assert failed is not None or nothing_to_garble, "it did not fail"
    if failed is not None:
        assert_silent(failed)
        assert "could not be sent (" not in str(failed)  # a bare Python exception's name
    assert not holds_one(caplog.text)
    assert not any(holds_one(repr(vars(one))) for one in caplog.records)
    assert not holds_one(repr([str(one.message) for one in warned]))
    machine.accept()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["basic", "ntlm", "credssp"])
def test_what_works_gives_none_away(
    connect: Connect,
    machine: Machine,
    winrm_server: WinRMServer,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    auth: str,
) -> None:
    winrm_server.users = {USER: PASSWORD}
    with caplog.at_level(logging.DEBUG), HttpProxy(account=f"gate:{PROXY_PASSWORD}") as proxy:
        connection = connect(
            auth,
            scheme,
            password=Secret(PASSWORD),
            proxy=f"http://127.0.0.1:{proxy.port}",
            proxy_username="gate",
            proxy_password=PROXY_PASSWORD,
        )
        shell = opened(connection)
        connection.send(delete(connection, shell), answer_within=10)
        connection.close()
    assert not holds_one(caplog.text)
    assert not any(holds_one(repr(vars(one))) for one in caplog.records)
    assert not holds_one(repr(connection) + repr(vars(connection)))
    assert not holds_one(repr(connection._target) + repr(vars(connection._target)))
    process = Path("/proc/self")
    if process.exists():
        for name in ("cmdline", "environ"):
            assert not holds_one((process / name).read_bytes().decode(errors="replace"))
    assert not holds_one(repr(dict(os.environ)))
    if auth != "basic":
        heads = b"".join(one.head + one.body for one in machine.requests())
        assert b"hunter2" not in heads


def test_the_engines_connection_holds_none(connect: Connect) -> None:
    from psbridge import Session

    target = WinRM("web1", auth="ntlm", username=USER, password=PASSWORD)
    with Session():
        info = connection_to(target, FanOut())
        shown = [info.ToString(), info.ComputerName, str(info.Credential)]
        for field in info.GetType().GetProperties():
            shown.append(str(field.GetValue(info)))
    assert not holds_one("\n".join(shown))


def test_a_secret_is_not_kept_where_it_was_revealed(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    # What a debugger or a crash report would show of a line that is closed.
    winrm_server.users = {USER: PASSWORD}
    connection = connect("ntlm", password=PASSWORD)
    opened(connection)
    connection.close()
    gc.collect()
    assert connection._transport is None


def test_text_that_cannot_be_sent_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="cannot be sent") as caught:
        WinRM("web1", auth="basic", username=USER, password=PASSWORD + "\ud800")
    for one in chain(caught.value):
        assert not holds_one(str(one) + repr(one) + repr(vars(one)))


def test_errors_can_be_pickled_and_hold_none(
    connect: Connect, machine: Machine, winrm_server: WinRMServer
) -> None:
    with Listener() as gone:
        pass
    with pytest.raises(RequestError) as caught:
        opened(connect("ntlm", port=gone.port, password=PASSWORD))
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert not holds_one(pickle.dumps(caught.value).decode("latin-1"))


@pytest.mark.parametrize("auth", ["ntlm", "credssp"])
def test_no_token_is_logged(
    connect: Connect, winrm_server: WinRMServer, caplog: pytest.LogCaptureFixture, auth: str
) -> None:
    logger = logging.getLogger("spnego._ntlm")
    with caplog.at_level(logging.DEBUG):
        opened(connect(auth))
        with pytest.raises(RequestError):
            opened(connect(auth, password="wrong"))
        # Others who use the library see theirs, as before.
        logger.debug("theirs")
    assert [one.message for one in caplog.records if "spnego" in one.name] == ["theirs"]
    assert "TlRMTVNTUA" not in caplog.text  # NTLMSSP in base64

"""Requests of a plain shell, the simplest that a connection can carry."""

from __future__ import annotations

from typing import Any

from psbridge.remote.winrm.connection import Connection

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = SHELL + "/cmd"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"

Envelope = dict[str, Any]


def create(connection: Connection) -> Envelope:
    """Open a shell."""
    body = {"rsp:Shell": {"rsp:InputStreams": "stdin", "rsp:OutputStreams": "stdout stderr"}}
    return _envelope(connection.header(TRANSFER + "/Create", CMD), body)


def command(connection: Connection, shell: str, line: str) -> Envelope:
    """Run a command."""
    body = {"rsp:CommandLine": {"rsp:Command": line}}
    return _envelope(connection.header(SHELL + "/Command", CMD, shell), body)


def receive(connection: Connection, shell: str, number: str) -> Envelope:
    """Ask for what a command says."""
    stream = {"@CommandId": number, "#text": "stdout stderr"}
    body = {"rsp:Receive": {"rsp:DesiredStream": stream}}
    return _envelope(connection.header(SHELL + "/Receive", CMD, shell), body)


def delete(connection: Connection, shell: str) -> Envelope:
    """Remove the shell."""
    return _envelope(connection.header(TRANSFER + "/Delete", CMD, shell), {})


def opened(connection: Connection, seconds: float = 10) -> str:
    """A shell that is open: its id."""
    answer = connection.send(create(connection), answer_within=seconds)
    return next(one.text or "" for one in answer.iter() if one.get("Name") == "ShellId")


def started(connection: Connection, shell: str, line: str) -> str:
    """A command that runs: its id."""
    answer = connection.send(command(connection, shell, line), answer_within=10)
    return next(one.text or "" for one in answer.iter(f"{{{SHELL}}}CommandId"))


def _envelope(envelope: dict[str, Any], body: dict[str, Any]) -> Envelope:
    envelope["env:Body"] = body
    return {"env:Envelope": envelope}

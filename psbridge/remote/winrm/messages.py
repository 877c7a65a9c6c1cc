"""The requests to a PowerShell endpoint, as Windows' own client writes them.

Sources: [MS-WSMV] for headers and bodies, [MS-PSRP] 3.1.5.3 for what PowerShell puts into them, and
their examples (4.7, 4.8) for the order of the headers. An answer is read only so far as the carrier
must understand it: what is inside the streams is the engine's.

Not sent, and why: ``OperationID`` and ``SequenceId``, for they ask for "robust connections", in
which one request has several answers in one HTTP message; ``CompressionType``, for it is a
compression of Windows' own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

__all__ = ["Answer", "Envelope", "Messages"]

_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_POWERSHELL = "http://schemas.microsoft.com/powershell"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

# Spelt so in PowerShell, [MS-PSRP] 3.1.5.3.9.
_STOP = "powershell/signal/crtl_c"
_TERMINATE = f"{_SHELL}/signal/terminate"
_DONE = f"{_SHELL}/CommandState/Done"

# The version of PowerShell's remoting protocol that is asked for.
_PROTOCOL_VERSION = "2.3"

_COMMON = (
    *("a:ReplyTo", "a:Action", "w:MaxEnvelopeSize", "a:MessageID"),
    *("w:Locale", "p:DataLocale", "p:SessionId"),
)
# Windows' client writes two orders: what goes to a resource names it first, what goes to the
# shell that a Create has given back copies that answer's reference.
_TO_RESOURCE = (
    *("a:To", "w:ResourceURI", *_COMMON),
    *("w:SelectorSet", "w:OptionSet", "w:OperationTimeout"),
)
_TO_REFERENCE = (
    *("a:To", *_COMMON),
    *("w:ResourceURI", "w:SelectorSet", "w:OptionSet", "w:OperationTimeout"),
)

Envelope = dict[str, Any]


@dataclass
class Answer:
    """What a Receive has brought.

    Attributes:
        streams: the engine's fragments, each in base64.
        done: whether it was the last of its command.
    """

    streams: list[str] = field(default_factory=list)
    done: bool = False


class Messages:
    """Writes the requests of one shell, each with an id of its own, and reads their answers."""

    def __init__(
        self,
        header: Callable[..., Envelope],
        shell: str,
        configuration: str,
        *,
        name: str,
        idle_timeout: float | None = None,
        no_profile: bool = False,
    ) -> None:
        """Make the requests for a shell that need not exist yet.

        Args:
            header: pywinrm's ``build_wsman_header``: gives an envelope with nothing but a header,
                for an action, a resource and a shell's id.
            shell: the shell's id, a GUID.
            configuration: the endpoint's name.
            name: what the machine lists the shell as.
            idle_timeout: after how many seconds without a request the machine may delete it.
            no_profile: whether the user's profile is not loaded.
        """
        self._header = header
        self._resource = f"{_POWERSHELL}/{configuration}"
        self._name, self._idle_timeout, self._no_profile = name, idle_timeout, no_profile
        self._session = f"uuid:{_new_id()}"
        self.shell = shell.upper()

    def create(self, fragments: str, seconds: float) -> Envelope:
        """Open the shell.

        Args:
            fragments: what the engine begins with.
            seconds: how long the machine may take.
        """
        shell: Envelope = {"@xmlns:rsp": _SHELL, "@Name": self._name, "@ShellId": self.shell}
        if self._idle_timeout is not None:
            shell["rsp:IdleTimeOut"] = _duration(self._idle_timeout)
        shell["rsp:InputStreams"] = "stdin pr"
        shell["rsp:OutputStreams"] = "stdout"
        shell["creationXml"] = {"@xmlns": _POWERSHELL, "#text": fragments}
        options = [_option("protocolversion", _PROTOCOL_VERSION, must_comply=True)]
        if self._no_profile:
            options.append(_option("WINRS_NOPROFILE", "1", must_comply=True))
        return self._write(
            f"{_TRANSFER}/Create",
            {"rsp:Shell": shell},
            options={"@env:mustUnderstand": "true", "w:Option": options},
            seconds=seconds,
            to_shell=False,
        )

    def command(self, command: str, fragments: str) -> Envelope:
        """Begin a command, whose id is chosen here.

        Args:
            command: its id.
            fragments: the first of its fragments.
        """
        line = {
            "@xmlns:rsp": _SHELL,
            "@CommandId": command.upper(),
            "rsp:Command": None,
            "rsp:Arguments": fragments,
        }
        options = {"w:Option": _option("WINRS_SKIP_CMD_SHELL", "FALSE")}
        return self._write(f"{_SHELL}/Command", {"rsp:CommandLine": line}, options=options)

    def send(self, command: str | None, fragments: str, *, answer: bool = False) -> Envelope:
        """Hand on more of what the engine sends.

        Args:
            command: whose it is; None stands for the shell's.
            fragments: the data.
            answer: whether it answers a question of the far side's host.
        """
        stream = {"@Name": "pr" if answer else "stdin"}
        if command is not None:
            stream["@CommandId"] = command.upper()
        stream["#text"] = fragments
        body = {"rsp:Send": {"@xmlns:rsp": _SHELL, "rsp:Stream": stream}}
        return self._write(f"{_SHELL}/Send", body, order=_TO_REFERENCE)

    def receive(self, command: str | None) -> Envelope:
        """Ask for what a command, or with None the shell, has to say."""
        stream = {"#text": "stdout"}
        if command is not None:
            stream["@CommandId"] = command.upper()
        body = {
            "rsp:Receive": {"@xmlns:rsp": _SHELL, "@SequenceId": "0", "rsp:DesiredStream": stream}
        }
        options = {"w:Option": _option("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE")}
        return self._write(f"{_SHELL}/Receive", body, order=_TO_REFERENCE, options=options)

    def stop(self, command: str) -> Envelope:
        """Ask a command to stop."""
        return self._signal(command, _STOP)

    def terminate(self, command: str) -> Envelope:
        """Let the machine forget a command; one that still runs is stopped."""
        return self._signal(command, _TERMINATE)

    def delete(self) -> Envelope:
        """Close the shell and what runs in it."""
        return self._write(f"{_TRANSFER}/Delete", None)

    @staticmethod
    def read(answer: ElementTree.Element) -> Answer:
        """Read the answer to a Receive."""
        found = Answer()
        for element in answer.iter():
            if element.tag == f"{{{_SHELL}}}Stream" and element.text:
                found.streams.append(element.text)
            elif element.tag == f"{{{_SHELL}}}CommandState":
                found.done = element.get("State", "").lower() == _DONE.lower()
        return found

    def _signal(self, command: str, code: str) -> Envelope:
        signal = {"@xmlns:rsp": _SHELL, "@CommandId": command.upper(), "rsp:Code": code}
        return self._write(f"{_SHELL}/Signal", {"rsp:Signal": signal}, order=_TO_REFERENCE)

    def _write(
        self,
        action: str,
        body: Envelope | None,
        *,
        order: tuple[str, ...] = _TO_RESOURCE,
        options: Envelope | None = None,
        seconds: float | None = None,
        to_shell: bool = True,
    ) -> Envelope:
        envelope = self._header(action, self._resource, self.shell if to_shell else None)
        headers = envelope["env:Header"]
        headers["a:MessageID"] = f"uuid:{_new_id()}"
        headers["p:SessionId"] = {"@env:mustUnderstand": "false", "#text": self._session}
        if order is _TO_REFERENCE:
            headers["w:ResourceURI"] = self._resource
        if options is not None:
            headers["w:OptionSet"] = {"@xmlns:xsi": _INSTANCE, **options}
        if seconds is not None:
            headers["w:OperationTimeout"] = _duration(seconds)
        envelope["env:Header"] = {name: headers[name] for name in order if name in headers}
        envelope["env:Body"] = body
        return {"env:Envelope": envelope}


def _option(name: str, value: str, *, must_comply: bool = False) -> Envelope:
    complying = {"@MustComply": "true"} if must_comply else {}
    return {"@Name": name, **complying, "#text": value}


def _duration(seconds: float) -> str:
    return f"PT{seconds:.3f}S"


def _new_id() -> str:
    return str(uuid.uuid4()).upper()

"""Each request beside what Windows' own client sends, attribute by attribute.

The tables are written from [MS-WSMV] 4.7 and 4.8 (the order of the headers, mustUnderstand, the
bodies), 3.1.4.1.8 and 3.1.4.1.9 (locales), 3.2.4.1.20 (keep-alive) and [MS-PSRP] 3.1.5.3 (what
PowerShell puts in). Both specifications show two orders: a request to a resource names it first,
one to the reference that a Create has given back has it behind its SessionId.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
import xmltodict

from psbridge.remote.carrying import FanOut
from psbridge.remote.winrm.connection import Connection
from psbridge.remote.winrm.cookies import ShellCookies
from psbridge.remote.winrm.envelopes import write_envelope
from psbridge.remote.winrm.messages import Messages
from psbridge.remote.winrm.target import WinRM

SHELL_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
COMMAND_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PREFIXES = {
    "http://www.w3.org/2003/05/soap-envelope": "s",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "a",
    "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd": "w",
    "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd": "p",
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell": "rsp",
    "http://schemas.microsoft.com/powershell": "ps",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
MUST, NEED_NOT = {"s:mustUnderstand": "true"}, {"s:mustUnderstand": "false"}

# An element: its name, its attributes, and its text or the elements in it. A pattern is for ids.
Element = tuple[str, dict[str, str], Any]
SOME_ID = re.compile(r"uuid:[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def common(action: str) -> list[Element]:
    return [
        ("a:ReplyTo", {}, [("a:Address", MUST, ANONYMOUS)]),
        ("a:Action", MUST, action),
        ("w:MaxEnvelopeSize", MUST, "153600"),
        ("a:MessageID", {}, SOME_ID),
        ("w:Locale", {"xml:lang": "en-US", **NEED_NOT}, ""),
        ("p:DataLocale", {"xml:lang": "de-DE", **NEED_NOT}, ""),
        ("p:SessionId", NEED_NOT, SOME_ID),
    ]


TO: Element = ("a:To", {}, "http://web1:5985/wsman")
SELECTORS: Element = (
    *("w:SelectorSet", {}),
    [("w:Selector", {"Name": "ShellId"}, SHELL_ID.upper())],
)
TIMEOUT: Element = ("w:OperationTimeout", {}, "PT20.000S")


def to_resource(action: str, *rest: Element) -> list[Element]:
    return [TO, ("w:ResourceURI", MUST, RESOURCE), *common(action), *rest]


def to_reference(action: str, *rest: Element) -> list[Element]:
    return [TO, *common(action), ("w:ResourceURI", {}, RESOURCE), SELECTORS, *rest, TIMEOUT]


def options(attributes: dict[str, str], *pairs: tuple[str, str]) -> Element:
    return ("w:OptionSet", {}, [("w:Option", {"Name": n, **attributes}, v) for n, v in pairs])


TABLE: dict[str, tuple[list[Element], list[Element]]] = {
    "Create": (
        to_resource(
            f"{TRANSFER}/Create",
            (
                *("w:OptionSet", MUST),
                [("w:Option", {"Name": "protocolversion", "MustComply": "true"}, "2.3")],
            ),
            ("w:OperationTimeout", {}, "PT60.000S"),
        ),
        [
            (
                *("rsp:Shell", {"Name": "a session", "ShellId": SHELL_ID.upper()}),
                [
                    ("rsp:InputStreams", {}, "stdin pr"),
                    ("rsp:OutputStreams", {}, "stdout"),
                    ("ps:creationXml", {}, "AAAA"),
                ],
            )
        ],
    ),
    "Create with options": (
        to_resource(
            f"{TRANSFER}/Create",
            (
                *("w:OptionSet", MUST),
                [
                    ("w:Option", {"Name": "protocolversion", "MustComply": "true"}, "2.3"),
                    ("w:Option", {"Name": "WINRS_NOPROFILE", "MustComply": "true"}, "1"),
                ],
            ),
            ("w:OperationTimeout", {}, "PT60.000S"),
        ),
        [
            (
                *("rsp:Shell", {"Name": "a session", "ShellId": SHELL_ID.upper()}),
                [
                    ("rsp:IdleTimeOut", {}, "PT240.000S"),
                    ("rsp:InputStreams", {}, "stdin pr"),
                    ("rsp:OutputStreams", {}, "stdout"),
                    ("ps:creationXml", {}, "AAAA"),
                ],
            )
        ],
    ),
    "Command": (
        to_resource(
            f"{SHELL}/Command",
            SELECTORS,
            options({}, ("WINRS_SKIP_CMD_SHELL", "FALSE")),
            TIMEOUT,
        ),
        [
            (
                *("rsp:CommandLine", {"CommandId": COMMAND_ID.upper()}),
                [("rsp:Command", {}, ""), ("rsp:Arguments", {}, "AAAA")],
            )
        ],
    ),
    "Send": (
        to_reference(f"{SHELL}/Send"),
        [
            (
                *("rsp:Send", {}),
                [("rsp:Stream", {"Name": "stdin", "CommandId": COMMAND_ID.upper()}, "AAAA")],
            )
        ],
    ),
    "Send an answer of the host": (
        to_reference(f"{SHELL}/Send"),
        [
            (
                *("rsp:Send", {}),
                [("rsp:Stream", {"Name": "pr", "CommandId": COMMAND_ID.upper()}, "AAAA")],
            )
        ],
    ),
    "Send to the shell": (
        to_reference(f"{SHELL}/Send"),
        [("rsp:Send", {}, [("rsp:Stream", {"Name": "stdin"}, "AAAA")])],
    ),
    "Receive": (
        to_reference(f"{SHELL}/Receive", options({}, ("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE"))),
        [
            (
                *("rsp:Receive", {"SequenceId": "0"}),
                [("rsp:DesiredStream", {"CommandId": COMMAND_ID.upper()}, "stdout")],
            )
        ],
    ),
    "Receive of the shell": (
        to_reference(f"{SHELL}/Receive", options({}, ("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE"))),
        [("rsp:Receive", {"SequenceId": "0"}, [("rsp:DesiredStream", {}, "stdout")])],
    ),
    "Signal to stop": (
        to_reference(f"{SHELL}/Signal"),
        [
            (
                *("rsp:Signal", {"CommandId": COMMAND_ID.upper()}),
                [("rsp:Code", {}, "powershell/signal/crtl_c")],
            )
        ],
    ),
    "Signal to terminate": (
        to_reference(f"{SHELL}/Signal"),
        [
            (
                *("rsp:Signal", {"CommandId": COMMAND_ID.upper()}),
                [("rsp:Code", {}, f"{SHELL}/signal/terminate")],
            )
        ],
    ),
    "Delete": (to_resource(f"{TRANSFER}/Delete", SELECTORS, TIMEOUT), []),
}


def written(**settings: Any) -> Messages:
    target = WinRM(
        "web1", auth="ntlm", username="jo", password="p", ui_culture="en-US", culture="de-DE"
    )
    header = Connection(target, ShellCookies(), FanOut()).header
    return Messages(header, SHELL_ID, "Microsoft.PowerShell", name="a session", **settings)


def requests() -> dict[str, dict[str, Any]]:
    messages = written()
    return {
        "Create": messages.create("AAAA", 60),
        "Create with options": written(idle_timeout=240, no_profile=True).create("AAAA", 60),
        "Command": messages.command(COMMAND_ID, "AAAA"),
        "Send": messages.send(COMMAND_ID, "AAAA"),
        "Send an answer of the host": messages.send(COMMAND_ID, "AAAA", answer=True),
        "Send to the shell": messages.send(None, "AAAA"),
        "Receive": messages.receive(COMMAND_ID),
        "Receive of the shell": messages.receive(None),
        "Signal to stop": messages.stop(COMMAND_ID),
        "Signal to terminate": messages.terminate(COMMAND_ID),
        "Delete": messages.delete(),
    }


def short(name: str) -> str:
    namespace, _, local = name[1:].partition("}") if name[0] == "{" else ("", "", name)
    return f"{PREFIXES[namespace]}:{local}" if namespace else local


def read(element: ElementTree.Element) -> Element:
    attributes = {short(name): value for name, value in element.items()}
    inner = [read(child) for child in element]
    return short(element.tag), attributes, inner or (element.text or "")


def assert_same(found: Element, expected: Element) -> None:
    assert found[:2] == expected[:2]
    if isinstance(expected[2], re.Pattern):
        assert expected[2].fullmatch(found[2])
    elif isinstance(expected[2], list):
        assert [one[0] for one in found[2]] == [one[0] for one in expected[2]]
        for one, other in zip(found[2], expected[2], strict=True):
            assert_same(one, other)
    else:
        assert found[2] == expected[2]


@pytest.mark.parametrize("name", TABLE)
def test_a_request_is_as_windows_client_sends_it(name: str) -> None:
    header, body = TABLE[name]
    root = ElementTree.fromstring(write_envelope(requests()[name]))
    _, attributes, parts = read(root)
    assert attributes == {}
    assert_same(parts[0], ("s:Header", {}, header))
    assert_same(parts[1], ("s:Body", {}, body or ""))
    assert len(parts) == 2


def test_every_request_is_in_the_table() -> None:
    assert set(requests()) == set(TABLE)


def test_a_session_has_one_session_id_and_each_request_an_id_of_its_own() -> None:
    headers = [
        {part[0]: part[2] for part in read(ElementTree.fromstring(write_envelope(one)))[2][0][2]}
        for name, one in requests().items()
        if name != "Create with options"
    ]
    assert len({one["p:SessionId"] for one in headers}) == 1
    assert len({one["a:MessageID"] for one in headers}) == len(headers)


@pytest.mark.parametrize("name", TABLE)
def test_a_request_is_written_as_pywinrm_writes_it(name: str) -> None:
    request = requests()[name]
    assert write_envelope(request) == xmltodict.unparse(request)


def test_markup_in_a_value_is_escaped_as_pywinrm_does() -> None:
    odd = "<&>'\"\n\t ß"
    envelope = {"a": {"@one": odd, "@two": "it's", "b": [odd, {"@c": "", "#text": odd}], "d": None}}
    assert write_envelope(envelope) == xmltodict.unparse(envelope)


def test_the_answer_to_a_receive_is_read() -> None:
    answer = ElementTree.fromstring(
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:rsp="{SHELL}">'
        '<s:Body><rsp:ReceiveResponse><rsp:Stream Name="stdout">AAAA</rsp:Stream>'
        '<rsp:Stream Name="stdout">BBBB</rsp:Stream><rsp:Stream Name="stdout" End="TRUE"/>'
        f'<rsp:CommandState State="{SHELL}/CommandState/DONE"><rsp:ExitCode>0</rsp:ExitCode>'
        "</rsp:CommandState></rsp:ReceiveResponse></s:Body></s:Envelope>"
    )
    read_answer = Messages.read(answer)
    assert read_answer.streams == ["AAAA", "BBBB"]
    assert read_answer.done

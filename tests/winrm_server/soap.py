"""WS-Management messages: what a request says, and how answers and faults are written."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
WMI_ERROR = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
ANONYMOUS = ADDRESSING + "/role/anonymous"

CMD_RESOURCE = SHELL + "/cmd"
POWERSHELL_RESOURCE = "http://schemas.microsoft.com/powershell/"
POWERSHELL = "http://schemas.microsoft.com/powershell"
CONFIG_RESOURCE = "http://schemas.microsoft.com/wbem/wsman/1/config"

_NAMESPACES = (
    f'xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" '
    f'xmlns:w="{WSMAN}" xmlns:p="{MICROSOFT}" xmlns:rsp="{SHELL}"'
)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$")
# The headers that the service knows: another one that must be understood is refused.
_KNOWN = {
    *(
        f"{{{ADDRESSING}}}{name}"
        for name in ("To", "ReplyTo", "FaultTo", "From", "Action", "MessageID")
    ),
    *(
        f"{{{namespace}}}{name}"
        for namespace in (WSMAN, MICROSOFT)
        for name in (
            *("ResourceURI", "SelectorSet", "OptionSet", "OperationTimeout", "MaxEnvelopeSize"),
            *("Locale", "DataLocale", "SessionId", "OperationID", "SequenceId"),
            *("FragmentTransfer", "RequestEPR", "CompressionType", "ActivityId"),
        )
    ),
}


class Fault(Exception):
    """A request that is answered with a SOAP fault."""

    def __init__(self, code: int | None, side: str, subcode: str, text: str, *, wmi: bool = False):
        """Make a fault.

        Args:
            code: the number in `f:WSManFault`, or None for a fault that has no such detail.
            side: `Sender`, `Receiver` or another of SOAP's codes, without its prefix.
            subcode: with its prefix (`w:` or `a:`), or empty for none.
            text: what the fault says, as plain text.
            wmi: the code is given as the WMI error of the plain shell's quotas, without RelatesTo.
        """
        super().__init__(f"{code} {subcode} {text}")
        self.code, self.side, self.subcode, self.text, self.wmi = code, side, subcode, text, wmi

    def envelope(self, message_id: str, *, with_code: bool = True) -> bytes:
        """The fault as an answer to the request of this id."""
        text = escape(self.text)
        sub = f"<s:Subcode><s:Value>{self.subcode}</s:Value></s:Subcode>" if self.subcode else ""
        if not with_code or self.code is None:
            detail = ""
        elif self.wmi:
            detail = (
                f'<s:Detail><e:MSFT_WmiError xmlns:e="{WMI_ERROR}"><e:error_Code>{self.code}'
                f"</e:error_Code><e:Message>{text}</e:Message></e:MSFT_WmiError></s:Detail>"
            )
        else:
            detail = (
                f'<s:Detail><f:WSManFault xmlns:f="{FAULT}" Code="{self.code}" Machine="127.0.0.1">'
                f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail>"
            )
        body = (
            f"<s:Fault><s:Code><s:Value>s:{self.side}</s:Value>{sub}</s:Code>"
            f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason>{detail}</s:Fault>'
        )
        return envelope(FAULT_ACTION, None if self.wmi else message_id, body)


@dataclass(frozen=True)
class Message:
    """A request as the service reads it."""

    envelope: bytes
    action: str  # the last part of the address: Create, Command, Receive, …
    action_uri: str
    message_id: str
    resource: str
    selectors: dict[str, str]
    options: dict[str, str]
    operation_timeout: float | None  # seconds
    max_envelope_size: int | None  # bytes
    operation_id: str | None
    body: ET.Element
    header_order: tuple[str, ...]

    @property
    def shell_id(self) -> str | None:
        """The shell that is meant, as it was written."""
        return self.selectors.get("ShellId")

    @property
    def command_id(self) -> str | None:
        """The command that is meant, as it was written."""
        for element in self.body.iter():
            if (found := element.get("CommandId")) is not None:
                return found
        return None

    def first(self, *path: str) -> ET.Element | None:
        """The element of the body behind names of the shell's namespace."""
        return self.body.find("/".join(f"{{{SHELL}}}{name}" for name in path))


def read(data: bytes) -> Message:
    """Read a request; raise the fault that answers one that cannot be read."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise _unreadable(f"The SOAP message is not XML: {error}.") from None
    header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or header is None or body is None:
        raise _unreadable("The message is not a SOAP 1.2 envelope with header and body.")

    def text(namespace: str, name: str) -> str | None:
        found = header.find(f"{{{namespace}}}{name}")
        return None if found is None else (found.text or "")

    def table(outer: str, inner: str) -> dict[str, str]:
        found = header.find(f"{{{WSMAN}}}{outer}")
        items = [] if found is None else found.findall(f"{{{WSMAN}}}{inner}")
        return {item.get("Name", ""): item.text or "" for item in items}

    for element in header:
        needed = element.get(f"{{{SOAP}}}mustUnderstand", "").lower() in ("true", "1")
        if needed and element.tag not in _KNOWN:
            raise Fault(None, "MustUnderstand", "", f"The header {element.tag} is not understood.")
    for name in ("Action", "MessageID", "To", "ReplyTo"):
        if header.find(f"{{{ADDRESSING}}}{name}") is None:
            missing = f"A required header for the processing of this message is missing: {name}."
            raise Fault(2150858751, "Sender", "a:MessageInformationHeaderRequired", missing)
    action = text(ADDRESSING, "Action") or ""
    timeout, size = text(WSMAN, "OperationTimeout"), text(WSMAN, "MaxEnvelopeSize")
    return Message(
        envelope=data,
        action=action.rpartition("/")[2],
        action_uri=action,
        message_id=text(ADDRESSING, "MessageID") or "",
        resource=text(WSMAN, "ResourceURI") or "",
        selectors=table("SelectorSet", "Selector"),
        options=table("OptionSet", "Option"),
        operation_timeout=None if timeout is None else seconds(timeout),
        max_envelope_size=int(size) if size and size.isdecimal() else None,
        operation_id=text(MICROSOFT, "OperationID"),
        body=body,
        header_order=tuple(element.tag.rpartition("}")[2] for element in header),
    )


def seconds(duration: str) -> float:
    """An `xs:duration` of days and less, in seconds."""
    found = _DURATION.match(duration)
    if found is None or duration in ("P", "PT"):
        raise _unreadable(f"The value is not a duration: {duration}.")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _unreadable(text: str) -> Fault:
    return Fault(2150858817, "Sender", "w:SchemaValidationError", text)


def answer(message: Message, body: str) -> bytes:
    """The answer to a request that was done."""
    extra = ""
    if message.operation_id:
        extra = (
            f'<p:OperationID s:mustUnderstand="false">{escape(message.operation_id)}'
            "</p:OperationID><p:SequenceId>1</p:SequenceId>"
        )
    return envelope(message.action_uri + "Response", message.message_id, body, extra)


def envelope(action: str, relates_to: str | None, body: str, extra: str = "") -> bytes:
    """A whole message of the service's."""
    relates = "" if relates_to is None else f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
    return (
        f"<s:Envelope {_NAMESPACES}><s:Header><a:Action>{action}</a:Action>"
        f"<a:MessageID>uuid:{new_id()}</a:MessageID>{extra}<a:To>{ANONYMOUS}</a:To>{relates}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def new_id() -> str:
    """A GUID as Windows writes it: in capitals."""
    return str(uuid.uuid4()).upper()

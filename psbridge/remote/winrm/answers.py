"""Reading what an endpoint answers: its message, or its fault."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

__all__ = ["FaultText", "read_fault", "read_message"]

_S = "{http://www.w3.org/2003/05/soap-envelope}"
_F = "{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}"
_WMI = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError}"

# What stands for a code where a server gives a subcode only, as OMI does.
_SUBCODES = {
    "TimedOut": 2150858793,
    "InvalidSelectors": 2150858843,
    "AccessDenied": 5,
    "DestinationUnreachable": 2150858811,
}


@dataclass(frozen=True)
class FaultText:
    """A fault.

    Attributes:
        code: Windows' code, 0 where there is none.
        subcode: its name in the protocol, without prefix.
        text: the server's own words.
    """

    code: int
    subcode: str
    text: str


def read_message(body: bytes) -> ElementTree.Element | None:
    """The envelope of an answer, or None where it is no SOAP."""
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    return root if root.tag == _S + "Envelope" else None


def read_fault(message: ElementTree.Element) -> FaultText | None:
    """The fault of an envelope, or None where it has none."""
    fault = message.find(f"{_S}Body/{_S}Fault")
    if fault is None:
        return None
    subcode = (fault.findtext(f"{_S}Code/{_S}Subcode/{_S}Value") or "").rpartition(":")[2].strip()
    text = _words(fault.find(f"{_S}Reason/{_S}Text"))
    windows = fault.find(f"{_S}Detail/{_F}WSManFault")
    code = 0
    if windows is not None:
        code = _number(windows.get("Code"))
        message_text = _words(windows.find(f"{_F}Message"))
        text = message_text if len(message_text) > len(text) else text
    if not code:
        # Quotas come as errors of WMI; with a prefix, or without.
        for element in fault.iter():
            if element.tag.rpartition("}")[2] == "error_Code":
                code = _number(element.text)
    return FaultText(code or _SUBCODES.get(subcode, 0), subcode, text)


def _words(element: ElementTree.Element | None) -> str:
    """All text in an element: a provider's own fault stands within the message."""
    return "" if element is None else " ".join(" ".join(element.itertext()).split())


def _number(text: str | None) -> int:
    try:
        return int(text or "0") % 2**32
    except ValueError:
        return 0

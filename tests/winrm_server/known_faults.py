"""The faults that a Windows machine answers with, by their codes."""

from __future__ import annotations

from .soap import Fault


def timed_out() -> Fault:
    """Nothing within the operation timeout: for a Receive, it means to ask again."""
    return Fault(
        2150858793,
        "Receiver",
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in "
        "OperationTimeout.  ",
    )


def not_found() -> Fault:
    """There is no such shell, or no such command in it."""
    return Fault(
        2150858843,
        "Sender",
        "w:InvalidSelectors",
        "The request for the Windows Remote Shell with ShellId failed because the shell was not "
        "found on the server. Possible causes are: the specified ShellId is incorrect or the shell "
        "no longer exists on the server. Provide the correct ShellId or create a new shell and "
        "retry the operation. ",
    )


def no_resource(resource: str) -> Fault:
    """There is no configuration of this name."""
    return Fault(
        2150858811,
        "Sender",
        "a:DestinationUnreachable",
        "The WS-Management service cannot process the request. The service cannot find the "
        f"resource identified by the resource URI and selectors: {resource} ",
    )


def aborted() -> Fault:
    """The shell or the command was closed under a request that waited."""
    return Fault(
        995,
        "Receiver",
        "w:InternalError",
        "The I/O operation has been aborted because of either a thread exit or an application "
        "request. ",
    )


def host_process_ended() -> Fault:
    """The shell's process has ended by itself."""
    return Fault(
        1726,
        "Receiver",
        "w:InternalError",
        "The WSMan provider host process did not return a proper response.  A provider in the host "
        "process may have behaved improperly. ",
    )


def in_use() -> Fault:
    """Another Send to this shell is being done."""
    return Fault(170, "Receiver", "w:InternalError", "The requested resource is in use. ")


def invalid_parameter(text: str = "The parameter is incorrect. ") -> Fault:
    """A request lacks what it needs."""
    return Fault(87, "Receiver", "w:InvalidParameter", text)


def no_executable() -> Fault:
    """The program of a command does not exist."""
    return Fault(
        2147942402, "Receiver", "w:InternalError", "The system cannot find the file specified. "
    )


def schema(text: str) -> Fault:
    """The body is not what the schema says."""
    return Fault(
        2150858817,
        "Sender",
        "w:SchemaValidationError",
        "The SOAP XML in the message does not match the corresponding XML schema definition. "
        f"Change the XML and retry. {text}",
    )


def unsupported(action: str) -> Fault:
    """The resource has no such operation."""
    return Fault(
        2150858778,
        "Sender",
        "a:ActionNotSupported",
        f"The WS-Management service does not support the action {action}. ",
    )

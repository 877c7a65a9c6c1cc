"""The WS-Management service of one machine: which shell a request is for, and what is answered."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from . import known_faults, quotas, soap
from .engine_process import Engines
from .powershell_shell import PowerShellShell, first_fragment
from .settings import Settings
from .shells import Shell
from .silent_shell import SilentShell
from .soap import CMD_RESOURCE, CONFIG_RESOURCE, POWERSHELL_RESOURCE, Fault, Message
from .winrs_shell import WinRSShell

AFFINITY = "MS-WSMAN"
_PROTOCOL = (2, 3)  # the newest version of PSRP that is spoken


@dataclass(frozen=True)
class Asker:
    """Who asks, over which connection."""

    user: str
    address: str
    cookie: str | None  # the affinity cookie that the request has brought


@dataclass(frozen=True)
class Answer:
    """What the service answers."""

    status: int
    envelope: bytes
    cookie: str | None = None  # to be set


class Service:
    """The shells of a machine and the operations on them."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        engines: Engines,
        programs: Path,
        changed: Callable[[], None],
    ):
        """Make a service.

        Args:
            settings: gives the settings of this moment.
            engines: gives the processes behind PowerShell's shells.
            programs: a folder of what plain shells find first.
            changed: called when shells come or go.
        """
        self.settings, self._changed = settings, changed
        self._engines, self._programs = engines, programs
        self.lock = threading.Lock()
        self.shells: dict[str, Shell] = {}
        self._creating: dict[str, tuple[str, str]] = {}  # resources and users, by id
        self._backends: set[str] = set()  # the affinity cookies that were given

    def handle(self, message: Message, asker: Asker) -> Answer:
        """Do what a request asks for; faults are answers, too."""
        settings = self.settings()
        try:
            body, cookie = self._dispatch(settings, message, asker)
        except Fault as fault:
            return Answer(500, fault.envelope(message.message_id, with_code=settings.fault_codes))
        if body is None:
            return Answer(500, b"")
        return Answer(200, soap.answer(message, body), cookie)

    def _dispatch(
        self, settings: Settings, message: Message, asker: Asker
    ) -> tuple[str | None, str | None]:
        if settings.resource_uri_first:
            order = message.header_order
            if "SelectorSet" in order and order.index("SelectorSet") < order.index("ResourceURI"):
                raise known_faults.schema("ResourceURI stands before SelectorSet.")
        if message.action == "Create":
            return self._create(settings, message, asker)
        if message.action == "Get" and message.resource == CONFIG_RESOURCE:
            return _configuration(settings), None
        shell = self._find(settings, message, asker)
        quotas.check_operation(settings, self.listed(), shell, message.action)
        try:
            with shell.in_use():
                self._changed()
                return self._operate(settings, shell, message), None
        finally:
            if shell.is_spent():
                self._remove(shell)
            self._changed()

    def _operate(self, settings: Settings, shell: Shell, message: Message) -> str:
        match message.action:
            case "Command":
                return shell.command(message)
            case "Receive":
                return shell.receive(message)
            case "Send":
                return shell.send(message)
            case "Signal":
                shell.signal(message)
                return "<rsp:SignalResponse/>"
            case "Delete":
                self._delete(settings, shell)
                return ""
            case "Get":
                return self._describe(shell)
        raise known_faults.unsupported(message.action_uri)

    # Create.

    def _create(
        self, settings: Settings, message: Message, asker: Asker
    ) -> tuple[str | None, str | None]:
        element = message.first("Shell")
        if element is None:
            raise known_faults.schema("A Create has a Shell.")
        plain = message.resource == CMD_RESOURCE
        named = message.first("Shell", "Name")
        name = element.get("Name") or (named.text if named is not None else None) or ""
        configuration = message.resource.removeprefix(POWERSHELL_RESOURCE)
        if not plain and settings.require_name and element.get("Name") is None:
            return None, None
        shell_id = soap.new_id() if plain else (element.get("ShellId") or soap.new_id())
        if not settings.shell_id_case:
            shell_id = shell_id.upper()
        cookie = self._backend(settings, asker)
        known = (one.lower() for one in (*settings.configurations, *settings.configuration_files))
        exists = message.resource != configuration and configuration.lower() in known
        if not (plain or exists or settings.unknown_configuration == "silent"):
            raise known_faults.no_resource(message.resource)
        with self._place(settings, message, asker, shell_id):
            shell = self._new_shell(message, shell_id, asker, exists=exists)
            shell.name, shell.cookie = name, cookie
            with self.lock:
                self.shells[shell_id] = shell
        self._changed()
        return _created(message, shell_id, shell.resource_body, asker), cookie

    def _backend(self, settings: Settings, asker: Asker) -> str | None:
        """The cookie that leads to the shell: a balancer's, for one of the machines behind it.

        Who brings a cookie stays with its machine; everybody else comes to another one.
        """
        if not settings.affinity:
            return None
        cookie = asker.cookie if asker.cookie in self._backends else soap.new_id()
        assert cookie is not None
        self._backends.add(cookie)
        return cookie

    @contextlib.contextmanager
    def _place(
        self, settings: Settings, message: Message, asker: Asker, shell_id: str
    ) -> Iterator[None]:
        """Keep the place of a shell that is being made."""
        with self.lock:
            if shell_id in self.shells or shell_id in self._creating:
                raise known_faults.invalid_parameter("A shell of this id exists. ")
            taken = [
                (shell.resource, shell.user)
                for shell in self.shells.values()
                if shell.exit_code is None
            ]
            asked = (message.resource, asker.user)
            quotas.check_create(settings, [*taken, *self._creating.values()], *asked)
            self._creating[shell_id] = asked
        try:
            yield
        finally:
            with self.lock:
                del self._creating[shell_id]

    def _new_shell(self, message: Message, shell_id: str, asker: Asker, *, exists: bool) -> Shell:
        if message.resource == CMD_RESOURCE:
            return WinRSShell(self.settings, shell_id, asker.user, message, self._programs)
        if not exists:
            return SilentShell(self.settings, shell_id, asker.user, message)
        version = message.options.get("protocolversion", "")
        with contextlib.suppress(ValueError):
            if version and tuple(int(part) for part in version.split(".")) > _PROTOCOL:
                raise known_faults.invalid_parameter(f"PSRP {version} is not spoken here. ")
        files = {name.lower(): path for name, path in self.settings().configuration_files.items()}
        file = files.get(message.resource.removeprefix(POWERSHELL_RESOURCE).lower())
        first = first_fragment(message)
        if first is None:
            raise known_faults.schema("A Create has creationXml.")
        return PowerShellShell(
            self.settings, shell_id, asker.user, message, first, self._engines, file
        )

    # The operations on a shell.

    def _find(self, settings: Settings, message: Message, asker: Asker) -> Shell:
        wanted = message.shell_id or ""
        if not settings.shell_id_case:
            wanted = wanted.upper()
        with self.lock:
            shell = self.shells.get(wanted)
        if (
            shell is None
            or shell.removing
            or shell.user != asker.user
            or shell.resource.lower() != message.resource.lower()
            or (shell.cookie is not None and shell.cookie != asker.cookie)
        ):
            raise known_faults.not_found()
        if shell.is_spent() or (shell.exit_code is not None and message.action != "Receive"):
            # Its process has ended: the shell goes with it. What it said last can be received.
            self._remove(shell)
            raise known_faults.not_found()
        return shell

    def _delete(self, settings: Settings, shell: Shell) -> None:
        if settings.delete_needs_receive and isinstance(shell, PowerShellShell):
            with shell.changed:
                shell.changed.wait_for(
                    lambda: shell.channels[None].waiting or shell.exit_code is not None
                )
        self._remove(shell)

    def _remove(self, shell: Shell) -> None:
        with self.lock:
            if shell.removing:
                return
            shell.removing = True
        shell.close()  # it counts as open until its process has ended
        with self.lock:
            self.shells.pop(shell.id, None)
        self._changed()

    def _describe(self, shell: Shell) -> str:
        return _shell_element(
            shell.id, shell.resource, shell.user, "127.0.0.1", shell.resource_body
        )

    # For the machine.

    def listed(self) -> list[Shell]:
        """The shells that are open."""
        with self.lock:
            return list(self.shells.values())

    def close_all(self) -> None:
        """Delete every shell."""
        shells = self.listed()
        closing = [threading.Thread(target=self._remove, args=(shell,)) for shell in shells]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()

    def remove_idle(self) -> None:
        """Delete the shells that nobody has asked for in their idle time."""
        limit = self.settings().shell_idle
        for shell in self.listed():
            idle = time.monotonic() - shell.used
            if limit is not None and idle > limit and not shell.operations:
                self._remove(shell)


def _created(message: Message, shell_id: str, body: str, asker: Asker) -> str:
    resource = escape(message.resource)
    return (
        "<x:ResourceCreated><a:Address>http://127.0.0.1:5985/wsman</a:Address>"
        f"<a:ReferenceParameters><w:ResourceURI>{resource}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
        "</a:ReferenceParameters></x:ResourceCreated>"
        + _shell_element(shell_id, message.resource, asker.user, asker.address, body)
    )


def _shell_element(shell_id: str, resource: str, user: str, address: str, body: str) -> str:
    streams = ("stdin", "stdout stderr") if resource == CMD_RESOURCE else ("stdin pr", "stdout")
    return (
        f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId>"
        f"<rsp:ResourceUri>{escape(resource)}</rsp:ResourceUri><rsp:Owner>{escape(user)}</rsp:Owner>"
        f"<rsp:ClientIP>{address}</rsp:ClientIP><rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut>"
        f"<rsp:InputStreams>{streams[0]}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{streams[1]}</rsp:OutputStreams>{body}"
        "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime>"
        "<rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>"
    )


def _configuration(settings: Settings) -> str:
    size = (settings.max_envelope or 512_000) // 1024
    return (
        f'<cfg:Config xmlns:cfg="{CONFIG_RESOURCE}"><cfg:MaxEnvelopeSizekb>{size}'
        "</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>"
    )

"""Who gets in over one connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .http_messages import Reply, Request
from .settings import Settings
from .users import Users


@dataclass(frozen=True)
class Admitted:
    """A request of a user who is known; its answer carries these headers."""

    user: str
    headers: list[tuple[str, str]] = field(default_factory=list)


class Gate:
    """The authentication of one connection."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        users: Users,
        machine: int,
        connection: int,
        tls: bool,
    ):
        self._settings, self._users = settings, users
        self._machine, self._connection, self._tls = machine, connection, tls
        self._known: str | None = None  # whose Basic logon was noted

    def admit(self, request: Request) -> Admitted | Reply:
        """Let a request in, or give the answer that refuses it or asks for more."""
        settings = self._settings()
        scheme, _, token = request.header("Authorization").partition(" ")
        if scheme == "Basic" and self._takes(settings, "Basic"):
            return self._basic(settings, token)
        return self._challenge(settings)

    def _takes(self, settings: Settings, scheme: str) -> bool:
        if scheme == "Basic" and not (self._tls or settings.allow_unencrypted):
            return False
        return scheme in settings.schemes

    def _challenge(self, settings: Settings) -> Reply:
        offers = [
            ("WWW-Authenticate", 'Basic realm="WSMAN"' if scheme == "Basic" else scheme)
            for scheme in settings.schemes
            if self._takes(settings, scheme)
        ]
        return Reply(401, offers)

    def _basic(self, settings: Settings, token: str) -> Admitted | Reply:
        name, right = self._users.by_basic(token)
        if not right:
            self._note("Basic", name, "wrong user or password")
            return self._challenge(settings)
        if self._known != name:
            self._note("Basic", name)
            self._known = name
        return Admitted(name)

    def _note(self, scheme: str, user: str, why: str = "") -> None:
        self._users.note(self._machine, self._connection, scheme, user, why)

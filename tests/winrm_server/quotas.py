"""The limits of a machine: what counts, until when, and the faults of both families."""

from __future__ import annotations

from collections.abc import Iterable

from .settings import Settings
from .shells import Shell
from .soap import CMD_RESOURCE, Fault


def _plain(code: int, text: str) -> Fault:
    return Fault(code, "Sender", "w:QuotaLimit", text, wmi=True)


def _plugin(code: int, text: str) -> Fault:
    return Fault(code, "Receiver", "w:QuotaLimit", text)


def check_create(
    settings: Settings, shells: Iterable[tuple[str, str]], resource: str, user: str
) -> None:
    """Refuse a Create that would be one too many.

    Args:
        settings: with the limits.
        shells: resource and user of those that there are.
        resource: of the new one.
        user: of the new one.
    """
    plain = resource == CMD_RESOURCE
    same = [owner for other, owner in shells if (other == CMD_RESOURCE) == plain]
    own = [owner for owner in same if owner == user]
    if plain:
        if _full(own, settings.shells_per_user):
            raise _plain(
                2150859173,
                "The WS-Management service cannot process the request. This user is allowed a "
                f"maximum number of {settings.shells_per_user} concurrent shells, which has been "
                "exceeded. Close existing shells or raise the quota for this user. ",
            )
        return
    if _full(own, settings.plugin_shells_per_user):
        raise _plugin(
            2150859236,
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent shells for this user has been exceeded. Close existing shells or raise the "
            "quota for this user. ",
        )
    if settings.plugin_users is not None and len({*same, user}) > settings.plugin_users:
        raise _plugin(
            2150859237,
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent users of this plugin has been exceeded. ",
        )
    if _full(same, settings.plugin_shells):
        raise _plugin(
            2150859238,
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent shells of this plugin has been exceeded. ",
        )


def check_operation(settings: Settings, shells: Iterable[Shell], shell: Shell, action: str) -> None:
    """Refuse an operation that would be one too many."""
    same = [
        other
        for other in shells
        if (other.resource == CMD_RESOURCE) == (shell.resource == CMD_RESOURCE)
    ]
    own = [other for other in same if other.user == shell.user]
    if shell.resource == CMD_RESOURCE:
        # Windows counts an operation of a plain shell until the shell is deleted.
        begun = sum(other.commands_begun for other in own)
        if action == "Command" and _at(begun, settings.operations_per_user):
            raise _plain(
                2150859174,
                "The WS-Management service cannot process the request. This user has exceeded the "
                f"maximum number of concurrent operations, {settings.operations_per_user}. Close "
                "existing operations for this user, or raise the quota for this user. ",
            )
        return
    if action in ("Delete", "Signal"):
        return  # what ends operations is let through
    if _at(_operations(own), settings.plugin_operations_per_user):
        raise _plugin(
            2150859239,
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent operations for this user has been exceeded. ",
        )
    if _at(_operations(same), settings.plugin_operations):
        raise _plugin(
            2150859240,
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent operations of this plugin has been exceeded. ",
        )
    if action == "Command" and _full(shell.commands(), settings.plugin_commands_per_shell):
        raise Fault(
            2150859241,
            "Receiver",
            "w:InternalError",
            "The WS-Management service cannot process the request. The maximum number of "
            "concurrent commands per shell has been exceeded. ",
        )


def _operations(shells: Iterable[Shell]) -> int:
    return sum(shell.operations + len(shell.commands()) for shell in shells)


def _full(things: list[str], limit: int | None) -> bool:
    return _at(len(things), limit)


def _at(number: int, limit: int | None) -> bool:
    return limit is not None and number >= limit

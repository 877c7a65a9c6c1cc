"""The words with which ssh is started. No shell reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .target import SSH

__all__ = ["command_line", "environment", "value_of"]

# How often a silent line is asked whether it is alive, in seconds; ssh gives up after three times.
_ALIVE_SECONDS = 15


def command_line(target: SSH) -> list[str]:
    """The program and its arguments.

    Names and options come from here alone, and no secret is among them: ssh has its own ways to
    keys, and asks for nothing.

    Raises:
        ValueError: there is no such key; ssh would go on with others.
    """
    words = [os.fspath(target.executable), "-T"]
    if target.config is not None:
        words += ["-F", os.fspath(target.config)]
    if target.port is not None:
        words += ["-p", str(target.port)]
    if target.user is not None:
        words += ["-l", target.user]
    if target.key_file is not None:
        words += ["-i", _key_file(os.fspath(target.key_file))]
    # Of an option that comes twice, ssh takes the first.
    for name, value in {**_options(target), **_defaults(target)}.items():
        words += ["-o", f"{name}={value}"]
    # Its arguments may have options behind the host, too, but for what follows the two dashes.
    return [*words, "-s", "--", target.address, target.subsystem]


def environment(target: SSH) -> dict[str, str]:
    """The environment of ssh: this process's, for agents, tickets and PATH are found by it.

    Where ssh is to ask nothing it does not do so through a window either, nor do its jumps to
    other hosts, which BatchMode is not passed on to.
    """
    asks = value_of(target, "BatchMode") == "no"
    return {**os.environ} if asks else {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}


def value_of(target: SSH, option: str) -> str | None:
    """What an option is, by the target's options or by ours; None where ssh_config decides."""
    given = {name.lower(): value for name, value in _options(target).items()}
    ours = {name.lower(): value for name, value in _defaults(target).items()}
    return given.get(option.lower(), ours.get(option.lower()))


def _key_file(path: str) -> str:
    # One with a token such as %d or ${HOME} is known to ssh only.
    if not ("%" in path or "$" in path or Path(path).expanduser().is_file()):
        raise ValueError(f"there is no key file {path}")
    return path


def _options(target: SSH) -> dict[str, str]:
    words = {True: "yes", False: "no"}
    return {
        name: words[value] if isinstance(value, bool) else str(value)
        for name, value in target.options.items()
    }


def _defaults(target: SSH) -> dict[str, str]:
    """What is set where the target's options do not set it."""
    options = {
        "BatchMode": "yes",
        # It says more than our own timer can, so it is to be first.
        "ConnectTimeout": str(max(1, int(target.open_timeout) - 1)),
        "ServerAliveInterval": str(_ALIVE_SECONDS),
        # A connection that the user shares is used, and none is left behind to be shared.
        "ControlMaster": "no",
        # What is meant for the user's own sessions at a prompt.
        "ClearAllForwardings": "yes",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
    }
    if target.key_file is not None:
        # Else the agent's keys come first, and sshd hangs up after six.
        options["IdentitiesOnly"] = "yes"
    given = {name.lower() for name in target.options}
    return {name: value for name, value in options.items() if name.lower() not in given}

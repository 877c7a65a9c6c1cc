"""Passwords as parameters: texts that nobody sees by accident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from ..arguments import check_text
from ..errors import DeclarationError
from ..values.powershell_object import PowerShellObject
from ..values.text import net_text

__all__ = ["Credential", "Secret"]

_T = TypeVar("_T")


class Secret:
    """A text that is in no repr, log or error; ``reveal()`` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep a text.

        Raises:
            DeclarationError: it is none.
        """
        if not isinstance(text, str):
            # Without the value, which may be what nobody is to see.
            raise DeclarationError(
                f"a Secret is made of a text, and not of a {type(text).__name__}"
            )
        self._text = text

    @classmethod
    def from_secure_string(cls, value: Any) -> Self:
        """Take the text of a .NET SecureString."""
        from System.Net import NetworkCredential

        return cls(str(NetworkCredential("", value).Password))

    @classmethod
    def _from_powershell(cls, value: object) -> Self | None:
        """A SecureString or a text of PowerShell's; None where it is neither."""
        if isinstance(value, str):
            return cls(str.__str__(value))
        return _made(value, "System.Security.SecureString", cls.from_secure_string)

    def reveal(self) -> str:
        """The text."""
        return self._text

    def _to_net(self) -> Any:
        """The .NET SecureString."""
        from System.Net import NetworkCredential

        return NetworkCredential("", net_text(self._text)).SecurePassword

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<Secret>"


@dataclass(frozen=True)
class Credential:
    """A user's name and password, PowerShell's PSCredential.

    Attributes:
        username: the name.
        password: the password.
    """

    username: str
    password: Secret

    def __post_init__(self) -> None:
        """Refuse what is of the wrong type.

        Raises:
            DeclarationError: the name is no text, or the password no `Secret`.
        """
        check_text(self.username, "username")
        if not isinstance(self.password, Secret):
            raise DeclarationError(
                f"password is a {type(self.password).__name__}; it has to be a Secret, which is "
                "never shown: Secret(...)"
            )

    @classmethod
    def _from_powershell(cls, value: object) -> Self | None:
        """A PSCredential; None where it is none."""
        return _made(
            value,
            "System.Management.Automation.PSCredential",
            lambda net: cls(str(net.UserName), Secret.from_secure_string(net.Password)),
        )

    def _to_net(self) -> Any:
        """PowerShell's PSCredential."""
        from System.Management.Automation import PSCredential

        return PSCredential(net_text(self.username), self.password._to_net())


def _made(value: object, net_type: str, make: Callable[[Any], _T]) -> _T | None:
    if isinstance(value, PowerShellObject) and value.type_names[0] == net_type:
        return make(value.net)
    return None

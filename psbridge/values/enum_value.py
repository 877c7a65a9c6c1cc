"""What a value of a .NET enum becomes. Without .NET: it can be copied and pickled anywhere."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["EnumValue"]


class EnumValue(str):
    """A value of a .NET enum: its name as a text, with its number.

    ``service.Status == "Running"``, ``int(service.Status)``. Several flags are one text, as
    PowerShell writes them: ``"ReadOnly, Hidden"``. Given to PowerShell it is the enum's value.
    """

    __slots__ = ("_number", "_type_name")
    _number: int
    _type_name: str

    def __new__(cls, name: str, number: int, type_name: str) -> Self:
        """Make one.

        Args:
            name: its name.
            number: its number.
            type_name: the full name of the enum.
        """
        made = super().__new__(cls, name)
        made._number = number
        made._type_name = type_name
        return made

    @property
    def value(self) -> int:
        """Its number."""
        return self._number

    @property
    def type_name(self) -> str:
        """The full name of the enum, such as ``"System.DayOfWeek"``."""
        return self._type_name

    def __int__(self) -> int:
        return self._number

    def __repr__(self) -> str:
        kind = self._type_name.rpartition(".")[2].rpartition("+")[2]
        return f"<{kind} {str(self)!r}: {self._number}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self._number, self._type_name)

    def _to_net(self) -> Any:
        """The enum's value; its name where this process does not know the enum."""
        from PSBridge import RemotedValue

        found = RemotedValue.ToEnum(str(self._type_name), str(self))
        return str(self) if found is None else found

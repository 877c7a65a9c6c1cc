"""What a PSCustomObject becomes. Without .NET: it can be made, copied and pickled anywhere."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from .names import fold, is_special, nearest
from .showing import html_table

__all__ = ["CustomObject", "made_of"]

# What PowerShell calls an object that it made of properties alone.
_USUAL_NAMES = ("System.Management.Automation.PSCustomObject", "System.Object")


class CustomObject(dict[str, Any]):
    """An object that PowerShell made of properties alone, such as ``[pscustomobject]@{ … }``.

    Its properties are attributes and, as it is a dict too, items, in PowerShell's order; upper and
    lower case make no difference. It is equal to a dict of the same. It is a copy: what is changed
    here is not changed in PowerShell. Given to PowerShell it is an object with these properties.

    A property with the name of a method, such as ``items``, is ``value["items"]``.
    """

    # A dict and not only a Mapping: json, pprint and whatever else knows dicts takes it as it is.

    __slots__ = ("_notes",)

    @property
    def origin(self) -> str | None:
        """The machine that it came from; None for this one."""
        return _notes_of(self)[0]

    @property
    def type_names(self) -> tuple[str, ...]:
        """PowerShell's names of its type, the nearest first."""
        names = _notes_of(self)[1]
        return tuple(names.split("\n")) if names else _USUAL_NAMES

    def __missing__(self, name: object) -> Any:
        if (known := self._find(name)) is None:
            raise KeyError(name)
        return super().__getitem__(known)

    def __setitem__(self, name: str, value: object) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a property is a text, and {name!r} is none")
        super().__setitem__(self._find(name) or name, value)

    def __delitem__(self, name: str) -> None:
        if (known := self._find(name)) is None:
            raise KeyError(name)
        super().__delitem__(known)

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a property, or the default where there is none."""
        return default if (known := self._find(name)) is None else super().__getitem__(known)

    def pop(self, name: str, *default: Any) -> Any:
        """Take a property away, and give its value."""
        return super().pop(self._find(name) or name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of a property, which is made where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(  # type: ignore[override]
        self, other: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **named: Any
    ) -> None:
        """Set several properties."""
        for name, value in {**dict(other), **named}.items():
            self[name] = value

    def copy(self) -> Self:
        """Another one with the same properties."""
        made: Self = made_of(dict(self), *_notes_of(self), kind=type(self))
        return made

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        found = self.copy()
        found.update(other)
        return found

    def __ior__(self, other: Any) -> Self:  # type: ignore[override]
        self.update(other)
        return self

    def __getattr__(self, name: str) -> Any:
        if not is_special(name):
            if (known := self._find(name)) is not None:
                return super().__getitem__(known)
            raise AttributeError(
                f"this object has no property {name!r}{nearest(name, self)}", name=name
            )
        raise AttributeError(name)

    def __setattr__(self, name: str, value: object) -> None:
        if is_special(name) or hasattr(type(self), name):
            raise AttributeError(f"{name!r} is CustomObject's own; item[{name!r}] is the property")
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if self._find(name) is None:
            raise AttributeError(f"this object has no property {name!r}")
        del self[name]

    def __dir__(self) -> Iterator[str]:
        yield from object.__dir__(self)
        yield from self

    @reprlib.recursive_repr("CustomObject(...)")
    def __repr__(self) -> str:
        kind = type(self).__name__
        if all(name.isidentifier() for name in self):
            return f"{kind}({', '.join(f'{name}={value!r}' for name, value in self.items())})"
        return f"{kind}({super().__repr__()})"

    def _repr_html_(self) -> str:
        return html_table(
            self.type_names[0], ((name, reprlib.repr(value)) for name, value in self.items())
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return made_of, (dict(self), *_notes_of(self), type(self))

    def _find(self, name: object) -> str | None:
        """The name of a property as PowerShell wrote it; None where there is none."""
        if not isinstance(name, str):
            return None
        if super().__contains__(name):
            return name
        folded = fold(name)
        return next((known for known in self if fold(known) == folded), None)


# The slot itself: an AttributeError of its own would lead to the properties.
_NOTES = vars(CustomObject)["_notes"]


def _notes_of(item: CustomObject) -> tuple[str | None, str]:
    try:
        found: tuple[str | None, str] = _NOTES.__get__(item)
    except AttributeError:
        return None, ""
    return found


def made_of(
    properties: dict[str, Any],
    origin: str | None,
    type_names: str,
    kind: type[CustomObject] = CustomObject,
) -> Any:
    """Make one of what PowerShell says of it.

    Args:
        properties: its properties.
        origin: the machine that it came from.
        type_names: the names of its type, a line each; empty for the usual ones.
        kind: its class.
    """
    made = kind(properties)
    if origin is not None or type_names:
        _NOTES.__set__(made, (origin, type_names))
    return made

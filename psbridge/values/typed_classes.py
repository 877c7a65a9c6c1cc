"""Objects of classes with fields, made of what PowerShell's objects have under the same names.

Without .NET. Which fields a class has is `typed_fields`' to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import PowerShellError
from .custom_object import CustomObject
from .names import fold, nearest
from .places import Refused, mismatch, named_step
from .powershell_object import PowerShellObject, property_of
from .typed_fields import Field, fields_of, is_model, is_typed_dict
from .typed_single import Read

__all__ = ["ClassReader"]

_MISSING: Any = object()


class ClassReader:
    """Makes objects of one class."""

    def __init__(self, kind: Any, origin: Any, refuse_unknown: bool) -> None:
        """Begin; the fields come after, for a class may have itself in them.

        Args:
            kind: the class, maybe with arguments for its type variables.
            origin: the class without those.
            refuse_unknown: whether a record may have no property that is no field.
        """
        self.name = getattr(kind, "__name__", str(kind))
        self._class = origin
        self._is_model = is_model(origin)
        self._make: Callable[..., Any] = _maker(origin)
        self._fields: tuple[Field, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._refuse_unknown = refuse_unknown

    def prepare(self, kind: Any, reader: Callable[[Any], Read]) -> None:
        """Find the fields.

        Args:
            kind: the class, maybe with arguments for its type variables.
            reader: gives what reads a type.

        Raises:
            DeclarationError: the type of a field cannot be read.
        """
        self._fields = tuple(fields_of(kind, self._class, reader))
        self._known = frozenset(fold(name) for field in self._fields for name in field.names)

    def __call__(self, value: Any) -> Any:
        """Make one of a record, a dict or an object; what is one already stays."""
        if isinstance(value, dict):
            get = self._reader_of_dict(value)
        elif isinstance(value, PowerShellObject):
            get = _reader_of_object(value)
        elif self._class_has(value):
            return value
        else:
            raise mismatch(value, f"is no {self.name}: that is made of an object with properties")
        found = {}
        for argument, names, read, required in self._fields:
            item = _MISSING
            for name in names:
                if (item := get(name)) is not _MISSING:
                    break
            if item is _MISSING:
                if required:
                    raise self._no_property(names[0], value)
                continue
            try:
                found[argument] = read(item)
            except Refused as refused:
                refused.within(named_step(name))
                raise
        return self._made(found, value)

    def _reader_of_dict(self, value: dict[Any, Any]) -> Callable[[str], Any]:
        if self._refuse_unknown:
            unknown = [name for name in value if fold(str(name)) not in self._known]
            if unknown:
                raise Refused(
                    f"{self.name} has no field for {', '.join(map(repr, unknown[:3]))}"
                    f"{nearest(str(unknown[0]), (field.names[0] for field in self._fields))}"
                )
        return _DictReader(value)

    def _class_has(self, value: Any) -> bool:
        return not is_typed_dict(self._class) and isinstance(value, self._class)

    def _no_property(self, name: str, value: Any) -> Refused:
        names = [str(key) for key in value] if isinstance(value, dict) else dir(value)
        return Refused(
            f"there is no property {name!r} for {self.name}, and the field has no default"
            f"{nearest(name, names) or _some_of(value)}"
        )

    def _made(self, found: dict[str, Any], value: Any) -> Any:
        if self._is_model and isinstance(value, dict):
            # What is no field is the model's own affair: it may take it, or not.
            used = {fold(name) for field in self._fields for name in field.names}
            found |= {
                name: item
                for name, item in value.items()
                if isinstance(name, str) and fold(name) not in used
            }
        try:
            return self._make(found)
        except Exception as error:
            raise _not_made(self.name, error) from error


class _DictReader:
    """The entries of a dict by their names, in any letter case."""

    __slots__ = ("_by_fold", "_value")

    def __init__(self, value: dict[Any, Any]) -> None:
        self._value = value
        self._by_fold: dict[str, Any] | None = None

    def __call__(self, name: str) -> Any:
        found = dict.get(self._value, name, _MISSING)
        if found is not _MISSING:
            return found
        if self._by_fold is None:
            self._by_fold = {
                fold(key): item for key, item in dict.items(self._value) if isinstance(key, str)
            }
            if isinstance(self._value, CustomObject) and self._value.origin is not None:
                # What PowerShell hangs on what comes from another machine.
                self._by_fold.setdefault("PSCOMPUTERNAME", self._value.origin)
        return self._by_fold.get(fold(name), _MISSING)


def _reader_of_object(value: PowerShellObject) -> Callable[[str], Any]:
    """Reads one property at a time, for some take long."""

    def get(name: str) -> Any:
        try:
            return property_of(value, name, _MISSING)
        except PowerShellError as error:
            raise Refused(f"cannot be read: {error}").within(named_step(name)) from error

    return get


def _some_of(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    names = [str(name) for name in value][:8]
    return f"; there are {', '.join(names)}" if names else "; there are none"


def _not_made(name: str, error: Exception) -> Refused:
    """What the class itself says, and where in it, if it is pydantic that says it."""
    try:
        first = error.errors()[0]  # type: ignore[attr-defined]
        steps = [
            f"[{part}]" if isinstance(part, int) else named_step(part) for part in first["loc"]
        ]
        if first["type"] == "missing":
            refused = Refused(f"there is no such property, and {name} has no default for it")
        else:
            refused = mismatch(first["input"], f"is refused by {name}: {first['msg']}")
    except Exception:
        return Refused(f"no {name} can be made of it: {type(error).__name__}: {error}")
    for step in reversed(steps):
        refused.within(step)
    return refused


def _maker(origin: Any) -> Callable[[dict[str, Any]], Any]:
    if is_model(origin):
        return origin.model_validate  # type: ignore[no-any-return]
    if is_typed_dict(origin):
        return lambda found: found
    return lambda found: origin(**found)

"""What PowerShell has and Python has no counterpart for. Imported without .NET, made with it.

Each member is read where it is asked for, by a method of C#'s (`ObjectView`), which lets go of the
GIL: a member may run any code. So does the function by which many are read (`reading`). A script
is run by the session that the object comes from (`member_calls`). What a member gives is converted
as the output of a pipeline is.
"""

from __future__ import annotations

import datetime as dt
import functools
import reprlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

from ..engine.forking import is_forked_child
from ..engine.instances import is_net
from . import reading
from .enum_value import EnumValue
from .member_calls import ReadingBrokenOff, asked, asked_again, failure_of
from .names import is_special, nearest
from .showing import html_table
from .viewpoint import runspace_seen_from, seen_from

__all__ = ["PowerShellMethod", "PowerShellObject", "objects_of", "property_of"]

T = TypeVar("T")


class PowerShellObject:
    """An object of PowerShell's: its attributes are the members that PowerShell shows.

    Upper and lower case make no difference. Values come as those of `Session.run` do; what can be
    set in PowerShell can be set here. Given to PowerShell it is the very same object, with all that
    has been added to it. ``value["With Space"]`` is a member by any name.

    `net`, `origin`, `properties` and `type_names`, written exactly so, are this class's own. A
    member of that name is there in another case or as an item: ``value.Properties``,
    ``value["properties"]``.
    """

    __slots__ = ("__weakref__", "_handle", "_view")
    _view: Any
    _handle: int

    def __init__(self, net: Any) -> None:
        """See a .NET object as PowerShell does.

        Args:
            net: the .NET object, or a PSObject with what hangs on it; or what has a counterpart.
        """
        if not is_net(net):
            if net is None:
                raise TypeError("$null is no object")
            from .python_to_net import to_net

            net = to_net(net)
        view = _net_types().view.Of(net, runspace_seen_from())
        _set_view(self, view)
        _set_handle(self, view.Handle)

    @property
    def net(self) -> Any:
        """The .NET object itself, as pythonnet has it."""
        return self._view.GetBare()

    @property
    def type_names(self) -> tuple[str, ...]:
        """PowerShell's names of its type, the nearest first."""
        return tuple(self._view.GetTypeNames().split("\n"))

    @property
    def origin(self) -> str | None:
        """The machine that it came from; None for this one."""
        found: str | None = self._view.GetOrigin()
        return found

    def _shown_names(self) -> list[str]:
        """The properties that PowerShell shows by default; all, where the type does not say so."""
        return list(asked(self._view, "GetDisplaySet")) or list(self.properties())

    def properties(self) -> dict[str, Any]:
        """All properties with their values.

        One that cannot be read is there too: its value is the `PowerShellError` that says why.
        """
        failed = _net_types().failed
        found = self._values(asked(self._view, "GetProperties"))
        return {
            name: failure_of(value.GetError()) if type(value) is failed else value
            for name, value in zip(found[::2], found[1::2], strict=True)
        }

    def __getattr__(self, name: str) -> Any:
        # Here and not in `_member`: most are plain, and a call of Python's takes a tenth of a read.
        found = reading.read(self._handle, reading.NAMES[name])
        if type(found) in _READY:
            return found
        if is_special(name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        found = self._made_of(name, found)
        if found is _MISSING:
            raise AttributeError(self._no_member(name), name=name)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        if is_special(name) or hasattr(PowerShellObject, name):
            raise AttributeError(
                f"{name!r} is PowerShellObject's own; item[{name!r}] is PowerShell's member"
            )
        if (refusal := self._set(name, value)) is not None:
            raise AttributeError(refusal, name=name)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name!r} cannot be deleted")

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            found = self._member(key)
            if found is _MISSING:
                raise KeyError(self._no_member(key))
            return found
        from .python_to_net import to_net

        found = asked(self._view, "GetItem", to_net(key))
        if type(found) is _net_types().missing:
            raise TypeError(f"{self._kind()} has no items")
        return self._value(found)

    def __setitem__(self, key: str, value: object) -> None:
        if not isinstance(key, str):
            raise TypeError(f"{self._kind()}: only what has a name can be set, and {key!r} is none")
        if (refusal := self._set(key, value)) is not None:
            raise KeyError(refusal)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._view.GetNames()]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._view.GetNames())

    def __iter__(self) -> Iterator[Any]:
        items = asked(self._view, "GetItems")
        if items is None:
            raise TypeError(f"{self._kind()} has no items to walk through")
        return self._walk(items)

    def _walk(self, items: Any) -> Iterator[Any]:
        while found := self._values(asked(items, "Next")):
            yield from found

    def __len__(self) -> int:
        count = int(asked(self._view, "CountItems"))
        if count < 0:
            raise TypeError(f"{self._kind()} has no length")
        return count

    def __bool__(self) -> bool:
        return bool(asked(self._view, "CountItems") != 0)

    def __eq__(self, other: object) -> bool:
        if (net := _net_of(other)) is None:
            return NotImplemented
        return bool(asked(self._view, "IsEqualTo", net))

    def __hash__(self) -> int:
        return int(asked(self._view, "GetHash"))

    def __lt__(self, other: object) -> bool:
        found: bool = self._compare(other, lambda order: order < 0)
        return found

    def __le__(self, other: object) -> bool:
        found: bool = self._compare(other, lambda order: order <= 0)
        return found

    def __gt__(self, other: object) -> bool:
        found: bool = self._compare(other, lambda order: order > 0)
        return found

    def __ge__(self, other: object) -> bool:
        found: bool = self._compare(other, lambda order: order >= 0)
        return found

    def _compare(self, other: object, holds: Callable[[int], bool]) -> Any:
        if (net := _net_of(other)) is None:
            return NotImplemented
        order = asked(self._view, "CompareWith", net)
        return NotImplemented if order is None else holds(order)

    def __str__(self) -> str:
        return str(asked(self._view, "GetText"))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        if is_forked_child():
            return "<PowerShellObject of the process that forked>"
        try:
            kind, shown = self._shown(_IN_A_LINE)
        except Exception as error:
            return f"<PowerShellObject: {type(error).__name__}>"
        return f"<{' '.join([kind, *(f'{n}={v}' if n and v else n or v for n, v in shown)])}>"

    def _repr_html_(self) -> str:
        kind, shown = self._shown(_IN_A_TABLE)
        return html_table(kind, [(name, value) for name, value in shown])

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self._kind()} lives in this process and cannot be pickled or copied; "
            "properties() has its values"
        )

    def _to_net(self) -> Any:
        return self._view.Whole

    def _member(self, name: str) -> Any:
        """The value of a member, a method, or `_MISSING`."""
        return self._made_of(name, reading.read(self._handle, reading.NAMES[name]))

    def _made_of(self, name: str, found: Any) -> Any:
        if found is NotImplemented:
            if not name:
                return _MISSING
            found = asked(self._view, "Get", _text(name))
        kind = type(found)
        if kind in _READY:
            return found
        net = _net_types()
        if kind in net.made:
            return found
        if kind is net.view:
            return objects_of([found], [found.Handle])[0]
        if kind is net.missing:
            return _MISSING
        if kind is net.callable:
            return PowerShellMethod(self, found)
        if kind is net.failed:
            again = asked_again(found.GetError(), self._view, "Get", _text(name))
            return self._made_of(name, again)
        return self._value(found)

    def _value(self, found: Any) -> Any:
        if type(found) in _READY:
            return found
        from .net_to_python import from_net

        return self._converted(from_net, found)

    def _values(self, found: Any) -> list[Any]:
        """The items of a .NET array."""
        from .net_to_python import list_from_net

        values, _ = self._converted(list_from_net, found)
        return values

    def _converted(self, convert: Callable[[Any], T], found: Any) -> T:
        try:
            with seen_from(self._view.GetRunspace(), scripts="Session"):
                return convert(found)
        except ReadingBrokenOff as unwound:
            error = unwound.error
        raise error

    def _set(self, name: str, value: object) -> str | None:
        """Set a property; gives what keeps it from being set."""
        from .python_to_net import to_net

        refusal = asked(self._view, "Set", _text(name), to_net(value)) if name else None
        if refusal is None:
            return f"{self._no_member(name)}; Add-Member adds one"
        return f"{name!r} of {self._kind()} {refusal}" if refusal else None

    def _no_member(self, name: str) -> str:
        return f"{self._kind()} has no member {name!r}{nearest(name, self._view.GetNames())}"

    def _kind(self) -> str:
        return str(self.type_names[0]) if self.type_names[0] else "this object"

    def _shown(self, most: int) -> tuple[str, list[tuple[str, str]]]:
        """The name of its type, and what of it is shown, as texts."""
        kind, *found = list(self._view.GetShown(most, _SHOWN_WITHIN_MS))
        if len(found) % 2:
            return kind, [("", _short(found[0]))]
        pairs = zip(found[::2], found[1::2], strict=True)
        return kind, [
            (name, "" if value is None else _short(self._value(value))) for name, value in pairs
        ]


_set_view = vars(PowerShellObject)["_view"].__set__
_set_handle = vars(PowerShellObject)["_handle"].__set__


def objects_of(views: Sequence[Any], handles: Sequence[int]) -> list[PowerShellObject]:
    """Make objects of what C# has seen already.

    Args:
        views: an ObjectView for each.
        handles: its handle.
    """
    found = []
    for view, handle in zip(views, handles, strict=True):
        made = PowerShellObject.__new__(PowerShellObject)
        _set_view(made, view)
        _set_handle(made, handle)
        found.append(made)
    return found


def property_of(item: PowerShellObject, name: str, default: object) -> Any:
    """A property, or the default where there is none of the name.

    Args:
        item: the object; no other member of it is read.
        name: the name of the property.
        default: what is given in its place.

    Raises:
        PowerShellError: it throws.
    """
    found = item._member(name)
    return default if found is _MISSING or type(found) is PowerShellMethod else found


class PowerShellMethod:
    """A method of an object of PowerShell's, or a property with arguments.

    It is called as in PowerShell, which chooses among .NET's overloads. A property with arguments
    may be written as in ``value.Item[0]``, too.
    """

    __slots__ = ("__weakref__", "_member", "_owner")

    def __init__(self, owner: PowerShellObject, member: Any) -> None:
        """Bind a method; ``PowerShellObject`` does it."""
        self._owner = owner
        self._member = member

    @property
    def __name__(self) -> str:
        return str(self._member.GetName())

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return str(self._member.GetDefinitions())

    def __call__(self, *arguments: Any) -> Any:
        """Call it.

        Raises:
            PowerShellError: it throws, or there is no overload with such arguments.
        """
        return self._owner._value(asked(self._member, "Call", _arguments(arguments)))

    def __getitem__(self, key: Any) -> Any:
        return self(*(key if isinstance(key, tuple) else (key,)))

    def __setitem__(self, key: Any, value: object) -> None:
        from .python_to_net import to_net

        keys = key if isinstance(key, tuple) else (key,)
        if not asked(self._member, "Set", _arguments(keys), to_net(value)):
            raise TypeError(f"{self!r} has no items")

    def __repr__(self) -> str:
        if is_forked_child():
            return "<PowerShellMethod of the process that forked>"
        return f"<PowerShellMethod {self.__name__} of {self._owner._kind()}>"


class _NetTypes(NamedTuple):
    """Types of .NET's that are met here; to import one takes longer than to read a member."""

    view: Any
    missing: Any
    callable: Any
    failed: Any
    made: frozenset[type]  # of Python's, which ``PickleWriter.TryWriteRare`` writes


@functools.cache
def _net_types() -> _NetTypes:
    import decimal
    import uuid

    from PSBridge import CallableMember, FailedMember, NoMember, ObjectView

    made = frozenset({dt.datetime, dt.timedelta, decimal.Decimal, uuid.UUID, EnumValue})
    return _NetTypes(ObjectView, NoMember, CallableMember, FailedMember, made)


_MISSING = object()
_READY = frozenset({bool, int, float, str, type(None)})
_IN_A_LINE = 4
_IN_A_TABLE = 12
_SHOWN_WITHIN_MS = 250
_LONGEST = 60

_reprs = reprlib.Repr()
_reprs.maxstring = _reprs.maxother = _LONGEST


def _short(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    return _reprs.repr(value)


def _text(name: str) -> str:
    return str.__str__(name)


def _arguments(values: Sequence[Any]) -> Any:
    from .python_to_net import to_net

    return to_net(tuple(values), "arguments")


def _net_of(other: object) -> Any:
    """The .NET object of what may be one; None where it is none."""
    if isinstance(other, PowerShellObject):
        return other._view.GetBare()
    return other if is_net(other) else None

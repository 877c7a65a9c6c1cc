"""Whether something is .NET's. To be asked once the engine runs.

Not by `isinstance` with a class of .NET's: where the answer is no, pythonnet holds what it was
asked about, a reference more with each question, until .NET collects its garbage, and that looks at
.NET's own memory only: of 100,000 objects of Python's 100,000 were still there. Where the answer is
yes it holds the class so. It also takes 4 µs, and `is_net` a fraction of one.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["is_net", "is_net_of"]


def is_net(value: object) -> bool:
    """Whether it is an object of .NET's, or of a class in Python that derives from one."""
    kind = type(value)
    # pythonnet's own objects, such as a module or a method, are of that module.
    return isinstance(kind, _metatype()) and kind.__module__ != "CLR"


def is_net_of(value: object, kind: Any) -> bool:
    """Whether it is an object of a class, or of an interface, of .NET's.

    Args:
        value: the object.
        kind: the class or the interface.
    """
    if not is_net(value):
        return False
    if kind in (bases := type(value).__mro__):
        return True
    import clr

    # Interfaces are not among the bases. By the types, since some values, such as
    # System.Reflection.Missing, mean something else where they are arguments.
    net_type = clr.GetClrType(kind)
    return bool(net_type.IsInterface) and any(
        net_type.IsAssignableFrom(clr.GetClrType(base))
        for base in bases
        if isinstance(base, _metatype())
    )


@functools.cache
def _metatype() -> Any:
    import System

    return type(System.Object)

"""Names of a package that are imported when somebody asks for them (PEP 562).

So ``from psbridge import Session`` costs what a session needs, and not what the declarations of
cmdlets do. Type checkers, which do not run this, see the imports under TYPE_CHECKING.

Rejected: to import lazily inside the modules themselves. A class that derives from another, as
`Job` from `RecordWriter`, needs it then and there; only whole modules can be left for later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["names_of"]


def names_of(
    package: str, modules: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and the ``__dir__`` of a package; they know its modules, too.

    A name must not be a module of the package, too: its import would put the module in its place.

    Args:
        package: its name.
        modules: relative names of modules, and what of each is a name of the package.
    """
    origins = {name: module for module, names in modules.items() for name in names}
    parts = {module.split(".")[1] for module in modules}

    def get(name: str) -> Any:
        if name in parts:
            return import_module(f".{name}", package)
        module = origins.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        value = getattr(import_module(module, package), name)
        setattr(sys.modules[package], name, value)  # asked for once
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins, *parts})

    return get, names

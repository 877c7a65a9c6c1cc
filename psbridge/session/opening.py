"""How a session is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..arguments import check_text
from ..errors import DeclarationError

if TYPE_CHECKING:
    from .console import Console
    from .questions import Answers

__all__ = ["ExecutionPolicy", "LanguageMode", "SessionOptions"]

LanguageMode = Literal["FullLanguage", "ConstrainedLanguage", "RestrictedLanguage", "NoLanguage"]
ExecutionPolicy = Literal[
    "AllSigned", "Bypass", "Default", "RemoteSigned", "Restricted", "Unrestricted"
]


class SessionOptions:
    """How a session is opened, checked; it does not change. `Session` says what each is."""

    # No dataclass: making one takes a millisecond of each program's start.
    __slots__ = (
        "answers",
        "console",
        "execution_policy",
        "functions",
        "language_mode",
        "modules",
        "pshome",
        "variables",
        "visible_commands",
        "working_directory",
    )

    def __init__(
        self,
        pshome: str | Path | None = None,
        *,
        console: Console | None = None,
        answers: Answers | None = None,
        modules: Iterable[str | Path | ModuleType] = (),
        variables: Mapping[str, object] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        working_directory: str | Path | None = None,
        language_mode: LanguageMode | None = None,
        execution_policy: ExecutionPolicy | None = None,
        visible_commands: Iterable[str] | None = None,
    ) -> None:
        """Check and keep them.

        Raises:
            DeclarationError: one is of the wrong type.
            ValueError: there is no such language mode or policy.
            OSError: there is no such working directory.
        """
        self.pshome = pshome
        self.console = console
        self.answers = answers
        self.modules = _several(modules, "modules")
        self.variables = _named(variables, "variables")
        self.functions = _named(functions, "functions")
        self.working_directory = _folder(working_directory)
        self.language_mode = _one_of(language_mode, LanguageMode, "language_mode")
        self.execution_policy = _one_of(execution_policy, ExecutionPolicy, "execution_policy")
        self.visible_commands = (
            None if visible_commands is None else _several(visible_commands, "visible_commands")
        )
        if answers is not None:
            from .questions import check_answers

            check_answers(answers)
        for name in self.visible_commands or ():
            check_text(name, "visible_commands")
        for module in self.modules if self.visible_commands is not None else ():
            if not isinstance(module, (str, Path)):
                raise DeclarationError(
                    f"modules has {module!r}; with visible_commands it names modules of "
                    "PowerShell's, and functions= has what is of Python's"
                )

    @property
    def module_names(self) -> list[str]:
        """The modules to look for the visible commands in."""
        return [str(module) for module in self.modules]


def _several(values: Iterable[Any], what: str) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise DeclarationError(f"{what} is {values!r}; it is a list")
    return list(values)


def _named(values: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(key, str) and key for key in values):
        # Without the values, which may be secrets.
        raise DeclarationError(
            f"{what} is a {type(values).__name__}; it is a dict with names as keys"
        )
    return dict(values)


def _folder(path: str | Path | None) -> Path | None:
    if path is None:
        return None
    from ..engine.paths import possible_path

    folder = possible_path(path)
    os.scandir(folder).close()  # says what is wrong with it
    return folder.absolute()


def _one_of(value: str | None, kind: Any, what: str) -> str | None:
    if value is None:
        return None
    check_text(value, what)
    for name in get_args(kind):
        if name.casefold() == value.casefold():
            return str(name)
    raise ValueError(f"{what} is {value!r}; it can be {', '.join(get_args(kind))}")

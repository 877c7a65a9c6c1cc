"""Saying in a module what ``Start-Job -DefinitionName`` is to start."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from ..arguments import check_text
from ..errors import DeclarationError

__all__ = ["definitions_in", "job_definition"]

_Made = TypeVar("_Made", bound=Callable[..., Any])
_NAME = "_psbridge_definition"


def job_definition(name: str) -> Callable[[_Made], _Made]:
    """Let ``Start-Job -DefinitionName`` start a job, wherever the module is imported.

    To be put above a class that derives from `Job` and needs no arguments, or above a function
    that gives a new `Job` or `JobGroup`; either is called for each start, and stays what it is.
    `JobRepository.define` is the same for one session.

    Args:
        name: the definition's name.

    Raises:
        DeclarationError: the name is no text, or empty.
    """
    check_text(name, "the name of a job definition")
    if not name:
        raise DeclarationError("a job definition has a name, and this is empty")

    def mark(make: _Made) -> _Made:
        if not callable(make):
            raise DeclarationError(f"{make!r} cannot be called, and a job definition is")
        setattr(make, _NAME, name)
        return make

    return mark


def definitions_in(module: ModuleType) -> dict[str, Callable[[], Any]]:
    """What a module defines, by name, in the order of its text.

    Raises:
        DeclarationError: a name is there twice.
    """
    found: dict[str, Callable[[], Any]] = {}
    for value in vars(module).values():
        # Its own: neither a base class's nor one that is imported from elsewhere.
        name = getattr(value, "__dict__", {}).get(_NAME)
        if not isinstance(name, str) or getattr(value, "__module__", None) != module.__name__:
            continue
        if found.setdefault(name, value) is not value:
            raise DeclarationError(f"the job definition {name!r} is there twice")
    return found

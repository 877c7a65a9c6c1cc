"""A function as a cmdlet."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from ..errors import DeclarationError
from .cmdlet import Cmdlet, JobCmdlet
from .parameter import Parameter

__all__ = ["cmdlet", "cmdlet_of"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CMDLETS = "_psbridge_cmdlet"


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def cmdlet(name: str, *, as_job: bool = False, **options: Any) -> Callable[[_Function], _Function]:
    """Make a cmdlet of a function, which stays the function that it is.

    Its parameters are the cmdlet's, with their annotations. Those without a default are mandatory.
    Those that can be given by position can be so in PowerShell, in the same order; those after a
    ``*`` by name only. What it returns or yields is the output. Its docstring is the help.

    It is called for each record from the pipeline, as `Cmdlet.process` is. Where it needs the
    other hooks, or to write to other streams, write a class.

    Args:
        name: the cmdlet's name, such as ``"Get-WordCount"``.
        as_job: whether it has -AsJob.
        options: what a class that derives from `Cmdlet` or `JobCmdlet` takes.

    Raises:
        DeclarationError: the declaration has a mistake; names the parameter.
    """
    verb, dash, noun = name.partition("-")
    if not (verb and dash and noun):
        raise DeclarationError(f"{name!r} is no name of a cmdlet, such as Get-WordCount")

    def decorate(function: _Function) -> _Function:
        if not inspect.isfunction(function):
            raise DeclarationError(
                f"@cmdlet({name!r}) is for functions; derive a class from Cmdlet"
            )
        base: type[Cmdlet] = JobCmdlet if as_job else Cmdlet
        body = _body(function) | {
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
            # CPython makes no class with half of a surrogate pair in its docstring.
            "__doc__": function.__doc__ and _HALF_PAIR.sub("\ufffd", function.__doc__),
        }
        made = types.new_class(
            function.__name__,
            (base,),
            {"verb": verb, "noun": noun, **options},
            lambda namespace: namespace.update(body),
        )
        setattr(function, _CMDLETS, made)
        return function

    return decorate


def cmdlet_of(value: object) -> type[Cmdlet] | None:
    """The cmdlet that has been made of a function; None for everything else."""
    found = getattr(value, _CMDLETS, None) if inspect.isfunction(value) else None
    return found if isinstance(found, type) and issubclass(found, Cmdlet) else None


def _body(function: Any) -> dict[str, Any]:
    where = function.__qualname__
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise DeclarationError(f"{where}: an annotation cannot be resolved: {error}") from error
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {"__annotations__": annotations}
    names = []
    for position, parameter in enumerate(inspect.signature(function).parameters.values()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeclarationError(
                f"{where}.{parameter.name}: a cmdlet has no parameter such as {parameter}; for the "
                "arguments that are left over, use list[str] with "
                "Parameter(from_remaining_arguments=True)"
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DeclarationError(f"{where}.{parameter.name} has no name; leave the / out")
        names.append(parameter.name)
        hint = hints.get(parameter.name, object)
        by_position = position if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else None
        annotations[parameter.name] = _with_place(hint, by_position, parameter)
        if parameter.default is not parameter.empty:
            body[parameter.name] = parameter.default

    def process(self: Cmdlet) -> Any:
        return function(**{name: getattr(self, name) for name in names})

    return body | {"process": process}


def _with_place(hint: Any, position: int | None, parameter: inspect.Parameter) -> Any:
    """The annotation, with the position and whether it is mandatory where it does not say so."""
    if typing.get_origin(hint) is Annotated and any(
        isinstance(extra, Parameter) for extra in typing.get_args(hint)[1:]
    ):
        return hint
    mandatory = parameter.default is parameter.empty and hint is not bool
    if hint is bool:
        position = None  # a switch
    return Annotated[hint, Parameter(position=position, mandatory=mandatory)]

"""A function as a cmdlet."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from ..errors import DeclarationError
from ..values.text import HALF_PAIR
from .cmdlet import Cmdlet, JobCmdlet
from .parameter import Parameter

__all__ = ["cmdlet", "cmdlet_from", "cmdlet_of", "function_of"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CMDLETS = "_psbridge_cmdlet"  # of a function, its cmdlet
_FUNCTION = "_psbridge_function"  # of a cmdlet, its function


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
    verb, noun = _parts(name)

    def decorate(function: _Function) -> _Function:
        if not inspect.isfunction(function):
            raise DeclarationError(
                f"@cmdlet({name!r}) is for functions; derive a class from Cmdlet"
            )
        for parameter in inspect.signature(function).parameters.values():
            where = f"{function.__qualname__}.{parameter.name}"
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise DeclarationError(
                    f"{where}: a cmdlet has no parameter such as {parameter}; for the arguments "
                    "that are left over, use list[str] with "
                    "Parameter(from_remaining_arguments=True)"
                )
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise DeclarationError(f"{where} has no name; leave the / out")
        base: type[Cmdlet] = JobCmdlet if as_job else Cmdlet
        made = _made(function, base, {"verb": verb, "noun": noun, **options})
        setattr(function, _CMDLETS, made)
        return function

    return decorate


def cmdlet_from(name: str, function: Callable[..., Any]) -> type[Cmdlet]:
    """Make a cmdlet of anything that can be called, which `function_of` gives back.

    As `cmdlet` does; parameters without a name for callers have one here, ``*arguments`` are the
    arguments that are left over, and ``**named`` is left out.

    Raises:
        DeclarationError: the name is none, it cannot be called, or PowerShell cannot have one of
            its parameters.
    """
    verb, noun = _parts(name)
    if not callable(function):
        raise DeclarationError(
            f"{name} is {function!r}; it is a function or something else to call"
        )
    made = _made(function, Cmdlet, {"verb": verb, "noun": noun})
    setattr(made, _FUNCTION, staticmethod(function))
    return made


def function_of(cls: type[Cmdlet]) -> Callable[..., Any] | None:
    """What `cmdlet_from` has made a cmdlet of; None for every other one."""
    found: Callable[..., Any] | None = getattr(cls, _FUNCTION, None)
    return found


def _parts(name: str) -> tuple[str, str]:
    verb, dash, noun = name.partition("-")
    if not (verb and dash and noun):
        raise DeclarationError(f"{name!r} is no name of a cmdlet, such as Get-WordCount")
    return verb, noun


def _made(function: Any, base: type[Cmdlet], options: dict[str, Any]) -> type[Cmdlet]:
    inner = _inner(function)
    module = getattr(inner, "__module__", None)
    text = inspect.getdoc(inner) if inner is not function else function.__doc__
    body = _body(function) | {
        "__module__": module if isinstance(module, str) else "functions",
        "__qualname__": _name_of(inner),
        # CPython makes no class with half of a surrogate pair in its docstring.
        "__doc__": text and HALF_PAIR.sub("\ufffd", text),
    }
    found: type[Cmdlet] = types.new_class(
        inner.__name__, (base,), options, lambda namespace: namespace.update(body)
    )
    return found


def _inner(function: Any) -> Any:
    """The function behind what can be called: it has the annotations and the docstring."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, types.MethodType):
        return function.__func__
    if isinstance(function, type) or inspect.isroutine(function):
        return function
    return _inner(type(function).__call__)


def _name_of(function: Any) -> str:
    return str(function.__qualname__)


def cmdlet_of(value: object) -> type[Cmdlet] | None:
    """The cmdlet that has been made of a function; None for everything else."""
    found = getattr(value, _CMDLETS, None) if inspect.isfunction(value) else None
    return found if isinstance(found, type) and issubclass(found, Cmdlet) else None


def _body(function: Any) -> dict[str, Any]:
    inner = _inner(function)
    where = _name_of(inner)
    if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
        raise DeclarationError(f"{where} is async; what a cmdlet calls cannot be")
    signature = _signature(function, inner)
    try:
        # Of a class its __init__ has the parameters.
        hinted = vars(inner).get("__init__", inner) if isinstance(inner, type) else inner
        hints = typing.get_type_hints(hinted, include_extras=True)
    except Exception as error:
        raise DeclarationError(f"{where}: an annotation cannot be resolved: {error}") from error
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {"__annotations__": annotations}
    positional: list[str] = []
    by_name: dict[str, str] = {}
    rest: str | None = None
    for position, parameter in enumerate(signature.parameters.values()):
        name = parameter.name
        if parameter.kind is parameter.VAR_KEYWORD:
            continue  # none of them has to be given, and PowerShell has no such parameter
        if name.startswith("_"):
            raise DeclarationError(f"{where}.{name}: a parameter's name begins with a letter")
        hint = hints.get(name, object)
        # A cmdlet's own names are free for functions; PowerShell sees no underscore at the end.
        attribute = f"{name}_" if hasattr(JobCmdlet, name) else name
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = attribute
            settings = Parameter(position=position, from_remaining_arguments=True)
            annotations[attribute] = Annotated[list[hint], settings]  # type: ignore[valid-type]
            body[attribute] = []
            continue
        alone = parameter.kind is parameter.KEYWORD_ONLY
        if alone:
            by_name[name] = attribute
        else:
            positional.append(attribute)
        annotations[attribute] = _with_place(hint, None if alone else position, parameter)
        if parameter.default is not parameter.empty:
            body[attribute] = parameter.default

    def process(self: Cmdlet) -> Any:
        arguments = [getattr(self, attribute) for attribute in positional]
        if rest is not None:
            arguments += getattr(self, rest)
        named = {name: getattr(self, attribute) for name, attribute in by_name.items()}
        return function(*arguments, **named)

    return body | {"process": process}


def _signature(function: Any, inner: Any) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        if function is inner and (inspect.isbuiltin(function) or isinstance(function, type)):
            # Of Python's own, such as max and int: it takes what it is given.
            return inspect.signature(lambda *arguments: None)
        where = _name_of(inner)
        raise DeclarationError(f"{where} does not tell its parameters: {error}") from error


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

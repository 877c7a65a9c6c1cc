"""The classes from which an author derives a cmdlet."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar, Literal

from ..errors import DeclarationError
from ..session.session import RunspaceSession, current_session
from ..session.writer import RecordWriter
from .declaration import Declaration, declare

__all__ = ["Cmdlet", "JobCmdlet"]


class Cmdlet(RecordWriter):
    """A PowerShell cmdlet written in Python.

    Derive with the two parts of its name, annotate its parameters, and write `process`::

        class GetGreeting(Cmdlet, verb="Get", noun="Greeting"):
            name: Annotated[str, Parameter(position=0, from_pipeline=True)] = "world"

            def process(self):
                yield f"Hello, {self.name}"

    PowerShell makes one instance for each time the cmdlet is called. In each hook what is
    yielded or returned is written to the output.
    """

    declaration: ClassVar[Declaration | None] = None

    def __init_subclass__(
        cls, *, verb: str | None = None, noun: str | None = None, **options: Any
    ) -> None:
        """Read the declaration.

        Args:
            verb: the first part of the cmdlet's name; without verb and noun the class is a base
                for others.
            noun: the second part.
            options: for further classes.

        Raises:
            DeclarationError: the declaration has a mistake; names the parameter.
        """
        super().__init_subclass__(**options)
        if (verb is None) != (noun is None):
            raise DeclarationError(f"{cls.__qualname__} needs both verb= and noun=")
        if verb is not None and noun is not None:
            for hook in ("begin", "process", "end"):
                if inspect.iscoroutinefunction(getattr(cls, hook)) or inspect.isasyncgenfunction(
                    getattr(cls, hook)
                ):
                    raise DeclarationError(
                        f"{cls.__qualname__}.{hook} is async; a cmdlet's hooks cannot be"
                    )
            cls.declaration = declare(cls, verb, noun, with_jobs=issubclass(cls, JobCmdlet))

    def begin(self) -> Any:
        """Called once, before the first record; parameters from the pipeline are not set yet."""

    def process(self) -> Any:
        """Called for each record from the pipeline, or once where there is no pipeline."""

    def end(self) -> Any:
        """Called once, after the last record."""

    def stop(self) -> None:
        """Called, on another thread, when the pipeline is stopped while a hook runs."""

    @property
    def session(self) -> RunspaceSession | None:
        """The session in whose pipeline this runs; None in a job, and outside of psbridge's."""
        return current_session()

    def _set_parameters(self, values: dict[str, Any]) -> None:
        """Set the attributes: the values that were given, the class's defaults for the rest."""
        declaration = type(self).declaration
        assert declaration is not None
        for parameter in declaration.parameters:
            if parameter.attribute in values:
                value = values[parameter.attribute]
            else:
                # A copy, so that a list is not shared by all calls of the cmdlet.
                value = copy.copy(getattr(type(self), parameter.attribute, None))
            setattr(self, parameter.attribute, value)


class JobCmdlet(Cmdlet):
    """A cmdlet that runs in the foreground, or with ``-AsJob`` as a job.

    With the switch the caller gets the job object at once, and the same hooks run in child jobs
    on threads of Python's. ``-JobName`` names the job and ``-ThrottleLimit`` says how many
    children run at a time.

    Derive with ``children="one"`` (the default) for a single child that does all records one
    after the other, as the foreground does, or with ``children="each"`` for a child for each
    record that comes down the pipeline.
    """

    children: ClassVar[Literal["one", "each"]] = "one"

    def __init_subclass__(
        cls, *, children: Literal["one", "each"] | None = None, **options: Any
    ) -> None:
        """Read the declaration; see `Cmdlet`.

        Args:
            children: ``"one"`` child for all records or one for ``"each"``.
            options: for `Cmdlet`.

        Raises:
            DeclarationError: the declaration has a mistake; names the parameter.
        """
        if children is not None:
            if children not in ("one", "each"):
                raise DeclarationError(
                    f'{cls.__qualname__}: children is {children!r}; it can be "one" or "each"'
                )
            cls.children = children
        super().__init_subclass__(**options)

"""The classes from which an author derives a cmdlet."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, cast

from ..errors import DeclarationError, PsbridgeError, StopRequested
from ..session.session import current_session
from ..session.writer import RecordWriter
from ..values.text import net_text
from .declaration import ConfirmImpact, Declaration, declare

if TYPE_CHECKING:
    from ..remote.session import Session
    from ..session.sink import NetSink
    from .invocation import Invocation

__all__ = ["Children", "Cmdlet", "JobCmdlet", "TerminatingError"]

Children = Literal["one", "each"] | int


class TerminatingError(PsbridgeError):
    """What `Cmdlet.throw_terminating_error` raises; the runner makes an ErrorRecord of it."""

    def __init__(
        self,
        error: BaseException | str,
        error_id: str | None,
        category: str | None,
        target: object,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.error_id = error_id
        self.category = category
        self.target = target


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
    _invocation: Invocation | None = None
    _begun = False

    def __init_subclass__(
        cls,
        *,
        verb: str | None = None,
        noun: str | None = None,
        default_parameter_set: str | None = None,
        supports_should_process: bool = False,
        confirm_impact: ConfirmImpact = "Medium",
        output_types: Sequence[Any] = (),
        alias: Sequence[str] = (),
        uses_variables: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Read the declaration.

        Args:
            verb: the first part of the cmdlet's name, one of PowerShell's approved verbs; without
                verb and noun the class is a base for others.
            noun: the second part.
            default_parameter_set: the set that is taken where the arguments leave it open.
            supports_should_process: whether it has -WhatIf and -Confirm; then ask
                `should_process` before each change.
            confirm_impact: how much harm it may do, ``"None"``, ``"Low"``, ``"Medium"`` or
                ``"High"``; it asks where $ConfirmPreference is that or lower.
            output_types: the types of its output, Python's or the names of .NET's; Get-Command
                and completion show them.
            alias: other names for it.
            uses_variables: the names of the caller's variables that it reads, see `variables`.
            options: for further classes.

        Raises:
            DeclarationError: the declaration has a mistake; names the parameter.
        """
        super().__init_subclass__(**options)
        if (verb is None) != (noun is None):
            raise DeclarationError(f"{cls.__qualname__} needs both verb= and noun=")
        if verb is None or noun is None:
            return
        for hook in ("begin", "process", "end"):
            if inspect.iscoroutinefunction(getattr(cls, hook)) or inspect.isasyncgenfunction(
                getattr(cls, hook)
            ):
                raise DeclarationError(
                    f"{cls.__qualname__}.{hook} is async; a cmdlet's hooks cannot be"
                )
        cls.declaration = declare(
            cls,
            verb,
            noun,
            with_jobs=issubclass(cls, JobCmdlet),
            default_parameter_set=default_parameter_set,
            supports_should_process=supports_should_process,
            confirm_impact=confirm_impact,
            output_types=output_types,
            alias=alias,
            uses_variables=uses_variables,
            dynamic=cls.dynamic_parameters is not Cmdlet.dynamic_parameters,
        )

    def begin(self) -> Any:
        """Called once, before the first record; parameters from the pipeline are not set yet."""

    def process(self) -> Any:
        """Called for each record from the pipeline, or once where there is no pipeline."""

    def end(self) -> Any:
        """Called once, after the last record."""

    def stop(self) -> None:
        """Called, on another thread, when the pipeline is stopped while a hook runs.

        What it raises is logged. A hook that has not ended half a second later is
        interrupted by StopRequested.
        """

    def dispose(self) -> None:
        """Called once when the cmdlet is over, however it ended, if `begin` has been called.

        In the foreground and in a job alike: once for each time that `begin` is called, also where
        it failed. It can write nothing any more. What it raises is logged and changes nothing, as
        PowerShell has it for the Dispose of a cmdlet in C#.
        """

    def dynamic_parameters(self) -> Mapping[str, Any]:
        """Give the parameters that depend on the others' values; those are set already.

        It is called while PowerShell binds the arguments, and by completion.

        Returns:
            Annotations by attribute name, such as ``{"depth": Annotated[int, Parameter()]}``.
            The values that were given are attributes of these names in the hooks.
        """
        return {}

    def should_process(self, target: str, action: str | None = None) -> bool:
        """Ask whether to change something, as -WhatIf, -Confirm and $ConfirmPreference say.

        In a job it is True: the question was asked before the job started.

        Args:
            target: what is to be changed.
            action: what is to be done to it; the cmdlet's name by default.

        Raises:
            StopRequested: the pipeline is ending.
        """
        declaration = type(self).declaration
        if declaration is None or not declaration.supports_should_process:
            raise PsbridgeError(
                f"{type(self).__qualname__} asks should_process and is not declared with "
                "supports_should_process=True"
            )
        invocation = self._running_invocation
        if invocation.in_job:
            return True
        return self._answer(
            invocation.net.AskShouldProcess(net_text(target), action and net_text(action))
        )

    def should_continue(self, query: str, caption: str = "Confirm") -> bool:
        """Ask the user, whatever -Confirm says; skip it where your -Force is given.

        Args:
            query: the question.
            caption: what stands above it.

        Raises:
            StopRequested: the pipeline is ending.
            PsbridgeError: this is a job, which has nobody to ask.
        """
        invocation = self._running_invocation
        if invocation.in_job:
            raise PsbridgeError(f"a job has nobody to ask: {query}")
        answer = invocation.net.AskShouldContinue(net_text(query), net_text(caption))
        return self._answer(answer)

    def throw_terminating_error(
        self,
        error: BaseException | str,
        *,
        error_id: str | None = None,
        category: str | None = None,
        target: object = None,
    ) -> NoReturn:
        """End the statement with an error, as an exception that leaves a hook does.

        Args:
            error: an exception, or a text.
            error_id: the first part of FullyQualifiedErrorId; the exception's class by default.
            category: an `ErrorCategory` by name; chosen from the exception's class by default.
            target: the object that was being worked on.
        """
        raise TerminatingError(error, error_id, category, target) from (
            error if isinstance(error, BaseException) else None
        )

    @property
    def parameter_set_name(self) -> str:
        """The parameter set that PowerShell chose; ``__AllParameterSets`` where there are none."""
        return self._running_invocation.parameter_set_name

    @property
    def given(self) -> frozenset[str]:
        """The attributes of the parameters that were given, PowerShell's $PSBoundParameters.

        Those that the pipeline gives are those of the record; a property that it has not, or that
        is ``$null``, is not given, and the parameter has its default.
        """
        return self._running_invocation.given

    @property
    def pipeline_stop_token(self) -> Any:
        """A .NET CancellationToken that is cancelled when the pipeline or the job is stopped."""
        return self._running_invocation.stop_token

    @property
    def session(self) -> Session:
        """The session in whose pipeline this runs.

        It runs other commands there (`run`), which follow the caller's preferences, and has its
        variables, its jobs and its paths. Errors of what it runs are written to the caller, as by
        C#'s InvokeScript, but for those of a result whose ``errors`` somebody has looked at.

        Raises:
            PsbridgeError: there is none: a job runs outside of any pipeline, and a runspace that
                psbridge does not know has no session.
        """
        found = current_session()
        if found is None:
            where = f"{type(self).__name__} has no session here"
            if self._invocation is not None and self._invocation.in_job:
                raise PsbridgeError(
                    f"{where}: a job runs outside of any pipeline. Ask before the job starts, with "
                    "parameters or uses_variables=, or open a Session of the job's own"
                )
            raise PsbridgeError(
                f"{where}: this runspace is not one of psbridge's. In PowerShell, import the "
                "module PSBridge in it"
            )
        return cast("Session", found)

    @property
    def variables(self) -> Mapping[str, Any]:
        """The caller's variables that ``uses_variables=`` names, as they were at the call.

        None for one that is not there. In a job too.
        """
        return self._running_invocation.variables

    @property
    def _running_invocation(self) -> Invocation:
        if self._invocation is None:
            raise PsbridgeError(f"{type(self).__name__} is not running")
        return self._invocation

    def _begin(self) -> None:
        """Call `begin`."""
        self._begun = True
        self._write_outcome(self.begin())

    def _dispose(self) -> None:
        """Call `dispose`, where that is due."""
        self._sink = None
        if self._begun:
            try:
                self.dispose()
            except StopRequested:  # a job was stopped, and its grace is over
                raise
            except BaseException:
                logging.getLogger("psbridge").exception("the dispose of %r failed", self)

    def _answer(self, answer: Any) -> bool:
        if answer is None:
            raise cast("NetSink", self._open_sink).refusal()
        return bool(answer)

    def _set_parameters(self, values: Mapping[str, Any]) -> None:
        """Set the attributes: the values that were given, the class's defaults for the rest."""
        declaration = type(self).declaration
        assert declaration is not None
        for parameter in declaration.parameters:
            if parameter.attribute not in values:
                setattr(self, parameter.attribute, self._default(parameter.attribute))
        for attribute, value in values.items():  # dynamic ones, too
            setattr(self, attribute, value)

    def _default(self, attribute: str) -> Any:
        # A copy, so that a list is not shared by all calls of the cmdlet.
        return copy.copy(getattr(type(self), attribute, None))


class JobCmdlet(Cmdlet):
    """A cmdlet that runs in the foreground, or with ``-AsJob`` as a job.

    With the switch the caller gets the job object at once, and the same hooks run in child jobs
    on threads of Python's. ``-JobName`` names the job, ``-ThrottleLimit`` says how many children
    run at a time, and ``-TimeoutSeconds`` how long each may take.

    Derive with ``children="one"`` (the default) for a single child that does all records one
    after the other, as the foreground does, with ``children="each"`` for a child for each record
    that comes down the pipeline, or with a number for a child for each batch of so many.

    The job starts when all records are there. With ``stream_input=True`` it starts at once, and
    takes the records as they come.
    """

    children: ClassVar[Children] = "one"
    stream_input: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, children: Children | None = None, stream_input: bool | None = None, **options: Any
    ) -> None:
        """Read the declaration; see `Cmdlet`.

        Args:
            children: ``"one"`` child for all records, one for ``"each"``, or how many records
                make a batch.
            stream_input: whether the job starts before all records are there.
            options: for `Cmdlet`.

        Raises:
            DeclarationError: the declaration has a mistake; names the parameter.
        """
        if children is not None:
            is_number = isinstance(children, int) and not isinstance(children, bool)
            if children not in ("one", "each") and not (is_number and int(children) > 0):
                raise DeclarationError(
                    f'{cls.__qualname__}: children is {children!r}; it can be "one", "each" or how '
                    "many records make a batch"
                )
            cls.children = children
        if stream_input is not None:
            cls.stream_input = stream_input
        super().__init_subclass__(**options)

    def child_name(self) -> str | None:
        """Give the name of a child job; None lets PowerShell choose one, such as ``Job3``.

        It is called when the child is made, on an object that only has the parameters: those of
        the child's first record, or those that the caller gave where it takes the records as they
        come. A single child is found by the job's own name, ``-JobName``.
        """
        return None

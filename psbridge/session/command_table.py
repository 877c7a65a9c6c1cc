"""The commands of a session, each to be called as a Python function is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from ..arguments import check_text
from ..errors import PowerShellError
from ..terminal import without_styles
from ..values.names import fold, nearest

if TYPE_CHECKING:
    from ..values.typed import Reader
    from .command_description import CommandDescription
    from .result import Result, T
    from .session import RunspaceSession

__all__ = ["Command", "CommandTable"]


class CommandTable:
    """PowerShell's commands: cmdlets, functions, aliases, scripts and programs.

    As an attribute a name has ``_`` where PowerShell's has ``-``; as an item it is any name that
    PowerShell would find, one with a module or a path, too. Upper and lower case make no
    difference. To go through them gives what Get-Command lists, without a module being imported
    for it: scripts and programs on PATH are found, and not listed. A session whose language is
    limited raises PowerShellError.
    """

    __slots__ = ("__weakref__", "_session")

    def __init__(self, session: RunspaceSession) -> None:
        """See the commands of a session."""
        self._session = session

    def __getattr__(self, name: str) -> Command:
        if name.startswith("_"):  # what Python and its libraries ask for
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        with_dashes = name.replace("_", "-")
        given = list(dict.fromkeys((with_dashes, name, name.replace("_", "-", 1))))
        found = self._find(given)
        if found is None:
            folded = fold(name)
            listed = list(self)
            alike = [each for each in listed if fold(_attribute(each)) == folded]
            if not alike:
                near = nearest(name, filter(None, map(_attribute, listed)))
                raise AttributeError(f"PowerShell has no command {with_dashes!r}{near}", name=name)
            found = alike[0]
        return Command(self._session, found)

    def __getitem__(self, name: str) -> Command:
        check_text(name, "name")
        found = self._find([name])
        if found is None:
            raise KeyError(f"PowerShell has no command {name!r}{nearest(name, self)}")
        return Command(self._session, found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find([name]) is not None

    def __iter__(self) -> Iterator[str]:
        # A program or a script of the name of a command that is listed is another one.
        return iter(self._ask(_LIST))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *map(_attribute, self)} - {""})

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<CommandTable of {self._session!r}>"

    def _find(self, names: Sequence[str]) -> str | None:
        """The first of these that there is, as PowerShell spells it."""
        found = self._ask(_FIND, list(names))
        return str(found[0]) if found else None

    def _ask(self, script: str, *arguments: object) -> Result:
        found = self._session.run(script, *arguments)
        if not found:  # a session with limits may not be able to say it
            found.raise_for_errors()
        return found


class _Help:
    """What a command's ``__doc__`` is: of the class its own, of a command PowerShell's help."""

    def __init__(self, own: str | None) -> None:
        self._own = own

    def __get__(self, command: Command | None, owner: type) -> str | None:
        return self._own if command is None else command._get_help()


class Command:
    """A command of PowerShell's as something to call.

    ``inspect.signature`` says its parameters, and its docstring is what Get-Help says; both are
    asked for when somebody wants them.

    Attributes:
        name: its name.
    """

    __doc__ = _Help(__doc__)
    __slots__ = ("__weakref__", "_description", "_help", "_session", "name")

    def __init__(self, session: RunspaceSession, name: str) -> None:
        """See a command of a session; `CommandTable` does it.

        Args:
            session: the session.
            name: the command's name.
        """
        self.name = name
        self._session = session
        self._description: CommandDescription | None = None
        self._help: str | None = None

    def __call__(
        self,
        /,
        *arguments: object,
        select: Sequence[str] | None = None,
        first: int | None = None,
        input: Iterable[object] | None = None,
        timeout: float | None = None,
        check: bool = False,
        as_: type[T] | Reader[T] | None = None,
        parameters: Mapping[str, object] | None = None,
        **named: object,
    ) -> Result[T]:
        """Call it and wait for it; see `RunspaceSession.call`.

        Args:
            arguments: its arguments by position.
            select: the properties to keep, of each object.
            first: how many objects are wanted.
            input: what it gets from the pipeline.
            timeout: how many seconds it may take.
            check: whether errors that do not end it raise, too.
            as_: the type that each value of the output is made into.
            parameters: its parameters that have a name of this call's own.
            named: the others.

        Raises:
            Exception: what `call` raises.
        """
        return self._session.call(
            self.name,
            *arguments,
            select=select,
            first=first,
            input=input,
            timeout=timeout,
            check=check,
            as_=as_,
            parameters=parameters,
            **named,
        )

    @property
    def __name__(self) -> str:
        return self.name

    def __getattr__(self, name: str) -> Any:
        if name != "__signature__" or (command := self._describe()) is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        from .command_signature import signature_of

        return signature_of(command)

    def __repr__(self) -> str:
        return f"<Command {self.name}>"

    def _describe(self) -> CommandDescription | None:
        """What PowerShell knows of it; None where it is not there any more."""
        if self._description is None:
            from .command_description import describe

            (self._description,) = describe(self._session, [self.name])
        return self._description

    def _get_help(self) -> str | None:
        if self._help is None:
            if (command := self._describe()) is None:
                return None
            if command.kind == "Application" or not command.sets:
                self._help = f"{command.target}: a program, of which PowerShell has no help."
            else:
                try:
                    shown = self._session.text(_HELP, command.target, width=_HELP_WIDTH)
                except PowerShellError:
                    return None
                self._help = without_styles(shown).strip()
        return self._help


def _attribute(name: str) -> str:
    """A command's name as an attribute; empty where it can be none."""
    name = name.replace("-", "_")
    return name if name.isidentifier() and not iskeyword(name) and name[0] != "_" else ""


# Each in a scope of its own: what code of `run` defines stays in the session.
# GetCommand takes no wildcards and finds what calling the name would find.
_FIND = r"""
& {
    foreach ($name in $args[0]) {
        $found = $ExecutionContext.InvokeCommand.GetCommand($name, 'All')
        if ($null -ne $found) {
            # With a module's name or a path it is another one than by its name alone.
            if ($name -match '[/\\]') { $name } else { $found.Name }
            break
        }
    }
} $args[0]
"""
_LIST = r"& { foreach ($found in Microsoft.PowerShell.Core\Get-Command) { $found.Name } }"
_HELP = "Microsoft.PowerShell.Core\\Get-Help -Name $args[0]"
_HELP_WIDTH = 120

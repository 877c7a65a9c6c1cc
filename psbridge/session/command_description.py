"""What PowerShell knows of commands: their kinds, parameters and parameter sets, as plain data.

PowerShell code gathers it and gives flat rows of texts and numbers. So it works in a session on
another machine, too, where a CommandInfo would come as a copy with its parameters cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .session import RunspaceSession

__all__ = [
    "COMMON_PARAMETERS",
    "NO_DEFAULT",
    "CommandDescription",
    "CommandParameter",
    "ParameterSet",
    "ParameterUse",
    "describe",
]

# The default of a parameter that has none, or one that nobody can tell.
NO_DEFAULT = ...


@dataclass(frozen=True)
class CommandParameter:
    """A parameter of a command.

    Attributes:
        name: its name.
        type: the full name of its .NET type; of one item, where it takes several.
        is_list: whether it takes several.
        takes_none: whether ``$null`` is a value of it, which its type alone would not say.
        choices: the texts that it may be; empty for any.
        default: its default, where it is a constant that PowerShell tells.
        least: the least number that it may be.
        greatest: the greatest.
        help: what the command says of it by itself.
    """

    name: str
    type: str
    is_list: bool = False
    takes_none: bool = False
    choices: tuple[str, ...] = ()
    default: Any = NO_DEFAULT
    least: float | None = None
    greatest: float | None = None
    help: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it is given without a value."""
        return self.type == "System.Management.Automation.SwitchParameter"


@dataclass(frozen=True)
class ParameterUse:
    """How a parameter is used in a parameter set.

    Attributes:
        name: the parameter.
        position: where it stands without its name; None where it needs that.
        mandatory: whether it has to be given.
        from_pipeline: whether the pipeline may give it.
        takes_rest: whether it takes the arguments that are left over.
    """

    name: str
    position: int | None
    mandatory: bool
    from_pipeline: bool
    takes_rest: bool


@dataclass(frozen=True)
class ParameterSet:
    """Parameters that go together.

    Attributes:
        name: its name.
        is_default: whether it is taken where the arguments leave it open.
        uses: its parameters: those with positions in their order, then the others by name.
    """

    name: str
    is_default: bool
    uses: tuple[ParameterUse, ...]


@dataclass(frozen=True)
class CommandDescription:
    """A command.

    Attributes:
        name: its name as PowerShell spells it.
        kind: such as ``"Cmdlet"``, ``"Function"``, ``"Alias"`` or ``"Application"``.
        target: what an alias stands for, else the name; a program's path.
        module: the module that it is of, or nothing.
        is_advanced: whether it has the common parameters, and refuses what it does not declare.
        parameters: by name, without the common ones.
        sets: its parameter sets, the default first; none where nobody can tell, as of a program.
    """

    name: str
    kind: str
    target: str
    module: str
    is_advanced: bool
    parameters: dict[str, CommandParameter] = field(default_factory=dict)
    sets: tuple[ParameterSet, ...] = ()

    @property
    def default_set(self) -> ParameterSet | None:
        """The set that is taken where the arguments leave it open; None where there is none."""
        if self.sets and (self.sets[0].is_default or len(self.sets) == 1):
            return self.sets[0]
        return None

    def is_mandatory(self, name: str) -> bool:
        """Whether a parameter is mandatory in each parameter set."""
        return bool(self.sets) and all(
            any(use.name == name and use.mandatory for use in each.uses) for each in self.sets
        )


def describe(session: RunspaceSession, names: Sequence[str]) -> list[CommandDescription | None]:
    """Describe commands, whose modules are imported for it; None for each that is not there."""
    found = _made(session.run(_GATHER, list(names), COMMON_PARAMETERS))
    return [found.get(index) for index in range(len(names))]


def _made(rows: Sequence[Sequence[Any]]) -> dict[int, CommandDescription]:
    """The descriptions that rows say, by the index of the name that was asked for."""
    found: dict[int, CommandDescription] = {}
    for index, (_, command), *rest in _commands(rows):
        _, name, kind, target, module, is_advanced = command
        parameters: dict[str, CommandParameter] = {}
        sets: dict[str, tuple[bool, list[ParameterUse]]] = {}
        for _, (what, *values) in rest:
            if what == "parameter":
                parameters[values[0]] = _parameter(values)
            else:
                set_name, is_default, *values = values
                _, uses = sets.setdefault(set_name, (is_default, []))
                if values:
                    uses.append(_use(values))
        found[index] = CommandDescription(
            name,
            kind,
            target,
            module,
            is_advanced,
            dict(sorted(parameters.items(), key=lambda item: item[0].casefold())),
            _sorted(sets),
        )
    return found


def _commands(rows: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """The rows of one command after another, each with the index and the row's values."""
    several: list[Any] = []
    for row in rows:
        index, what = row[0], row[1]
        if what == "command" and several:
            yield several[0][0], *several
            several = []
        several.append((index, row[1:]))
    if several:
        yield several[0][0], *several


def _parameter(values: Sequence[Any]) -> CommandParameter:
    name, kind, is_list, takes_none, choices, least, greatest, says, has_default, default = values
    return CommandParameter(
        name,
        kind,
        is_list,
        takes_none,
        tuple(choices.split("\n")) if choices else (),
        default if has_default else NO_DEFAULT,
        least,
        greatest,
        says,
    )


def _use(values: Sequence[Any]) -> ParameterUse:
    name, position, mandatory, from_pipeline, takes_rest = values
    place = position if position >= 0 else None
    return ParameterUse(name, place, mandatory, from_pipeline, takes_rest)


def _sorted(sets: dict[str, tuple[bool, list[ParameterUse]]]) -> tuple[ParameterSet, ...]:
    def place(use: ParameterUse) -> tuple[bool, int, str]:
        return use.position is None, use.position or 0, use.name.casefold()

    made = [
        ParameterSet(name, is_default, tuple(sorted(uses, key=place)))
        for name, (is_default, uses) in sets.items()
    ]
    return tuple(sorted(made, key=lambda each: (not each.is_default, each.name.casefold())))


# What PowerShell gives to every cmdlet and advanced function by itself.
COMMON_PARAMETERS = (
    *("Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "ProgressAction"),
    *("ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable"),
    *("OutBuffer", "PipelineVariable"),
)

# Only the language itself and Core's commands: no module is imported but those of the commands.
_GATHER = r"""
& {
    param($names, $common)
    Microsoft.PowerShell.Core\Set-StrictMode -Off
    for ($index = 0; $index -lt $names.Count; $index++) {
        $found = $ExecutionContext.InvokeCommand.GetCommand($names[$index], 'All')
        if ($null -eq $found) { continue }
        $command = $found
        $name = $names[$index]
        for ($n = 0; $command -is [System.Management.Automation.AliasInfo] -and $n -lt 99; $n++) {
            # Not its ResolvedCommand, which imports no module.
            $name = $command.Definition
            $command = $ExecutionContext.InvokeCommand.GetCommand($name, 'All')
        }
        $pattern = [System.Management.Automation.WildcardPattern]
        if ($command.Parameters.Count -gt 0 -and
            -not $pattern::ContainsWildcardCharacters($name)) {
            # What Get-Command gives has dynamic parameters in its sets, too.
            $full = @(Microsoft.PowerShell.Core\Get-Command -Name $name -ErrorAction Ignore)[0]
            if ($full.CommandType -eq $command.CommandType) { $command = $full }
        }
        $target = switch ("$($found.CommandType)") {
            'Alias' { if ($command) { $command.Name } else { $found.Definition } }
            'Application' { $found.Source }
            default { $found.Name }
        }
        $advanced = $command -is [System.Management.Automation.CmdletInfo] -or
            [bool]$command.CmdletBinding
        , @($index, 'command', $found.Name, "$($found.CommandType)", "$target",
            "$($command.ModuleName)", $advanced)
        try { $sets = $command.ParameterSets } catch { $sets = $null }  # a type that is not there
        $defaults = @{}
        $ast = $command.ScriptBlock.Ast
        $declared = if ($ast.Parameters) { $ast.Parameters }
            elseif ($ast.Body) { $ast.Body.ParamBlock.Parameters }
            else { $ast.ParamBlock.Parameters }
        foreach ($each in $declared) {
            if ($null -ne $each.DefaultValue) {
                try {
                    $defaults[$each.Name.VariablePath.UserPath] = $each.DefaultValue.SafeGetValue()
                } catch { }  # no constant
            }
        }
        $seen = @{}
        foreach ($set in $sets) {
            , @($index, 'set', $set.Name, $set.IsDefault)
            foreach ($use in $set.Parameters) {
                if ($advanced -and $use.Name -in $common) { continue }
                , @($index, 'set', $set.Name, $set.IsDefault, $use.Name, $use.Position,
                    $use.IsMandatory,
                    ($use.ValueFromPipeline -or $use.ValueFromPipelineByPropertyName),
                    $use.ValueFromRemainingArguments)
                if ($seen.ContainsKey($use.Name)) { continue }
                $seen[$use.Name] = $true
                $type = $use.ParameterType
                $list = $nullable = $false
                if ($inner = [Nullable]::GetUnderlyingType($type)) {
                    $type = $inner
                    $nullable = $true
                }
                if ($type.IsArray) { $list = $true; $type = $type.GetElementType() }
                elseif ($type -ne [string] -and
                    [System.Collections.IEnumerable].IsAssignableFrom($type) -and
                    -not [System.Collections.IDictionary].IsAssignableFrom($type) -and
                    $type.Namespace -like 'System.Collections*') {
                    $list = $true
                    $inner = $type.GetGenericArguments()
                    $type = if ($inner.Count -eq 1) { $inner[0] } else { [object] }
                }
                if ($inner = [Nullable]::GetUnderlyingType($type)) { $type = $inner }
                $name = if ($type.IsGenericType) { $type.GetGenericTypeDefinition().FullName }
                    else { $type.FullName }
                if ([System.Collections.IDictionary].IsAssignableFrom($type)) {
                    $name = 'System.Collections.IDictionary'
                }
                $choices = ''
                if ($type.IsEnum) {
                    $name = 'System.Enum'
                    if (-not $type.IsDefined([FlagsAttribute], $false)) {
                        $choices = [Enum]::GetNames($type) -join "`n"
                    }
                }
                $least = $greatest = $null
                $says = "$($use.HelpMessage)"
                $default = $defaults[$use.Name]
                $known = $defaults.ContainsKey($use.Name)
                foreach ($attribute in $use.Attributes) {
                    switch ($attribute.GetType().Name) {
                        'ValidateSetAttribute' {
                            try { $choices = $attribute.ValidValues -join "`n" } catch { }
                        }
                        'ValidateRangeAttribute' {
                            $least = $attribute.MinRange
                            $greatest = $attribute.MaxRange
                        }
                        'AllowNullAttribute' { $nullable = $true }
                        'PSDefaultValueAttribute' { $default = $attribute.Value; $known = $true }
                    }
                }
                if ($least -isnot [ValueType]) { $least = $greatest = $null }
                if ($null -eq $default -or
                    -not ($default -is [string] -or $default.GetType().IsPrimitive)) {
                    $known = $false
                    $default = $null
                }
                , @($index, 'parameter', $use.Name, "$name", $list, $nullable, $choices,
                    $least, $greatest, $says, $known, $default)
            }
        }
    }
} $args[0] $args[1]
"""

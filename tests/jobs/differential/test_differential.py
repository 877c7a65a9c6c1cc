"""Native cmdlets on a job in Python do what they do on a job in C# and on PowerShell's own."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psbridge import Session
from psbridge.engine.compiling import SourceFile, load_compiled

from .jobs import CSharp, Parallel, Python, Remoting, Side, Spec
from .observing import observe
from .table import BAD, EVERYWHERE, FULL, NULLS, ROWS, Difference, Row

SIDES: dict[str, type[Side]] = {
    "python": Python,
    "csharp": CSharp,
    "parallel": Parallel,
    "remoting": Remoting,
}
CMDLETS = ("Get-Job", "Receive-Job", "Wait-Job", "Stop-Job", "Remove-Job", "Debug-Job")
# Start-Job starts no job of ours yet; tests/jobs/test_native_cmdlets.py runs it beside one.


class Bench:
    """The sides, and the C# that they need."""

    def __init__(self) -> None:
        self._sides = {name: side() for name, side in SIDES.items()}
        self._ours: dict[str, dict[str, Any]] = {}
        folder = Path(__file__).parent
        sources = [
            SourceFile(file.name, file.read_text(encoding="utf-8"))
            for file in sorted(folder.glob("*.cs"))
        ]
        load_compiled(sources, name="PSBridge.Differential", home=self.session.engine.home)

    @property
    def session(self) -> Session:
        """The session of the jobs in Python."""
        return self._sides["python"].session

    def observe(self, name: str, row: Row) -> dict[str, Any]:
        """What is seen of a row on a side."""
        side = self._sides[name]
        try:
            side.set_up(row.scene)
            return observe(side, row.script)
        finally:
            side.tear_down()

    def observe_ours(self, row: Row) -> dict[str, Any]:
        """What is seen of a row on a job in Python, which is the same for all references."""
        if row.id not in self._ours:
            self._ours[row.id] = self.observe("python", row)
        return copy.deepcopy(self._ours[row.id])

    def close(self) -> None:
        """Close the sessions."""
        for side in self._sides.values():
            side.session.close()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def _cases() -> Iterator[Any]:
    for row in ROWS:
        for reference in row.references:
            marks = [
                pytest.mark.xfail(reason=bug, strict=True, raises=AssertionError)
                for which, bug in row.bugs.items()
                if which == reference
            ]
            yield pytest.param(row, reference, id=f"{reference}: {row.id}", marks=marks)


@pytest.mark.parametrize(("row", "reference"), [*_cases()])
def test_ours_does_what_the_reference_does(bench: Bench, row: Row, reference: str) -> None:
    expected = bench.observe_ours(row)
    for difference in row.differs.get(reference, ()):
        before = copy.deepcopy(expected)
        difference.edit(expected)
        assert expected != before, f"nothing of this can be seen here: {difference.text}"
    for difference in EVERYWHERE[reference]:
        difference.edit(expected)
    found = bench.observe(reference, row)
    assert found.keys() == expected.keys()
    differing = [key for key in expected if expected[key] != found[key]]
    assert {key: found[key] for key in differing} == {key: expected[key] for key in differing}


@pytest.mark.parametrize(
    "difference",
    [difference for some in EVERYWHERE.values() for difference in some],
    ids=lambda difference: difference.text,
)
def test_what_differs_everywhere_does_differ(bench: Bench, difference: Difference) -> None:
    (row,) = (row for row in ROWS if row.id == difference.seen_in)
    seen = bench.observe_ours(row)
    before = copy.deepcopy(seen)
    difference.edit(seen)
    assert seen != before


def test_no_row_is_there_twice() -> None:
    assert [row for row, count in Counter(row.id for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize(
    ("spec", "script"),
    [
        (FULL, "Receive-Job -Job $job 2>&1 6>&1"),
        (FULL, "Receive-Job -Job $job -ErrorAction Stop"),
        (FULL, "$null = Receive-Job -Job $job; $job.ChildJobs[0].Output.Count"),
        (NULLS, "Receive-Job -Job $job"),
        (BAD, "Receive-Job -Job $job; Receive-Job -Job $job"),
    ],
    ids=["order", "error", "streams", "nulls", "failure"],
)
def test_ours_is_as_remoting_jobs_where_the_table_says_so(
    bench: Bench, spec: Spec, script: str
) -> None:
    row = Row((spec,), script)
    ours, theirs = (_gist(bench.observe(name, row)) for name in ("python", "remoting"))
    assert ours == theirs


def _gist(seen: dict[str, Any]) -> dict[str, Any]:
    """What a job in another process, whose objects are copies, has in common with ours."""
    jobs = [value for key, value in seen.items() if key.startswith("afterwards ")]
    return {
        "output": [_first(item) for item in seen["output"]],
        "errors": [error["error"] for error in seen["errors"]],
        "ended by": seen["ended by"] and seen["ended by"]["error"],
        "jobs": [(job["state"], job["reason"], job["more data"]) for job in jobs],
    }


def _first(item: Any) -> Any:
    while isinstance(item, dict):
        item = next(iter(item.values()))
    return item


Use = tuple[str, str, str]


def _parameter_sets(session: Session, cmdlet: str) -> dict[str, list[str]]:
    """The parameters of each parameter set, the default one first, without the common ones."""
    found = session.run(
        "param($name) $common = [System.Management.Automation.Cmdlet]::CommonParameters;"
        " foreach ($set in (Get-Command $name).ParameterSets) {"
        " , (@($set.IsDefault, $set.Name)"
        " + @($set.Parameters.Name | Where-Object { $_ -notin $common })) }",
        name=cmdlet,
    )
    found.sort(key=lambda names: not names[0])
    return {name: parameters for _, name, *parameters in found}


# Of each call of a job cmdlet in a script: its name, its named parameters, and whether a pipeline
# gives it jobs. Objects that are made in the script bind by the names of their properties.
_CALLS = """
param($script, $cmdlets)
$errors = $null
$ast = [System.Management.Automation.Language.Parser]::ParseInput($script, [ref]$null, [ref]$errors)
if ($errors) { throw $errors[0].Message }
$calls = $ast.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)
foreach ($call in $calls) {
    if ($call.GetCommandName() -notin $cmdlets) { continue }
    $names = @($call.CommandElements |
        Where-Object { $_ -is [System.Management.Automation.Language.CommandParameterAst] } |
        ForEach-Object ParameterName)
    $elements = $call.Parent.PipelineElements
    $piped = $elements.IndexOf($call) -gt 0
    $tables = $elements[0].FindAll(
        { $args[0] -is [System.Management.Automation.Language.ConvertExpressionAst] }, $true)
    if ($piped -and $tables) {
        $names += @($tables[0].Child.KeyValuePairs | ForEach-Object { $_.Item1.Value })
    }
    elseif ($piped) { $names += 'Job' }
    , (@($call.GetCommandName()) + $names)
}
"""


def _uses(session: Session, row: Row, sets: dict[str, dict[str, list[str]]]) -> set[Use]:
    """The (cmdlet, parameter set, parameter) that a row uses, as PowerShell chooses the set."""
    used: set[Use] = set()
    for cmdlet, *named in session.run(_CALLS, script=row.script, cmdlets=list(CMDLETS)):
        known = {name for parameters in sets[cmdlet].values() for name in parameters}
        names = known & {*named}
        fitting = [name for name, parameters in sets[cmdlet].items() if names <= {*parameters}]
        default = next(iter(sets[cmdlet]))
        if len(fitting) == 1 or fitting[:1] == [default]:
            used |= {(cmdlet, fitting[0], name) for name in names}
    return used


def test_every_parameter_of_every_parameter_set_is_in_the_table(bench: Bench) -> None:
    session = bench.session
    sets = {cmdlet: _parameter_sets(session, cmdlet) for cmdlet in CMDLETS}
    wanted = {
        (cmdlet, name, parameter)
        for cmdlet in CMDLETS
        for name, parameters in sets[cmdlet].items()
        for parameter in parameters
    }
    assert len(wanted) > 150
    used: set[Use] = set()
    for row in ROWS:
        used |= _uses(session, row, sets)
    assert sorted(wanted - used) == []

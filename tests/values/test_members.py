"""Members as PowerShell has them: a differential test against PowerShell's own answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from psbridge import PowerShellError, PowerShellObject, Session

# One object, or a few, of each command. A time is fixed: a property may be one of now.
SOURCES = {
    "Get-Process": "Get-Process -Id $PID",
    "Get-ChildItem": "Get-ChildItem $PSHOME/pwsh.dll, $PSHOME/Modules, $PSHOME/*.json",
    "Get-Command": "Get-Command Get-Item, Ask, gci, Get-FileHash",
    "Get-Module": "Import-Module Microsoft.PowerShell.Utility; Get-Module",
    "Get-Date": "[psobject](Get-Date 2024-02-29T01:02:03)",
    "Select-String": "'ab', 'b' | Select-String a, b -AllMatches",
    "Group-Object": "'a', 'b', 'a' | Group-Object",
    "Measure-Object": "1..5 | Measure-Object -AllStats; 'a b' | Measure-Object -Word -Line",
    "Get-Content": "Get-Item $PSHOME",
    "exceptions": "try { 1 / 0 } catch { $_; $_.Exception; $_.InvocationInfo }",
    "a deserialized object": "[System.Management.Automation.PSSerializer]::Deserialize("
        "[System.Management.Automation.PSSerializer]::Serialize((Get-Process -Id $PID)))",
}  # fmt: skip
# They change while one looks.
RESTLESS = "CPU|.*Time|.*Memory.*|.*Size.*|WS|PM|NPM|VM|Handles|HandleCount|Threads|Modules|SI"

# What PowerShell says: for each property of each object its text, as PowerShell writes it. The
# exception of a getter, which PowerShell turns into $null, is to be seen.
ASK = """
function Say($value) {
    if ($value -is [System.Collections.IDictionary]) { $value = $value.Keys | Sort-Object }
    "$value"
}
function Ask($objects, $restless) {
    $name = 'System.Management.Automation.PSPropertyInfo'
    $read = [psobject].Assembly.GetType($name).GetProperty('Value')
    foreach ($object in $objects) {
        $said = [ordered]@{}
        foreach ($property in $object.psobject.Properties) {
            if ($property.Name -notmatch "^($restless)$") {
                $said[$property.Name] = try { Say $read.GetValue($property) } catch { 'threw' }
            }
        }
        $said
    }
}
"""
SAY = "param($values) foreach ($value in $values) { Say $value }"


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        session.run(ASK)
        yield session


@pytest.mark.parametrize("source", SOURCES)
def test_every_property_is_what_powershell_says(shell: Session, source: str) -> None:
    from psbridge.values import seen_from

    shell.run(f"$global:objects = @({SOURCES[source]})")
    (said_of,) = shell.run(f", [object[]](Ask $objects '{RESTLESS}')")
    with seen_from(shell._runspace):
        objects = [PowerShellObject(value) for value in _whole(shell)]
    assert len(objects) == len(said_of) > 0
    for value, said in zip(objects, said_of, strict=True):
        assert len(said) > 0
        mine = {name: value[name] for name, text in said.items() if text != "threw"}
        texts = shell.run(SAY, values=list(mine.values()))
        threw = dict.fromkeys(said.keys() - mine.keys(), "threw")
        assert dict(zip(mine, texts, strict=True)) | threw == said
        for name in threw:
            with pytest.raises(PowerShellError):
                value[name]
        every = value.properties()
        assert set(said) <= set(every)


def _whole(shell: Session) -> list[object]:
    """The objects themselves, dates too, which come as Python's otherwise."""
    count = shell.run("$objects.Count")[0]
    variable = shell._runspace.SessionStateProxy.GetVariable("objects")
    return [variable[index] for index in range(count)]


def test_the_names_are_those_of_get_member(shell: Session) -> None:
    for script in ("Get-Process -Id $PID", "Get-Item $PSHOME", "'a' | Group-Object"):
        (found,) = shell.run(script)
        names = shell.run("param($x) ($x | Get-Member).Name", x=found)
        assert set(names) <= set(dir(found))


def test_all_default_display_properties_are_there(shell: Session) -> None:
    shown = "param($x) $x.PSStandardMembers.DefaultDisplayPropertySet.ReferencedPropertyNames"
    for script in SOURCES.values():
        for value in shell.run(script):
            if isinstance(value, PowerShellObject):
                for name in filter(None, shell.run(shown, x=value)):
                    assert hasattr(value, name)

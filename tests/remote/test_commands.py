"""The cmdlets of remote jobs: where they are, what they take, what Get-Help shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from psbridge import Session
from psbridge.remote.native import HELP_FILE

if TYPE_CHECKING:
    from ..conftest import RunPython

COMMON = {
    *("Credential", "Authentication", "Port", "UseSSL", "ConfigurationName", "ApplicationName"),
    *("ThrottleLimit", "SessionOption", "ComputerName"),
}
PARAMETERS = {
    "Invoke-WinRMCommand": COMMON
    | {"ScriptBlock", "FilePath", "AsJob", "JobName", "HideComputerName", "InputObject"}
    | {"ArgumentList"},
    "New-WinRMSession": COMMON | {"Name"},
}
# What Invoke-Command has in its sets with computer names, and cannot work here.
NOT_HERE = {
    *("CertificateThumbprint", "EnableNetworkAccess", "InDisconnectedSession", "SessionName"),
    "RemoteDebug",
}
NAMES = sorted(PARAMETERS)


def parameters_of(shell: Session, name: str) -> set[str]:
    """The parameters of a command, without the common ones."""
    found = shell.run(
        "param($name) $ignored = [Management.Automation.Cmdlet]::CommonParameters;"
        "(Get-Command $name).Parameters.Keys | Where-Object { $_ -notin $ignored }",
        name=name,
    )
    return set(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_cmdlet_has_the_documented_parameters(shell: Session, name: str) -> None:
    assert parameters_of(shell, name) == PARAMETERS[name]


def test_invoke_winrmcommand_has_all_of_invoke_commands_that_can_work(shell: Session) -> None:
    theirs = shell.run(
        "$ignored = [Management.Automation.Cmdlet]::CommonParameters;"
        "(Get-Command Invoke-Command).ParameterSets |"
        " Where-Object Name -in ComputerName, FilePathComputerName |"
        " ForEach-Object { $_.Parameters.Name } | Where-Object { $_ -notin $ignored }"
    )
    assert set(theirs) - PARAMETERS["Invoke-WinRMCommand"] == NOT_HERE


def test_only_the_two_cmdlets_are_listed(shell: Session) -> None:
    found = shell.run(
        "(Get-Command -CommandType Cmdlet).Where({"
        " $_.ImplementingType.Namespace -eq 'PSBridge.Remote' }).Name"
    )
    assert sorted(found) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_help_has_a_text_for_each_parameter(shell: Session, name: str) -> None:
    help_ = shell.run(
        "param($name) $help = Get-Help $name -Full;"
        "$help.Synopsis; ($help.description.Text -join ' ').Length;@($help.examples.example).Count;"
        "$help.parameters.parameter | ForEach-Object { $_.name + '=' + $_.description.Text }",
        name=name,
    )
    synopsis, described, examples, *parameters = help_
    assert "other machines over WinRM" in synopsis
    assert described > 100
    assert examples == 2
    texts = dict(text.split("=", 1) for text in parameters)
    assert set(texts) == PARAMETERS[name]
    assert all(len(text) > 10 for text in texts.values())


def test_the_syntax_in_the_help_file_is_that_of_the_cmdlets(shell: Session) -> None:
    root = ElementTree.parse(HELP_FILE).getroot()
    maml = "{http://schemas.microsoft.com/maml/2004/10}"
    command = "{http://schemas.microsoft.com/maml/dev/command/2004/10}"
    for item in root:
        name = item.findtext(f"{command}details/{command}name") or ""
        written = {
            frozenset(p.findtext(f"{maml}name") or "" for p in s.iter(f"{command}parameter"))
            for s in item.iter(f"{command}syntaxItem")
        }
        sets = shell.run(
            "param($name) $ignored = [Management.Automation.Cmdlet]::CommonParameters;"
            "(Get-Command $name).ParameterSets | ForEach-Object {"
            " @($_.Parameters.Name | Where-Object { $_ -notin $ignored }) -join ' ' }",
            name=name,
        )
        assert written == {frozenset(text.split()) for text in sets}


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Invoke-WinRMC", "Invoke-WinRMCommand"),
        ("Invoke-WinRMCommand -Auth", "-Authentication"),
        ("New-WinRMSession web1 -Authentication Ker", "Kerberos"),
    ],
)
def test_completion_offers_names_and_values(shell: Session, text: str, offered: str) -> None:
    found = shell.run(
        "param($text) (TabExpansion2 $text).CompletionMatches.CompletionText", text=text
    )
    assert offered in list(found)


def test_a_cmdlet_without_a_machine_is_refused(shell: Session) -> None:
    (error,) = shell.run("Invoke-WinRMCommand -ScriptBlock { 1 } -ComputerName @()").errors
    assert "ComputerName" in error.message


def test_pythons_half_is_imported_by_the_first_call(run_python: RunPython) -> None:
    code = """
import sys
import psbridge
with psbridge.Session() as shell:
    before = {"psbridge.remote.commands", "winrm", "requests"} & set(sys.modules)
    result = shell.run("New-WinRMSession 'http://u:p@nowhere'")
print(before, "psbridge.remote.commands" in sys.modules, result, len(result.errors))
"""
    done = run_python(code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "set() True [] 1\n")

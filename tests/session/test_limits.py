"""Sessions with visible commands and a limited language, and the known ways out of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psbridge import DeclarationError, JobError, PowerShellError, Session, SessionClosedError

COMMANDS = ["Get-Random", "Get-Command", "Where-Object", "New-Alias", "Measure-Object"]


@pytest.fixture(scope="module")
def limited() -> Iterator[Session]:
    with Session(visible_commands=COMMANDS, language_mode="ConstrainedLanguage") as session:
        yield session


def test_what_is_visible_works(limited: Session) -> None:
    assert limited.run("Get-Random -Maximum 1") == [0]
    assert limited.call("Get-Random", Maximum=1) == [0]
    assert limited.call("Measure-Object", input=[1, 2], select=["Count"]).one() == {"Count": 2}
    assert limited.text("6 * 7").strip() == "42"
    assert limited.show("$null")
    assert limited.run("$x = 0; foreach ($n in 1..3) { $x += $n }; $x") == [6]


@pytest.mark.parametrize("language", ["FullLanguage", "ConstrainedLanguage"])
def test_errors_are_shown_as_anywhere(shell: Session, language: Any) -> None:
    """PowerShell's view of them calls commands that are not there."""
    visible = ["Get-Item", "Write-Error", "Get-Date"]
    with Session(visible_commands=visible, language_mode=language) as limited:
        for code in (
            "Get-Item /nope; 5",
            "Get-Nope",
            "Get-Item -Foo 1",
            "Write-Error said",
            "Write-Error said -Category ReadError",
            "function f { Write-Error said }; f",
            "1 / 0",
            "$null.x()",
            "[int] 'a'",
        ):
            assert limited.text(code) == shell.text(code) != ""


@pytest.mark.parametrize(
    "way",
    [
        "{0}",
        "& {{ {0} }}",
        "function f {{ {0} }}; f",
        "filter f {{ {0} }}; 1 | f",
        "1 | Where-Object {{ {0} }}",
        "& '{0}'",
        "& (Get-Command {0})",
        "New-Alias way {0} -Force; way",
        "${{function:way}} = '{0}'; way",
        "${{function:way}} = {{ {0} }}; way",
        "trap {{ {0} }}; throw 1",
        "try {{ throw 1 }} catch {{ {0} }}",
        "({{ {0} }}).Invoke()",
        "({{ {0} }}).GetNewClosure().InvokeReturnAsIs()",
        "[scriptblock]::Create('{0}').Invoke()",
        "$ExecutionContext.InvokeCommand.InvokeScript('{0}')",
        "(Get-Command Get-Random).Module.NewBoundScriptBlock({{ {0} }})",
        "[powershell]::Create().AddCommand('{0}').Invoke()",
        "Invoke-Expression '{0}'",
        "Invoke-Command {{ {0} }}",
        "1 | ForEach-Object -Parallel {{ {0} }}",
        "Start-ThreadJob {{ {0} }} | Receive-Job -Wait",
        "Start-Job {{ {0} }} | Receive-Job -Wait",
        "$PSModuleAutoLoadingPreference = 'All'; {0}",
        "Import-Module Microsoft.PowerShell.Management; {0}",
        "Microsoft.PowerShell.Management\\{0}",
        "using module Microsoft.PowerShell.Management\n{0}",
        "#requires -Modules Microsoft.PowerShell.Management\n{0}",
        "class C {{ [object] M() {{ return {0} }} }}; [C]::new().M()",
        "$ExecutionContext.SessionState.LanguageMode = 'FullLanguage'; {0}",
        "$Host.Runspace.SessionStateProxy.LanguageMode = 'FullLanguage'; {0}",
        "Set-Item function:way {{ {0} }}; way",
        "Register-EngineEvent PowerShell.Exiting -Action {{ {0} }}",
        "data {{ {0} }}",
    ],
)
def test_no_known_way_leads_to_another_command(limited: Session, way: str) -> None:
    try:
        result = limited.run(way.format("Get-Location"))
    except PowerShellError:
        return
    assert "Get-Location" not in [getattr(value, "Name", "") for value in result]
    assert not any("Path" in str(type(value).__name__) for value in result)
    assert result.errors, list(result)


@pytest.mark.parametrize("opener", ["data { 1 }", "data x { 'a' }", "& { data { 1 } }"])
def test_nothing_that_the_engine_imports_is_visible(opener: str) -> None:
    """For a data block it imports Microsoft.PowerShell.Utility."""
    with Session(visible_commands=["Get-Date"], language_mode="ConstrainedLanguage") as limited:
        limited.run(opener)
        result = limited.run("Invoke-Expression '6 * 7'")
        assert (list(result), result.errors[0].category) == ([], "ObjectNotFound")


def test_a_script_of_a_type_runs_nowhere_else(tmp_path: Path) -> None:
    """Be it for repr(), in the work of a job, or when the session is closed."""
    out = tmp_path / "out"
    visible = ["Get-Process", "Update-TypeData"]
    with Session(visible_commands=visible, language_mode="ConstrainedLanguage") as limited:
        limited.run(
            "$way = @{ TypeName = 'System.Diagnostics.Process'; MemberType = 'ScriptProperty' }\n"
            f"Update-TypeData @way -Force -MemberName Id -Value {{ /bin/sh -c 'echo x > {out}' }}\n"
            f"Update-TypeData @way -Force -MemberName Own -Value {{ /bin/sh -c 'echo x > {out}' }}"
        )
        found = limited.run("(Get-Process)[0]").one()
        assert "Process" in repr(found)
        assert "Process" in found._repr_html_()
        for name in ("Id", "Own"):
            with pytest.raises(PowerShellError, match="Cannot find a provider"):
                getattr(found, name)
        job = limited.start(lambda: found.Own)
        with pytest.raises(JobError, match="Cannot find a provider"):
            job.result(60)
    with pytest.raises(SessionClosedError):
        print(found.Own)
    assert not out.exists()


@pytest.mark.parametrize(
    "code",
    [
        "[System.IO.File]::ReadAllText('{0}')",
        "[System.IO.StreamReader]::new('{0}').ReadToEnd()",
        "New-Object System.IO.StreamReader '{0}'",
        "${{{0}}}",
        "${{/:{0}}}",
        "Get-Content '{0}'",
        "cat '{0}'",
        "& '/bin/cat' '{0}'",
        ". '{0}'",
        "& '{0}'",
        "[scriptblock]::Create((Get-Content '{0}'))",
        "Add-Type -Path '{0}'",
        "using assembly '{0}'\n1",
    ],
)
def test_no_known_way_leads_to_a_file(limited: Session, code: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.ps1"
    file.write_text("'geheim'")
    try:
        result = limited.run(code.format(file))
    except PowerShellError:
        return
    assert "geheim" not in f"{list(result)} {result.information}"


def test_the_environment_is_no_drive(limited: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSBRIDGE_TEST_TOKEN", "geheim")
    assert limited.run("$env:PSBRIDGE_TEST_TOKEN") == [None]


def test_without_any_language_only_calls_are_left() -> None:
    with Session(visible_commands=["Get-Random"], language_mode="NoLanguage") as closed:
        assert closed.call("Get-Random", Maximum=1) == [0]
        with pytest.raises(PowerShellError, match="no-language mode"):
            closed.run("Get-Random")
        with pytest.raises(PowerShellError, match="not recognized"):
            closed.call("Get-Location")
        with pytest.raises(PowerShellError, match="not recognized"):
            closed.call("/bin/ls")


def test_a_language_alone_leaves_all_commands() -> None:
    with Session(language_mode="ConstrainedLanguage") as session:
        assert session.run("(Get-Command Get-Location).Name") == ["Get-Location"]
        assert "core types" in session.run("[IO.File]::Exists('/')").errors[0].message
        with pytest.raises(PowerShellError, match="core types"):
            session.variables["PID"]


def test_names_may_have_wildcards_and_aliases_bring_their_command() -> None:
    with Session(visible_commands=["gps", "*-Alias"]) as session:
        assert session.run("(gps -Id $PID).Id; (Get-Process -Id $PID).Id") != []
        assert len(session.run("Get-Alias")) >= 1
        assert "not recognized" in session.run("Get-Date").errors[0].message


def test_a_command_that_takes_paths_has_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with Session(
        visible_commands=["Get-Content"],
        language_mode="ConstrainedLanguage",
        working_directory=tmp_path,
    ) as session:
        assert session.run("Get-Content a.txt") == ["text"]


@pytest.mark.parametrize("mode", ["NoLanguage", "ConstrainedLanguage", "FullLanguage"])
def test_a_program_can_be_visible_alone(mode: Any) -> None:
    with Session(visible_commands=["sh"], language_mode=mode) as shell:
        assert shell.call("sh", "-c", "echo hi") == ["hi"]


def test_functions_of_modules_do_what_they_do_elsewhere(tmp_path: Path) -> None:
    module = tmp_path / "Mine.psm1"
    module.write_text(
        "function Get-Mine { [System.IO.Path]::GetFileName('/a/b') + (Get-Other) }\n"
        "function Get-Other { '!' }\n"
    )
    with Session(
        modules=[str(module)], visible_commands=["Get-Mine"], language_mode="ConstrainedLanguage"
    ) as session:
        assert session.run("Get-Mine") == ["b!"]
        assert "not recognized" in session.run("Get-Other").errors[0].message
        with pytest.raises(PowerShellError, match="names a module"):
            session.call("Mine\\Get-Other")


def test_what_is_to_be_visible_has_to_be_there() -> None:
    with pytest.raises(PowerShellError, match="no command 'Get-Nothing'"):
        Session(visible_commands=["Get-Nothing"])
    with pytest.raises(PowerShellError, match="ForEach-Object cannot be visible"):
        Session(visible_commands=["ForEach-*"])


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="language_mode is 'Some'; it can be FullLanguage"):
        Session(language_mode="Some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="execution_policy is 'None'"):
        Session(execution_policy="None")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="visible_commands is 'Get-Date'; it is a list"):
        Session(visible_commands="Get-Date")
    with pytest.raises(DeclarationError, match="variables is a list"):
        Session(variables=["geheim"])  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        Session(working_directory=tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        Session(working_directory=__file__)
    with pytest.raises(DeclarationError, match="names modules of PowerShell's"):
        Session(modules=[pytest], visible_commands=["Get-Date"])


def test_a_session_begins_with_what_it_is_given(tmp_path: Path) -> None:
    with Session(
        modules=["Microsoft.PowerShell.ThreadJob"],
        variables={"list": [1, 2], "ErrorActionPreference": "Stop"},
        working_directory=tmp_path,
        execution_policy="Bypass",
    ) as session:
        assert session.run("$list.Count; $PWD.Path") == [2, str(tmp_path)]
        assert session.run("(Get-Module Microsoft.PowerShell.ThreadJob).Name") == [
            "Microsoft.PowerShell.ThreadJob"
        ]
        with pytest.raises(PowerShellError):
            session.run("Get-Item nowhere; 'not reached'")


def test_a_session_that_cannot_be_given_something_is_closed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.psm1"
    broken.write_text("throw 'no'")
    with pytest.raises(Exception, match="no"):
        Session(modules=[str(broken)])

"""What PowerShell asks, answered by a program; and what is said to a host without a console."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from psbridge import (
    Console,
    Credential,
    DeclarationError,
    PowerShellError,
    PsbridgeError,
    Question,
    Secret,
    Session,
)

PICK = "$Host.UI.PromptForChoice('Pick', 'one', @('&Red', '&Green', 'Blue'), {default})"
PICK_ANY = (
    "$Host.UI.PromptForChoice('Pick', 'any', "
    "[System.Management.Automation.Host.ChoiceDescription[]] @('&Red', '&Green', 'Blue'), "
    "[int[]] @(2))"
)
MANDATORY = "function f([Parameter(Mandatory)] [{kind}] $Size) {{ $Size }}; f"


def only_error(shell: Session, script: str) -> str:
    with pytest.raises(PowerShellError) as caught:
        shell.run(script, check=True)
    return str(caught.value)


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("Read-Host", "a text"),
        ("Read-Host 'Your name'", 'a text, "Your name"'),
        ("Read-Host 'Word' -AsSecureString", 'a text that is not shown, "Word"'),
        ("Get-Credential -Message 'For the site'", "For the site"),
        (PICK.format(default=0), '"Pick one [Red][Green][Blue]"'),
        ("Set-Variable x 1 -Confirm", "Are you sure you want to perform this action?"),
        ("$Host.UI.RawUI.ReadKey()", "a key"),
    ],
)
def test_a_question_without_answers_is_an_error_that_says_what_was_asked(
    shell: Session, script: str, wanted: str
) -> None:
    said = only_error(shell, script)
    assert "PowerShell asks for" in said
    assert wanted in said
    assert "Session(answers=[...])" in said


def test_a_missing_parameter_without_answers_says_which_and_how_to_answer(shell: Session) -> None:
    script = MANDATORY.format(kind="int")
    collected = shell.run(script).errors[0]
    for said in (only_error(shell, script), collected.message):
        assert "missing mandatory parameters: Size" in said
        assert "Session(answers=[...])" in said
    assert collected.error_id.startswith("MissingMandatoryParameter")
    caught = f"try {{ {script} }} catch [Management.Automation.ParameterBindingException] {{ 1 }}"
    assert shell.run(caught) == [1]


@pytest.mark.parametrize(
    ("script", "answer", "value"),
    [
        ("Read-Host", "Ann", "Ann"),
        ("Read-Host 'n'", 5, "5"),
        ("Read-Host -MaskInput", "hidden", "hidden"),
        ("Read-Host -MaskInput", Secret("hidden"), "hidden"),
        ("Read-Host w -AsSecureString | ConvertFrom-SecureString -AsPlainText", "pw", "pw"),
        ("Read-Host w -AsSecureString | ConvertFrom-SecureString -AsPlainText", Secret("pw"), "pw"),
        (MANDATORY.format(kind="int"), "42", 42),
        (MANDATORY.format(kind="datetime"), "2026-01-02", "datetime"),
        (PICK.format(default=0), "Green", 1),
        (PICK.format(default=0), "g", 1),
        (PICK.format(default=0), "blue", 2),
        (PICK.format(default=0), 2, 2),
        (PICK.format(default=1), None, 1),
        ("(Get-Credential).UserName", Credential("ann", Secret("pw")), "ann"),
        (
            "(Get-Credential -UserName ann).GetNetworkCredential().Password",
            Credential("ann", Secret("pw")),
            "pw",
        ),
    ],
)
def test_an_answer_is_what_the_question_wants(
    shell: Session, script: str, answer: object, value: object
) -> None:
    with shell.answering([answer]):
        found = shell.run(script, check=True).one()
    assert (type(found).__name__ if value == "datetime" else found) == value


@pytest.mark.parametrize(
    ("answer", "places"), [(["Red", "b"], None), (["Red", 2], [0, 2]), ("g", [1]), (None, [2])]
)
def test_several_choices_may_be_answered(
    shell: Session, answer: object, places: list[int] | None
) -> None:
    with shell.answering([answer]):
        if places is None:  # "b" is no key: it is not marked as one
            assert "none of the choices" in only_error(shell, PICK_ANY)
        else:
            assert shell.run(PICK_ANY, check=True) == places


def test_a_secret_is_no_answer_to_who_asks_for_a_text(shell: Session) -> None:
    with shell.answering([Secret("hidden")]):
        said = only_error(shell, "Read-Host 'n'")
    assert "the answer is secret, and who asks takes a text" in said
    assert "hidden" not in said


def test_a_list_parameter_takes_a_list(shell: Session) -> None:
    with shell.answering([[1, 2, 3]]):
        assert shell.run(MANDATORY.format(kind="int[]"), check=True) == [1, 2, 3]


def test_answers_come_in_the_order_of_the_questions_over_several_calls() -> None:
    with Session(answers=iter(["a", "b", "c"])) as shell:
        assert shell.run("Read-Host; Read-Host") == ["a", "b"]
        assert shell.run("Read-Host") == ["c"]
        assert "there is no further answer; PowerShell asked: Name" in only_error(
            shell, "Read-Host Name"
        )


def test_a_confirmation_is_answered(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    with shell.answering(["No", "Yes"]):
        shell.run("param($path) Remove-Item $path -Confirm", path=str(file), check=True)
        assert file.exists()
        shell.run("param($path) Remove-Item $path -Confirm", path=str(file), check=True)
        assert not file.exists()


def test_a_function_is_given_all_of_the_question(shell: Session) -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Any:
        asked.append(question)
        return {"choice": "Green", "choices": [0], "text": 7}[question.kind]

    with shell.answering(answer):
        shell.run(PICK.format(default=1), check=True)
        shell.run(PICK_ANY, check=True)
        shell.run(MANDATORY.format(kind="int"), check=True)
    one, several, field = asked
    assert (one.caption, one.message, one.choices, one.defaults) == (
        "Pick",
        "one",
        ("Red", "Green", "Blue"),
        (1,),
    )
    assert (several.kind, several.defaults) == ("choices", (2,))
    assert (field.kind, field.name, field.type_name) == ("text", "Size", "System.Int32")
    assert "Supply values for the following parameters" in str(field)


def test_an_answer_may_ask_the_session_itself(shell: Session) -> None:
    with shell.answering(lambda question: shell.run("6 * 7").one()):
        assert shell.run("Read-Host") == ["42"]


def test_what_an_answer_raises_is_the_error(shell: Session) -> None:
    def answer(question: Question) -> str:
        raise LookupError(f"nobody knows {question.name}")

    for script in ("Read-Host Size", MANDATORY.format(kind="int"), "$Host.UI.ReadLine()"):
        with shell.answering(answer), pytest.raises(LookupError, match="nobody knows") as caught:
            shell.run(script, check=True)
        assert caught.value.__context__ is None
    with shell.answering(answer):
        assert shell.run('try { Read-Host Size } catch { "$_" }') == [
            "LookupError: nobody knows Size"
        ]


def test_an_answer_that_ends_the_program_ends_the_code(shell: Session) -> None:
    def answer(question: Question) -> str:
        raise SystemExit(3)

    with shell.answering(answer), pytest.raises(SystemExit):
        shell.run("try { Read-Host Size } catch { }; $went = 1")
    assert "went" not in shell.variables


@pytest.mark.parametrize(
    ("script", "answer", "said"),
    [
        (PICK.format(default=0), "Yellow", '"Yellow" is none of the choices'),
        (PICK.format(default=0), 3, '"3" is none of the choices'),
        (PICK.format(default=-1), None, '"None" is none of the choices'),
        (PICK.format(default=0), True, "and no bool"),
        (MANDATORY.format(kind="int"), "x", "The answer is no System.Int32"),
        ("Get-Credential", 5, "The answer is no System.Management.Automation.PSCredential"),
        ("Read-Host x -AsSecureString", 5, "The answer is no System.Security.SecureString"),
    ],
)
def test_a_wrong_answer_is_refused_and_not_repeated(
    shell: Session, script: str, answer: object, said: str
) -> None:
    with shell.answering([answer]):
        assert said in only_error(shell, script)


def test_a_secret_answer_is_in_no_error(shell: Session) -> None:
    with shell.answering(["geheim"]):
        assert "geheim" not in only_error(shell, MANDATORY.format(kind="version"))


async def later(question: Question) -> str:
    return "geheim"


@pytest.mark.parametrize("answers", ["geheim", b"geheim", 5, {"geheim": 1}, {"geheim"}, later])
def test_answers_that_are_none_are_refused_unseen(shell: Session, answers: Any) -> None:
    with pytest.raises(DeclarationError, match="takes a Question") as caught:
        Session(answers=answers)
    assert "geheim" not in str(caught.value)
    with pytest.raises(DeclarationError, match="takes a Question"), shell.answering(answers):
        pass


def test_the_answers_before_come_back(shell: Session) -> None:
    with shell.answering(["outer", "outer again"]):
        with shell.answering(["inner"]):
            assert shell.run("Read-Host") == ["inner"]
        assert shell.run("Read-Host") == ["outer"]
    assert "nobody to ask" in only_error(shell, "Read-Host")


def test_answers_go_before_a_console() -> None:
    with Session(console=Console(io.StringIO(), io.StringIO()), answers=["Ann"]) as shell:
        assert shell.run("Read-Host") == ["Ann"]


def shown(shell: Session, script: str) -> tuple[bool, str, str]:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        succeeded = shell.show(script)
    return succeeded, out.getvalue(), err.getvalue()


def test_show_prints_without_a_console(shell: Session) -> None:
    script = "'output'; Write-Host 'host'; Write-Warning 'careful'"
    assert shown(shell, script) == (True, "output\nhost\n", "WARNING: careful\n")


def test_show_prints_what_ended_the_code(shell: Session) -> None:
    succeeded, out, err = shown(shell, "throw 'no more'")
    assert (succeeded, out) == (False, "")
    assert "no more" in err


def test_a_run_after_a_show_prints_nothing(
    shell: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(shell, "1") == (True, "1\n", "")
    result = shell.run("Write-Host 'quiet'; 'kept' | Out-Host")
    assert capsys.readouterr() == ("", "")
    assert [str(record) for record in result.information] == ["quiet", "kept"]


def test_what_whatif_says_is_in_the_result(shell: Session, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    result = shell.call("Remove-Item", file, WhatIf=True)
    assert file.exists()
    (said,) = result.information
    assert "What if: Performing the operation" in str(said)
    assert (said.tags, said.source) == (("PSHOST",), "Host")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("Write-Host 'a'; Write-Host 'b' -NoNewline", ["a", "b"]),
        ("Write-Host 'a' -ForegroundColor Red", ["a"]),
        ("Write-Information 'a' -InformationAction Continue; Write-Information 'b'", ["a", "b"]),
        ("$Host.UI.WriteLine('a'); $Host.UI.Write('b'); $Host.UI.WriteLine()", ["a", "b", ""]),
        ("Write-Information 'a'; 'a' | Out-Host", ["a", "a"]),
        ("1..3 | Out-Host", ["1", "2", "3"]),
        ("Write-Host 'a' 6>$null", ["a"]),  # PowerShell keeps it all the same
        ("Write-Host 'a' 6>&1 | Out-Null", []),
    ],
)
def test_what_is_said_to_the_host_is_in_the_result_once(
    shell: Session, script: str, said: list[str]
) -> None:
    result = shell.run(script)
    assert [str(record) for record in result.information] == said


def test_what_is_said_while_a_stream_runs_is_in_its_result(shell: Session) -> None:
    values = shell.stream("'a' | Out-Host; 1; 'b' | Out-Host; 2")
    assert list(values) == [1, 2]
    assert [str(record) for record in values.result.information] == ["a", "b"]


def test_what_a_nested_run_says_is_in_its_own_result(shell: Session) -> None:
    inner: list[str] = []

    def answer(question: Question) -> str:
        inner.extend(str(record) for record in shell.run("'in' | Out-Host").information)
        return "x"

    with shell.answering(answer):
        outer = shell.run("'before' | Out-Host; $null = Read-Host; 'after' | Out-Host")
    assert inner == ["in"]
    assert [str(record) for record in outer.information] == ["before", "after"]


def test_a_session_with_another_host_answers_nothing_itself(shell: Session) -> None:
    host, shell._host = shell._host, None  # as in a PowerShell that psbridge has not started
    try:
        with pytest.raises(PsbridgeError, match="not psbridge's"), shell.answering(["x"]):
            pass
    finally:
        shell._host = host

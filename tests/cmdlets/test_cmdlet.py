"""Cmdlets written in Python, as PowerShell users meet them."""

import contextlib
import enum
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from psbridge import (
    Cmdlet,
    DeclarationError,
    Parameter,
    PowerShellError,
    Session,
    SessionClosedError,
)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Everything(Cmdlet, verb="Test", noun="Everything"):
    text: Annotated[str, Parameter(position=0, alias=["T"], help='Say "it" \\ ü\n😀')] = "none"
    number: int = 1
    real: float | None = None
    switch: bool = False
    files: list[Path] = []  # noqa: RUF012
    table: dict[str, Any] | None = None
    colour: Colour = Colour.RED
    how: Literal["Fast", "slow"] = "slow"
    anything: object = None
    rest: Annotated[list[str] | None, Parameter(from_remaining_arguments=True)] = None

    def process(self) -> object:
        return repr(
            [self.text, self.number, self.real, self.switch, self.files, self.table, self.colour,
             self.how, self.anything, self.rest]
        )  # fmt: skip


class Echo(Cmdlet, verb="Test", noun="Echo"):
    value: Annotated[object, Parameter(from_pipeline=True)] = "default"
    length: Annotated[int, Parameter(from_pipeline_by_property_name=True)] = -1

    def begin(self) -> Iterator[object]:
        self.seen = 0
        yield "begin"

    def process(self) -> Iterator[object]:
        self.seen += 1
        if self.value == "bad":
            raise ValueError("bad value")
        if self.value == "warn":
            self.write_warning("careful")
            self.write_verbose("details")
            self.write_error(FileNotFoundError("gone"), target="x")
        yield self.value

    def end(self) -> str:
        return f"end {self.seen}"


@pytest.fixture
def shell_with(shell: Session) -> Session:
    shell.import_cmdlets(Everything, Echo)
    return shell


def test_it_is_a_cmdlet_of_a_module(shell_with: Session) -> None:
    script = "Get-Command Test-Echo | % { [string]$_.CommandType; $_.ModuleName; $_.Noun }"
    assert shell_with.run(script) == ["Cmdlet", "test_cmdlet", "Echo"]


def test_defaults_are_the_class_s(shell_with: Session) -> None:
    expected = ["none", 1, None, False, [], None, Colour.RED, "slow", None, None]
    assert shell_with.run("Test-Everything") == [repr(expected)]


def test_arguments_arrive_as_the_declared_types(shell_with: Session) -> None:
    script = (
        "Test-Everything -T hello -Number '12' -Real 2 -Switch -Files a, b -Table @{k=1} "
        "-Colour blue -How FAST -Anything (1,2) x y"
    )
    expected = [
        "hello", 12, 2.0, True, [Path.cwd() / "a", Path.cwd() / "b"], {"k": 1}, Colour.BLUE,
        "Fast", [1, 2], ["x", "y"],
    ]  # fmt: skip
    assert shell_with.run(script) == [repr(expected)]


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("Test-Everything -Number twelve", "CannotConvertArgumentNoMessage"),
        ("Test-Everything -How medium", "ParameterArgumentValidationError"),
        ("Test-Everything -Colour green", "ParameterArgumentValidationError"),
    ],
)
def test_powershell_refuses_wrong_arguments(
    shell_with: Session, script: str, error_id: str
) -> None:
    (error,) = shell_with.run(script).errors
    assert error.error_id.startswith(error_id)


def test_the_hooks_run_once_for_each_record(shell_with: Session) -> None:
    assert shell_with.run("1, 'a' | Test-Echo") == ["begin", 1, "a", "end 2"]
    assert shell_with.run("Test-Echo") == ["begin", "default", "end 1"]


def test_a_parameter_takes_a_property_of_the_record(shell_with: Session) -> None:
    class Size(Cmdlet, verb="Test", noun="Size"):
        length: Annotated[int, Parameter(from_pipeline_by_property_name=True)] = -1

        def process(self) -> int:
            return self.length

    shell_with.import_cmdlets(Size)
    assert shell_with.run("'abc', [pscustomobject]@{Length=7} | Test-Size") == [3, 7]


def test_streams_reach_their_readers(shell_with: Session) -> None:
    result = shell_with.run("'warn' | Test-Echo -Verbose")
    assert result == ["begin", "warn", "end 1"]
    assert [str(record) for record in result.warnings] == ["careful"]
    assert [str(record) for record in result.verbose] == ["details"]
    (error,) = result.errors
    assert error.error_id == "FileNotFoundError,PSBridge.Cmdlets.TestEchoCommand"
    assert (error.category, error.target) == ("ObjectNotFound", "x")


def test_an_exception_ends_the_statement_with_a_readable_error(shell_with: Session) -> None:
    result = shell_with.run("'bad' | Test-Echo; 'after'")
    assert result == ["begin", "after"]
    (error,) = result.errors
    assert error.message == "ValueError: bad value"
    assert error.error_id == "ValueError,PSBridge.Cmdlets.TestEchoCommand"
    assert error.category == "InvalidArgument"
    assert "in process" in error.net.Exception.PythonTraceback


def test_error_action_stop_makes_an_error_terminating(shell_with: Session) -> None:
    with pytest.raises(PowerShellError, match="gone"):
        shell_with.run("'warn' | Test-Echo -ErrorAction Stop")


def test_powershell_can_catch_it(shell_with: Session) -> None:
    script = "try { 'bad' | Test-Echo } catch { $_.Exception.PythonType; $_.Exception.Message }"
    assert shell_with.run(script) == ["begin", "ValueError", "ValueError: bad value"]


def test_a_command_behind_it_ends_an_endless_generator(shell_with: Session) -> None:
    class Endless(Cmdlet, verb="Test", noun="Endless"):
        def process(self) -> Iterator[int]:
            number = 0
            try:
                while True:
                    yield number
                    number += 1
            finally:
                closed.append(number)

    closed: list[int] = []
    shell_with.import_cmdlets(Endless)
    result = shell_with.run(
        "& { foreach ($x in 1) { Test-Endless | % { $_; if ($_ -ge 3) { break } } } }"
    )
    assert result == [0, 1, 2, 3]
    assert closed == [3]


def test_it_can_run_powershell_code_in_its_own_session(shell_with: Session) -> None:
    class Nested(Cmdlet, verb="Test", noun="Nested"):
        def process(self) -> object:
            assert self.session is not None
            return self.session.run("$x + $args[0]", 1)

    shell_with.import_cmdlets(Nested)
    assert shell_with.run("$x = 41; Test-Nested") == [[42]]


def test_two_of_one_name_are_refused(shell: Session) -> None:
    with pytest.raises(DeclarationError, match="Test-Echo is there twice"):
        shell.import_cmdlets(Echo, Echo)


def test_a_new_version_of_a_class_takes_the_place_of_the_old(shell: Session) -> None:
    def make(answer: int) -> type[Cmdlet]:
        class Answer(Cmdlet, verb="Test", noun="Answer"):
            def process(self) -> int:
                return answer

        return Answer

    shell.import_cmdlets(make(1))
    shell.import_cmdlets(make(2))
    assert shell.run("Test-Answer") == [2]


class Given(Cmdlet, verb="Test", noun="Given"):
    flag: bool = True
    text: Annotated[str | None, Parameter(from_pipeline=True)] = "default"
    items: list[str] = []  # noqa: RUF012
    host: str = "h"

    def process(self) -> object:
        self.items.append("x")
        return repr((self.flag, self.text, self.items, self.host))


def test_false_and_null_are_given_too(shell: Session) -> None:
    shell.import_cmdlets(Given)
    assert shell.run("Test-Given -Flag:$false") == [repr((False, "default", ["x"], "h"))]
    assert shell.run("$f = @{ Flag = $false; Host = 'me' }; Test-Given @f") == [
        repr((False, "default", ["x"], "me"))
    ]
    texts = shell.run("'a', $null, 'b' | Test-Given")
    assert [text.split(", ")[1] for text in texts] == ["'a'", "None", "'b'"]


def test_a_list_that_is_a_default_is_not_shared_by_calls(shell: Session) -> None:
    shell.import_cmdlets(Given)
    for _ in range(3):
        assert "['x']" in shell.run("Test-Given")[0]


def test_nothing_of_a_call_stays_behind(shell: Session) -> None:
    import gc
    import weakref

    import System
    from Python.Runtime import Finalizer

    alive: weakref.WeakSet[Cmdlet] = weakref.WeakSet()

    class Big(Cmdlet, verb="Test", noun="Big"):
        def process(self) -> None:
            alive.add(self)

    shell.import_cmdlets(Big)
    for _ in range(50):
        shell.run("Test-Big")
    for _ in range(3):
        System.GC.Collect()
        System.GC.WaitForPendingFinalizers()
        Finalizer.Instance.Collect()  # what pythonnet does by itself from time to time
        gc.collect()
    assert len(alive) <= 2


def test_a_subclass_needs_a_name_of_its_own(shell: Session) -> None:
    class Silent(Echo):
        pass

    with pytest.raises(DeclarationError, match=r"Silent has no verb= and noun= of its own"):
        shell.import_cmdlets(Silent)


class Asking(
    Cmdlet, verb="Remove", noun="Asking", supports_should_process=True, confirm_impact="High"
):
    name: str = ""

    def process(self) -> Iterator[object]:
        if self.should_process(self.name, "break"):
            yield "broken"
        if self.name == "sure":
            yield self.should_continue("really?")
        if self.name == "last":
            self.throw_terminating_error(
                "oh no", error_id="Bad", category="InvalidData", target=self.name
            )


def test_should_process_follows_what_if_and_confirm(shell: Session) -> None:
    shell.import_cmdlets(Asking)
    assert shell.run("Remove-Asking -Confirm:$false") == ["broken"]
    assert shell.run("Remove-Asking -WhatIf") == []
    assert shell.run("$ConfirmPreference = 'None'; Remove-Asking") == ["broken"]
    result = shell.run("$ConfirmPreference = 'High'; Remove-Asking")
    assert result == []
    assert "Are you sure you want to" in result.errors[0].message  # nobody is there to ask


def test_should_process_has_to_be_declared(shell: Session) -> None:
    class Sneaky(Cmdlet, verb="Test", noun="Sneaky"):
        def process(self) -> bool:
            return self.should_process("x")

    shell.import_cmdlets(Sneaky)
    assert "supports_should_process=True" in shell.run("Test-Sneaky").errors[0].message


def test_should_continue_asks_the_host(shell: Session) -> None:
    shell.import_cmdlets(Asking)
    result = shell.run("Remove-Asking -Name sure -Confirm:$false")
    assert result == ["broken"]
    assert "really?" in result.errors[0].message


def test_throw_terminating_error_says_it_all(shell: Session) -> None:
    shell.import_cmdlets(Asking)
    (error,) = shell.run("Remove-Asking -Name last -Confirm:$false").errors
    assert (error.message, error.category, error.target) == ("oh no", "InvalidData", "last")
    assert error.error_id.startswith("Bad,")
    caught = "try { Remove-Asking -Name last -Confirm:$false } catch { $_.CategoryInfo.Reason }"
    assert shell.run(caught)[0] == "broken"


def test_paths_are_where_powershell_is(shell: Session, tmp_path: Path) -> None:
    class Paths(Cmdlet, verb="Test", noun="Paths"):
        one: Path | None = None
        many: list[Path] = []  # noqa: RUF012

        def process(self) -> Iterator[object]:
            yield from [self.one, *self.many]

    shell.import_cmdlets(Paths)
    for name in ("a.txt", "b.txt", "c.md"):
        (tmp_path / name).touch()
    shell.run("param($p) $ExecutionContext.SessionState.Path.SetLocation($p)", p=str(tmp_path))
    found = shell.run("Test-Paths -One new.txt -Many *.txt, c.md, nosuch.txt")
    names = ["new.txt", "a.txt", "b.txt", "c.md", "nosuch.txt"]
    assert found == [str(tmp_path / name) for name in names]
    (error,) = shell.run("Test-Paths -One nodrive:x").errors
    assert error.error_id.startswith("DriveNotFound")


def test_a_script_block_is_a_function(shell: Session) -> None:
    class Apply(Cmdlet, verb="Test", noun="Apply"):
        how: Annotated[Callable[..., Any], Parameter(position=0)]

        def process(self) -> Iterator[object]:
            yield self.how(3, 4)
            try:
                self.how("x", "y")
            except PowerShellError as error:
                yield type(error).__name__

    shell.import_cmdlets(Apply)
    assert shell.run("Test-Apply { $args[0] - $args[1] }") == [[-1], "PowerShellError"]
    assert shell.run("$n = 5; Test-Apply { param($a, $b) $a + $n }")[0] == [8]


def test_dispose_is_called_however_it_ends(shell: Session) -> None:
    ended = []

    class Ends(Cmdlet, verb="Test", noun="Ends"):
        how: str = ""

        def process(self) -> None:
            if self.how:
                raise ValueError(self.how)

        def dispose(self) -> None:
            ended.append(self.how)

    shell.import_cmdlets(Ends)
    shell.run("Test-Ends; Test-Ends -How badly")
    assert ended == ["", "badly"]


def test_the_stop_token_is_cancelled_by_a_stop(shell: Session) -> None:
    seen: list[bool] = []

    class Waits(Cmdlet, verb="Test", noun="Waits"):
        def process(self) -> None:
            token = self.pipeline_stop_token
            began.set()
            seen.append(token.WaitHandle.WaitOne(20000))

    began = threading.Event()
    shell.import_cmdlets(Waits)

    def run() -> None:
        with contextlib.suppress(SessionClosedError):
            shell.run("Test-Waits")

    running = threading.Thread(target=run)
    running.start()
    assert began.wait(10)
    shell.close()
    running.join(10)
    assert seen == [True]


class Records(Cmdlet, verb="Test", noun="Records"):
    """Shows what it has for each record."""

    size: Annotated[int, Parameter(from_pipeline_by_property_name=True)] = -1
    name: Annotated[str, Parameter(from_pipeline_by_property_name=True)] = "none"
    value: Annotated[object, Parameter(from_pipeline=True)] = "nothing"
    seen: Annotated[list[int], Parameter()] = []  # noqa: RUF012

    def process(self) -> Iterator[Any]:
        self.seen.append(len(self.seen))
        value = self.value if isinstance(self.value, (int, str, list, type(None))) else "object"
        yield self.size, self.name, value, len(self.seen), sorted(self.given - {"seen"})


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("1, 2, 3", [(-1, "none", n, n, ["value"]) for n in (1, 2, 3)]),
        (
            "1, $null, 3",
            [(-1, "none", 1, 1, ["value"]), (-1, "none", None, 2, ["value"]),
             (-1, "none", 3, 3, ["value"])],
        ),
        (
            "[pscustomobject]@{ Size = 1; Name = 'a' }, [pscustomobject]@{ Size = 2 }, "
            "[pscustomobject]@{ Size = 3; Name = 'c' }",
            [(1, "a", "object", 1, ["name", "size", "value"]),
             (2, "none", "object", 2, ["size", "value"]),
             (3, "c", "object", 3, ["name", "size", "value"])],
        ),
        (
            "[pscustomobject]@{ Name = $null }, [pscustomobject]@{ Name = 'b' }",
            [(-1, "none", "object", 1, ["value"]), (-1, "b", "object", 2, ["name", "value"])],
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("behind", ["", " -Name fixed"])
def test_each_record_has_what_the_pipeline_brought_and_defaults_for_the_rest(
    shell: Session, records: str, expected: list[Any], behind: str
) -> None:
    shell.import_cmdlets(Records)
    if behind:
        expected = [
            (size, "fixed", value, count, sorted({*given, "name"}))
            for size, _, value, count, given in expected
        ]
    found = shell.run(f"{records} | Test-Records{behind} -Seen @()")
    assert [tuple(row) for row in found] == expected


def test_a_later_record_that_cannot_be_bound_is_an_error_and_the_rest_goes_on(
    shell: Session,
) -> None:
    class Whole(Cmdlet, verb="Test", noun="Whole"):
        number: Annotated[int, Parameter(from_pipeline=True)] = 0

        def process(self) -> int:
            return self.number

    shell.import_cmdlets(Whole)
    result = shell.run("1, 'two', 3 | Test-Whole")
    assert result == [1, 3]
    assert len(result.errors) == 1

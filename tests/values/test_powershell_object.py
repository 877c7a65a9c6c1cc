"""Objects of PowerShell's, with the members that PowerShell gives them."""

from __future__ import annotations

import copy
import pickle
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from psbridge import Cmdlet, PowerShellError, PowerShellObject, Session


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def one(shell: Session, script: str, **given: Any) -> Any:
    (found,) = shell.run(script, **given)
    assert isinstance(found, PowerShellObject)
    return found


EXTENDED = """
$v = [System.Text.StringBuilder]::new('text')
$v | Add-Member NoteProperty Note 5
$v | Add-Member NoteProperty 'With Space' 6
$v | Add-Member AliasProperty Alias Length
$v | Add-Member ScriptProperty Script { $this.Length * 2 } { $this.Length = $args[0] / 2 }
$v | Add-Member ScriptProperty Throws { throw 'no' }
$v | Add-Member ScriptMethod Times { param($n) $this.Length * $n }
$v
"""


def test_its_attributes_are_powershells_members(shell: Session) -> None:
    found = one(shell, EXTENDED)
    assert (found.Note, found.Alias, found.Script, found.Length) == (5, 4, 8, 4)
    assert (found.NOTE, found.alias, found["script"], found["with space"]) == (5, 4, 8, 6)
    assert found.Times(3) == 12
    assert found.times(2) == 8


def test_a_type_of_powershells_has_what_types_ps1xml_adds(shell: Session) -> None:
    process = one(shell, "Get-Process -Id $PID")
    assert process.CPU > 0
    assert process.Name == process.ProcessName
    file = one(shell, "Get-Item $PSHOME/pwsh.dll")
    assert (file.BaseName, file.Mode) == ("pwsh", *shell.run("param($x) $x.Mode", x=file))
    # Not in a PSObject, as what is in an array.
    (files,) = shell.run(", @([System.IO.FileInfo]'/a/b.txt')")
    assert files[0].BaseName == "b"


def test_a_type_of_the_sessions_own_is_known(shell: Session) -> None:
    make = "[System.IO.DirectoryInfo]::new('/a')"
    with Session() as other:
        other.run(
            "Update-TypeData -TypeName System.IO.DirectoryInfo -MemberType ScriptProperty "
            "-MemberName Shout -Value { $this.Name.ToUpper() }"
        )
        assert one(other, make).Shout == "A"
        (many,) = other.run(f", @({make})")
        assert many[0].shout == "A"
        assert many[0].Parent.Shout == "/"
    assert not hasattr(one(shell, make), "Shout")


def test_values_are_converted_as_run_does(shell: Session) -> None:
    process = one(shell, "Get-Process -Id $PID")
    assert process.StartTime.tzinfo is not None
    assert isinstance(process.MainModule, PowerShellObject)
    assert isinstance(process.Threads[0].Id, int)
    exception = one(shell, "[exception]::new('x')")
    assert (exception.Message, exception.Data, exception.InnerException) == ("x", {}, None)


def test_methods_have_nets_overloads(shell: Session) -> None:
    builder = one(shell, "[System.Text.StringBuilder]::new('a')")
    assert builder.Append("b").Append(5).append(True).ToString() == "ab5True"
    assert builder == builder.Insert(0, "x")
    assert str(builder) == "xab5True"
    assert "Append(char value)" in builder.Append.__doc__
    assert builder.append.__name__ == "Append"
    assert repr(builder.Append) == "<PowerShellMethod Append of System.Text.StringBuilder>"
    with pytest.raises(PowerShellError, match='"Insert" and the argument count: "1"'):
        builder.Insert(1)


def test_a_property_with_arguments(shell: Session) -> None:
    builder = one(shell, "[System.Text.StringBuilder]::new('abc')")
    assert (builder.Chars(1), builder.chars[2]) == ("b", "c")
    builder.Chars[0] = "x"
    assert str(builder) == "xbc"
    with pytest.raises(TypeError):
        builder.Append[0] = 1


def test_what_a_member_throws_is_a_powershell_error_with_the_original_inside(
    shell: Session,
) -> None:
    found = one(shell, EXTENDED)
    with pytest.raises(PowerShellError, match="no") as raised:
        found.Throws  # noqa: B018
    assert raised.value.__cause__ is not None
    assert "no" in str(raised.value.__cause__)
    with pytest.raises(PowerShellError) as raised:
        found.Insert(99, "x")
    cause: Any = raised.value.__cause__
    assert cause.GetType().Name == "ArgumentOutOfRangeException"


def test_what_can_be_set_in_powershell_can_be_set_here(shell: Session) -> None:
    found = one(shell, "$global:v = $(" + EXTENDED + "); $v")
    found.Note = {"a": 1}
    found.note = [1, 2]
    found["With Space"] = "y"
    found.Script = 6
    assert shell.run("$v.Note; $v.'With Space'; $v.Length") == [1, 2, "y", 3]
    found.Alias = "2"  # converted, as PowerShell does
    assert found.Length == 2
    with pytest.raises(PowerShellError, match="Length"):
        found.Length = "text"
    with pytest.raises(AttributeError, match=r"'MaxCapacity' .* can only be read"):
        found.MaxCapacity = 1
    with pytest.raises(AttributeError, match=r"'Append' .* is a method"):
        found.Append = 1
    with pytest.raises(
        AttributeError, match=r"no member 'Lenght'; near it: Length, .*; Add-Member"
    ):
        found.Lenght = 1
    with pytest.raises(KeyError, match="no member"):
        found["Other"] = 1
    with pytest.raises(AttributeError):
        del found.Note


def test_what_is_not_there_is_named_with_what_looks_like_it(shell: Session) -> None:
    process = one(shell, "Get-Process -Id $PID")
    with pytest.raises(AttributeError, match=r"Process has no member 'ProcesName'; near it: Proc"):
        process.ProcesName  # noqa: B018
    with pytest.raises(KeyError, match="no member 'Qqqq'"):
        process["Qqqq"]
    with pytest.raises(KeyError):
        process[""]
    assert not hasattr(process, "__array__")


def test_names_of_ours_are_ours_and_items_are_powershells(shell: Session) -> None:
    script = """
    $v = [System.Text.StringBuilder]::new()
    foreach ($name in 'net', 'properties', 'type_names', 'origin') {
        $v | Add-Member NoteProperty $name "its $name"
    }
    $v
    """
    found = one(shell, script)
    for name in ("net", "properties", "type_names", "origin"):
        assert found[name] == getattr(found, name.title()) == f"its {name}"
        assert getattr(found, name) != f"its {name}"
        with pytest.raises(AttributeError, match="own"):
            setattr(found, name, 1)
    found["net"] = 5
    assert found.NET == 5


def test_dir_and_completion_show_the_members(shell: Session) -> None:
    found = one(shell, EXTENDED)
    names = {"Note", "Script", "Alias", "Times", "Append", "Length", "Chars", "net", "properties"}
    assert names <= set(dir(found))
    assert "With Space" in found._ipython_key_completions_()


def test_its_types_and_the_bare_object(shell: Session) -> None:
    import System

    file = one(shell, "$f = [System.IO.FileInfo]'/a'; $f.pstypenames.Insert(0, 'Mine'); $f")
    assert file.type_names[:2] == ("Mine", "System.IO.FileInfo")
    assert type(file.net) is System.IO.FileInfo
    assert file.origin is None


def test_all_properties_are_a_dict_and_one_that_throws_is_named(shell: Session) -> None:
    found = one(shell, EXTENDED).properties()
    assert list(found) == shell.run(f"$({EXTENDED}).psobject.Properties.Name")
    error = found.pop("Throws")
    assert isinstance(error, PowerShellError)
    assert "no" in str(error)
    assert found == {
        "Capacity": 16, "MaxCapacity": 2**31 - 1, "Length": 4, "Note": 5, "With Space": 6,
        "Alias": 4, "Script": 8,
    }  # fmt: skip


def test_it_goes_back_as_the_very_same_object(shell: Session) -> None:
    found = one(shell, "$global:v = $(" + EXTENDED + "); $v")
    same = "[object]::ReferenceEquals({0}.psobject.BaseObject, $v); {0}.Note"
    assert shell.run("param($x) " + same.format("$x"), x=found) == [True, 5]
    assert shell.run("param($x) " + same.format("$x[0].a"), x=[{"a": found}]) == [True, 5]
    shell.variables["w"] = found
    assert shell.run("$w.Times(2)") == [8]
    assert shell.variables["w"] == found
    # A value type has what hangs on it in its PSObject only.
    entry = "[System.Collections.DictionaryEntry]::new('a', 1)"
    noted = one(shell, f"{entry} | Add-Member -PassThru NoteProperty Note 7")
    assert shell.run("param($x) $x.Note; @($x)[0].Key", x=noted) == [7, "a"]


def test_equality_and_hash_are_nets(shell: Session) -> None:
    import System

    first, second, other = shell.run("[version]'1.2'; [version]'1.2'; [version]'1.10'")
    assert first == second == first.net
    assert first != other
    assert len({first, second, other}) == 2
    assert first < other
    assert other >= second
    assert sorted([other, first]) == [first, other]
    assert first != "1.2"
    assert first != System.Version("2.0")
    with pytest.raises(TypeError):
        first < one(shell, "[System.Text.StringBuilder]::new()")  # noqa: B015
    with pytest.raises(TypeError):
        first < 1  # noqa: B015


def test_what_is_enumerable_can_be_walked_through(shell: Session) -> None:
    queue = one(shell, ", [System.Collections.Queue]@(1, [version]'1.2')")
    first, second = queue
    assert (first, str(second), len(queue), bool(queue)) == (1, "1.2", 2, True)
    empty = one(shell, ", [System.Collections.Generic.HashSet[int]]::new()")
    assert (list(empty), len(empty), bool(empty)) == ([], 0, False)
    assert sorted(one(shell, ", [System.Collections.Generic.HashSet[int]]@(3, 4)")) == [3, 4]
    table = one(shell, "$h = @{}; $h[1] = 'a'; $h[[double]1] = 'b'; $h")
    assert sorted(table) == [1, 1]
    assert (table[1], table.Count) == ("a", 2)
    lazy = one(shell, ", [System.Linq.Enumerable]::Range(1, 3)")
    assert (list(lazy), bool(lazy)) == ([1, 2, 3], True)
    file = one(shell, "[System.IO.FileInfo]'/a'")
    assert bool(file)
    for use in (iter, len, lambda value: value[0]):
        with pytest.raises(TypeError, match=r"System\.IO\.FileInfo has no"):
            use(file)


def test_what_is_walked_through_may_throw(shell: Session) -> None:
    throwing = "[System.Linq.Enumerable]::Select([int[]](1, 0), [Func[int,int]]{ 1 / $args[0] })"
    items = iter(one(shell, f", {throwing}"))
    assert next(items) == 1
    with pytest.raises(PowerShellError, match="divide by zero"):
        next(items)


def test_its_text_is_powershells(shell: Session) -> None:
    for script in (
        "[version]'1.2'",
        "[System.IO.FileInfo]'/a'",
        ", [System.Collections.Queue]@(1, 2)",
        "Get-Process -Id $PID",
        "[exception]::new('x')",
    ):
        found = one(shell, script)
        assert [str(found)] == shell.run('param($x) "$x"', x=found)
        assert f"{found:>200}" == str(found).rjust(200)
    mute = one(shell, "class Mute { [string] ToString() { throw 'no' } }; [Mute]::new()")
    assert str(mute) == "Mute"


def test_its_repr_shows_type_and_default_properties(shell: Session) -> None:
    process = one(shell, "Get-Process -Id $PID")
    assert repr(process).startswith(f"<Process Id={process.Id} ")
    assert re.search(r" CPU=\d+\.\d+ ", repr(process))  # a script of PowerShell's own
    assert repr(process).endswith(f" Name={process.Name!r}>")
    assert repr(one(shell, "[version]'1.2'")) == "<Version '1.2'>"
    assert repr(one(shell, "[exception]::new('x')")) == "<Exception 'x'>"
    assert repr(one(shell, "1..3 | Measure-Object")) == "<GenericMeasureInfo Count=3>"
    (job,) = shell.start_job("Get-Process -Id $PID").result(timeout=60)
    assert repr(job).startswith("<Deserialized.Process Id=")
    shell.run("Get-Job | Remove-Job")


def test_its_repr_is_short_never_throws_and_never_waits(shell: Session) -> None:
    shell.run("""
    class Spiteful { [string] $Long = 'x' * 10000; hidden [int] $n
        Spiteful() {
            $this | Add-Member ScriptProperty Slow { Start-Sleep 60 }
            $this | Add-Member ScriptProperty Bad { throw 'no' }
        }
    }""")
    spiteful = one(shell, "[Spiteful]::new()")
    start = time.monotonic()
    assert repr(spiteful).startswith("<Spiteful Long='xxx")
    task = one(shell, "[System.Threading.Tasks.TaskCompletionSource[int]]::new().Task")
    assert repr(task) == "<Task>"
    lazy = one(
        shell, "[System.Lazy[int]]::new([Func[int]]{ [System.Threading.Thread]::Sleep(60000); 1 })"
    )
    assert repr(lazy).startswith("<Lazy")
    assert time.monotonic() - start < 20
    assert len(repr(spiteful)) < 300


def test_its_repr_runs_no_script_of_a_session(shell: Session) -> None:
    """The session may be running what waits for the repr."""
    shell.run("""
    class Counting { [int] $Plain = 1 }
    $global:count = 0
    Update-TypeData -TypeName Counting -DefaultDisplayPropertySet Plain, Counted""")
    found = one(
        shell,
        "[Counting]::new() | Add-Member -PassThru ScriptProperty Counted { $global:count++; 1 }",
    )
    assert repr(found) == "<Counting Plain=1>"
    assert found.Counted == 1


def test_a_notebook_shows_a_table(shell: Session) -> None:
    found = one(shell, "$v = [System.Diagnostics.ProcessStartInfo]::new('<b>'); $v")
    shown = found._repr_html_()
    assert shown.startswith("<table><caption>ProcessStartInfo</caption>")
    assert "<th>FileName</th><td>&#x27;&lt;b&gt;&#x27;</td>" in shown


def test_it_stays_in_its_process(shell: Session) -> None:
    found = one(shell, "[version]'1.2'")
    for use in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"properties\(\) has its values"):
            use(found)


# Where members run


def test_a_script_of_the_session_runs_in_the_session(shell: Session) -> None:
    found = one(
        shell,
        """
    $global:factor = 3
    [System.Text.StringBuilder]::new('ab') |
        Add-Member -PassThru ScriptProperty Product { $global:factor * $this.Length }
    """,
    )
    assert found.Product == 6
    shell.run("$global:factor = 4")
    assert found.Product == 8


def test_a_member_may_call_python_while_another_thread_reads_one(shell: Session) -> None:
    """The GIL is let go of while a member runs."""

    class GetAnswer(Cmdlet, verb="Get", noun="Answer"):
        """Answer, and read a member of another object meanwhile."""

        def process(self) -> int:
            return int(file.BaseName)

    shell.import_cmdlets(GetAnswer)
    file = one(shell, "[System.IO.FileInfo]'/a/42.txt'")
    found = one(shell, "[System.Text.StringBuilder]::new() | "
                       "Add-Member -PassThru ScriptProperty Answer { Get-Answer }")  # fmt: skip
    assert [found.Answer, found.Answer] == [42, 42]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.extend([file.BaseName, found.Answer]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, answers)) == ["42"] * 16


def test_built_in_members_do_not_wait_for_a_busy_session(shell: Session) -> None:
    process = one(shell, "Get-Process -Id $PID")
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go.wait(60)

    shell.run("$null")
    job = shell.start(work)
    assert begun.wait(30)
    waiting = threading.Thread(target=shell.run, args=("Get-Job | Wait-Job",))
    waiting.start()
    try:
        assert process.CPU > 0
        assert process.Company is None
    finally:
        go.set()
        waiting.join(60)
    job.remove()


def test_it_can_be_read_after_its_session_is_closed() -> None:
    with Session() as short:
        process = one(short, "Get-Process -Id $PID")
        file = one(short, "[System.IO.FileInfo]'/a/b.txt'")
    assert process.CPU > 0
    assert (file.BaseName, file.Name) == ("b", "b.txt")
    assert repr(file).startswith("<FileInfo ")


def test_a_forked_child_is_refused(run_python: Any) -> None:
    code = """
import os, sys, warnings
warnings.filterwarnings("ignore", "This process")
from psbridge import *
shell = Session()
process, = shell.run("Get-Process -Id $PID")
method = process.Kill
pid = os.fork()
if pid == 0:
    for use in (lambda: process.Id, lambda: process.net, lambda: process["Id"],
                lambda: dir(process),
                lambda: setattr(process, "Id", 1), lambda: len(process), lambda: iter(process),
                lambda: hash(process), lambda: process == process, lambda: str(process),
                lambda: process.properties(), lambda: process.type_names, lambda: process.origin,
                lambda: bool(process), lambda: method(), lambda: PowerShellObject(1)):
        try:
            use()
        except ForkedProcessError:
            continue
        print("not refused", flush=True)
    repr(process), repr(method)
    del process, method
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_at_exit_it_still_works(run_python: Any) -> None:
    code = """
import atexit
from psbridge import *
class Late:
    def __del__(self):
        print(process.Name != "", flush=True)
shell = Session()
process, = shell.run("Get-Process -Id $PID")
atexit.register(lambda: print(process.CPU > 0, flush=True))
late = Late()
process.CPU
"""
    done = run_python(code)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["True", "True"], "")


def test_a_type_that_powershell_refuses_has_a_directory(shell: Session) -> None:
    """Its members differ by upper and lower case only; each look at one says so."""
    from System import Array, Int32, Type
    from System.Reflection import AssemblyName, FieldAttributes
    from System.Reflection.Emit import AssemblyBuilder, AssemblyBuilderAccess

    assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName("Two"), AssemblyBuilderAccess.Run)
    builder = assembly.DefineDynamicModule("Two").DefineType("Two")
    for name in ("value", "Value"):
        builder.DefineField(name, Int32, FieldAttributes.Public)
    made = builder.CreateType().GetConstructor(Array[Type]([])).Invoke(None)
    value = shell.run("param($o) , $o", o=made).one()
    assert "properties" in dir(value)
    assert repr(value) == "<Two>"
    for look in (lambda: value.value, value.properties):
        with pytest.raises(PowerShellError, match="differs only in letter casing"):
            look()

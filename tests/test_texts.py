"""Every public entry that takes text works with any text, or refuses it in our own words.

The entries are found by reflection over the public names. A new function or class that takes text
fails the first test until `CALLS` says how it is called; a new parameter of one is included by
itself.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import re
import traceback
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

import psbridge
from psbridge import (
    SSH,
    Cmdlet,
    Completion,
    Console,
    ConversionError,
    Credential,
    CustomObject,
    ErrorRecord,
    InformationRecord,
    Inventory,
    Job,
    JobExecutor,
    JobGroup,
    JobScript,
    MessageRecord,
    Parameter,
    PipelineTimeout,
    PowerShellError,
    PowerShellObject,
    PsbridgeError,
    Question,
    RemoteSession,
    Secret,
    Session,
    SessionPool,
    WinRM,
    cmdlet,
    inventory,
    reader_for,
)
from psbridge.cmdlets.function_table import FunctionTable
from psbridge.engine.homes import read_home
from psbridge.session.command_table import Command, CommandTable
from psbridge.session.variables import Variables

PACKAGE = Path(psbridge.__file__).parent


class Derived(str):
    """pythonnet takes one of these for an object that it does not know."""


TEXTS = {
    "half a pair": "a\ud800b",
    "a file's name": os.fsdecode(b"caf\xe9"),
    "NUL": "a\0b",
    "10 MB": "#" + "x" * 10_000_000,
    "from right to left": "\u202e\u05e9\u05dc\u05d5\u05dd\u202c",
    "combining": "e\u0301\u0323ね\u3099 👩‍👩‍👧",
    "derived": Derived("Derived"),
}

# ---- Finding the entries ----

SPECIAL = ("__init__", "__init_subclass__", "__call__", "__contains__",
           "__getitem__", "__setitem__", "__delitem__")  # fmt: skip
TABLES = (CommandTable, FunctionTable, Variables)
PUBLIC = [*(getattr(psbridge, name) for name in psbridge.__all__), *TABLES]
# What takes no text from users, though its annotation could mean one.
NO_TEXT = re.compile(
    r"\.carrier$"  # called by the transport
    # psbridge makes these
    r"|^(Command|JobFacts|JobStream|JobRepository|RemoteSession|Variables|Inventory)\.__init__$"
    r"|^JobRepository\.add$|^Secret\.from_secure_string$"  # objects of .NET's
    r"|^Job\.__init_subclass__$"
)


def takes_text(parameter: inspect.Parameter) -> bool:
    annotation = str(parameter.annotation)
    return "Callable" not in annotation and bool(
        re.search(r"\b(str|Path|PathLike|object|Any)\b", annotation)
    )


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each function once, but what a RemoteSession inherits: that goes another way."""
    for thing in PUBLIC:
        if inspect.isfunction(thing):
            yield thing.__name__, thing
            continue
        for name in dir(thing):
            found = inspect.getattr_static(thing, name)
            found = getattr(found, "__func__", found)
            ours = inspect.isfunction(found) and found.__module__.startswith("psbridge.")
            if ours and (name in SPECIAL or not name.startswith("_")):
                kept = thing is RemoteSession
                yield f"RemoteSession.{name}" if kept else found.__qualname__, found


ENTRIES = {
    qualified: [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if takes_text(parameter)
    ]
    for qualified, function in functions()
    if not NO_TEXT.search(qualified)
}
ENTRIES = {name: parameters for name, parameters in ENTRIES.items() if parameters}


def shaped(parameter: inspect.Parameter, text: str) -> Any:
    """The text as a parameter of this kind takes it."""
    annotation = str(parameter.annotation)
    if annotation == "Path":
        return Path(text)
    if annotation == "Sequence[tuple[str, str]]":
        return [(text, text)]
    if annotation.startswith("Mapping"):
        return {text: text}
    if annotation.startswith(("Sequence", "Iterable", "tuple", "str | Sequence")):
        return (text,)
    return text


# ---- Calling them ----


class Place:
    """What the calls need."""

    def __init__(self, shell: Session, far: RemoteSession, folder: Path) -> None:
        self.shell = shell
        self.far = far
        self.folder = folder
        self.console = Console(io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO())

    def given(self, change: Callable[[CustomObject], object]) -> None:
        """Give an object to PowerShell after a change; what has no place in one is refused."""
        item = CustomObject(a=1)
        change(item)
        repr(item), item._repr_html_().encode()
        self.shell.run("param($x) $x", x=item)

    def in_job(self, work: Callable[[Job], object]) -> None:
        """Call something in a job, where it may raise what it would there."""
        errors: list[BaseException] = []

        class Calls(Job):
            def run(self) -> None:
                try:
                    work(self)
                except Exception as error:
                    errors.append(error)

        job = self.shell.start(Calls())
        assert job.wait(60)
        job.receive()
        job.remove()
        if errors:
            raise errors[0]

    def in_cmdlet(self, work: Callable[[Cmdlet], object]) -> None:
        """Call something in a cmdlet that runs in the foreground."""
        _work[:] = [work]
        _errors.clear()
        self.shell.run("Invoke-Given -Confirm:$false")
        if _errors:
            raise _errors[0]

    def declared(self, **options: Any) -> None:
        """Declare a cmdlet and import it."""
        named = {"verb": "Get", "noun": "Thing"} | options

        class Thing(Cmdlet, **named):
            """Says it."""

            def process(self) -> str:
                return "said"

        self.shell.import_cmdlets(Thing)

    def with_parameter(self, **options: Any) -> None:
        """Declare a cmdlet with a parameter and import it."""

        class Thing(Cmdlet, verb="Get", noun="Other"):
            """Says it."""

            word: Annotated[str, Parameter(**options)] = ""

            def process(self) -> str:
                return self.word

        self.shell.import_cmdlets(Thing)
        self.shell.run("Get-Help Get-Other | Out-String; Get-Other")

    def decorated(self, name: str, **options: Any) -> None:
        @cmdlet(name, **options)
        def thing() -> None:
            """Say it."""

        self.shell.import_cmdlets(thing)

    def started(self, work: Job | JobGroup) -> None:
        job = self.shell.start(work)
        assert job.wait(60)
        (found,) = self.shell.run("param($Job) Get-Job -Id $Job.Id", Job=job.net)
        assert found.Name == job.name
        job.remove()

    def native(self, script: str, *arguments: object, **named: Any) -> None:
        # Not waited for: what it does is PowerShell's, and takes a process each time.
        job = self.shell.start_job(script, *arguments, **named)
        job.remove(force=True)

    def native_ones(self, **given: Any) -> None:
        job = self.shell.start_jobs(**{"scripts": ["1"], **given})
        job.remove(force=True)

    def described(self, script: str, *arguments: object, **named: Any) -> None:
        job = self.shell.start_jobs([JobScript(script, *arguments, **named), "1"])
        job.remove(force=True)

    def on_a_thread(self, script: str, *arguments: object, **named: Any) -> None:
        job = self.shell.start_thread_job(script, *arguments, **named)
        assert job.wait(60)
        job.remove()

    def on_threads(self, script: str, inputs: Any, **named: Any) -> None:
        job = self.shell.start_parallel(script, inputs, **named)
        assert job.wait(60)
        job.remove()

    def worked(self, executor: JobExecutor, items: Any = "a") -> None:
        with executor:
            assert list(executor.map(len, items)) == [len(item) for item in items]

    def blocked(self, message: str) -> None:
        class Blocks(Job):
            def run(self) -> None:
                self.block(message)

        job = self.shell.start(Blocks())
        while job.state != "Blocked":
            assert not job.wait(0.01)
        assert job.children[0].net.StatusMessage == message
        job.unblock()
        assert job.wait(60)
        job.remove()

    def remote(self, script: str = "1", *arguments: object, **options: Any) -> None:
        """Start on a machine that ssh never reaches."""
        target = SSH("h", executable="false")
        job = self.shell.start_remote(script, [target], *arguments, **options)
        assert job.wait(60)
        job.remove()

    def to(self, target: Any) -> None:
        """Start on a machine that has this text somewhere, and is never reached."""
        repr(target), target.location, hash(target)
        if isinstance(target, SSH) and target.executable == "false":
            job = self.shell.start_remote("1", [target])
            assert job.wait(60)
            job.remove()

    def fleet(self, path: Any) -> Inventory:
        return inventory(path)


_work: list[Callable[[Cmdlet], object]] = []
_errors: list[BaseException] = []


class InvokeGiven(Cmdlet, verb="Invoke", noun="Given", supports_should_process=True):
    """Do what a test wants."""

    def process(self) -> None:
        try:
            for work in _work:
                work(self)
        except Exception as error:
            _errors.append(error)


def written(name: str) -> Callable[..., None]:
    needed = {
        "write_error": ("error",),
        "write_information": ("message",),
        "write_progress": ("activity",),
    }

    def call(place: Place, **given: Any) -> None:
        missing = {each: "text" for each in needed.get(name, ()) if each not in given}
        place.in_job(lambda job: getattr(job, name)(**missing, **given))
        place.in_cmdlet(lambda running: getattr(running, name)(**missing, **given))

    return call


def console(name: str) -> Callable[..., None]:
    def call(place: Place, **given: Any) -> None:
        getattr(place.console, name)(*given.values())

    return call


def made(kind: type, /, **others: Any) -> Callable[..., None]:
    def call(place: Place, **given: Any) -> None:
        thing = kind(**{**others, **given})
        str(thing), repr(thing)

    return call


def spread(
    call: Callable[..., Any], name: str = "script", *, script: str = "1"
) -> Callable[..., None]:
    """Call with what its signature has as ``*arguments`` and ``**named`` after its first one."""

    def spreading(place: Place, **given: Any) -> None:
        first = given.pop(name, place.folder / "a.ps1" if name == "path" else script)
        arguments = [given.pop("arguments")] if "arguments" in given else []
        for several in ("named", "named_arguments"):
            if several in given:
                text = given.pop(several)
                given[text] = text
        call(place, first, *arguments, **given)

    return spreading


def done(call: Coroutine[Any, Any, object]) -> None:
    asyncio.run(call)


def gone_through(session: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    async def go_through() -> None:
        async for _ in session.astream(*arguments, **named):
            pass

    asyncio.run(go_through())


def table(name: str) -> Callable[..., None]:
    def call(place: Place, columns: str) -> None:
        result = place.shell.run("[pscustomobject] @{ a = 1 }")
        with pytest.raises(ConversionError):
            getattr(result, name)([columns])

    return call


def ask(place: Place, **given: Any) -> None:
    with pytest.raises(EOFError):
        place.console.ask(given["prompt"])


RECORD = {"message": "m", "error_id": "i", "category": "c", "target": None,
          "script_stack_trace": "", "net": None, "origin": None}  # fmt: skip

PROGRESS = {"activity": "a", "status": "s", "percent": 1, "seconds_remaining": None,
            "current_operation": "", "activity_id": 0, "parent_id": None, "completed": False,
            "origin": None}  # fmt: skip

JOB_PROGRESS = {"activity": "a", "status": "s", "percent": None, "current_operation": "",
            "seconds_remaining": None, "done": 0, "total": 1}  # fmt: skip

QUESTION = {"kind": "k", "caption": "c", "message": "m", "name": "n", "type_name": "t", "help": "h",
            "user": "u", "choices": (), "defaults": ()}  # fmt: skip

CALLS: dict[str, Callable[..., object]] = {
    **{f"RecordWriter.{name}": written(name) for name in (
        "write", "write_many", "write_error", "write_warning", "write_verbose", "write_debug",
        "write_information", "write_progress",
    )},
    **{f"Console.{name}": console(name) for name in (
        "write", "write_error", "write_note", "write_control", "write_indicator", "show_progress",
        "size_of",
    )},
    "Console.ask": ask,
    "Console.ask_secret": ask,
    **{f"Result.{name}": table(name) for name in ("to_pandas", "to_arrow")},
    "Result.first": lambda place, default: place.shell.run("").first(default),
    "RunspaceCalls.run": spread(lambda place, *a, **n: place.shell.run(*a, **n)),
    "RunspaceCalls.run_file":
        spread(lambda place, *a, **n: place.shell.run_file(*a, **n), "path"),
    "RunspaceCalls.call":
        spread(lambda place, *a, **n: place.shell.call(*a, **n), "command", script="Write-Output"),
    "Command.__call__":
        spread(
            lambda place, name, *a, **n: Command(place.shell, name)(*a, **n),
            "self",
            script="Write-Output",
        ),
    "CommandTable.__contains__": lambda place, name: name in place.shell.commands,
    "CommandTable.__getitem__": lambda place, name: place.shell.commands[name],
    "RunspaceCalls.stream": spread(lambda place, *a, **n: list(place.shell.stream(*a, **n))),
    "RunspaceCalls.arun": spread(lambda place, *a, **n: done(place.shell.arun(*a, **n))),
    "RunspaceCalls.acall":
        spread(lambda place, *a, **n: done(place.shell.acall(*a, **n)), "command", script="echo"),
    "RunspaceCalls.astream": spread(lambda place, *a, **n: gone_through(place.shell, a, n)),
    "RemoteSession.arun": spread(lambda place, *a, **n: done(place.far.arun(*a, **n))),
    "RemoteSession.acall":
        spread(lambda place, *a, **n: done(place.far.acall(*a, **n)), "command", script="echo"),
    "RemoteSession.astream": spread(lambda place, *a, **n: gone_through(place.far, a, n)),
    "RunspaceCalls.text": spread(lambda place, *a, **n: place.shell.text(*a, **n)),
    "RunspaceSession.show": lambda place, **given: place.shell.show(**{"script": "1", **given}),
    "RunspaceSession.show_file":
        lambda place, **given: place.shell.show_file(**{"path": place.folder / "a.ps1", **given}),
    "Completion.__init__":
        made(Completion, text="t", list_item="l", kind="k", tooltip="", start=0, length=0),
    "RunspaceSession.complete": lambda place, text: place.shell.complete(text),
    "RemoteSession.complete": lambda place, text: place.far.complete(text),
    "RunspaceSession.resolve_path": lambda place, path: place.shell.resolve_path(path),
    "Session.__init__": lambda place, **given: Session(**given).close(),
    "Reader.__call__": lambda place, **given: reader_for(str)(**{"value": "v", **given}),
    "reader_for": lambda place, kind: reader_for(kind),
    "SessionPool.__init__": lambda place, options: SessionPool(1, **{options: 1}),
    "Question.__init__": made(Question, **QUESTION),
    "JobSession.start": spread(lambda place, _, *a, **n: place.shell.start(str, *a, **n).wait(60)),
    "StartingSession.start_job": spread(Place.native),
    "StartingSession.start_jobs": Place.native_ones,
    "StartingSession.start_thread_job": spread(Place.on_a_thread),
    "StartingSession.start_parallel":
        lambda place, **given: place.on_threads(**{"script": "1", "inputs": [1], **given}),
    "JobScript.__init__": spread(Place.described),
    "JobSession.executor": lambda place, name: place.worked(place.shell.executor(1, name=name)),
    "JobExecutor.__init__": lambda place, name: place.worked(JobExecutor(place.shell, name=name)),
    "JobExecutor.map":
        lambda place, **given: place.worked(place.shell.executor(1), given.get("iterables", "a")),
    "CmdletSession.import_module": lambda place, module: place.shell.import_module(module),
    "Session.start_remote": spread(Place.remote),
    "RemoteSession.start":
        spread(lambda place, *a, **n: place.far.start(*a, **n).wait(60) and None),
    "RemoteSession.run": spread(lambda place, *a, **n: place.far.run(*a, **n)),
    "RemoteSession.run_file": spread(lambda place, *a, **n: place.far.run_file(*a, **n), "path"),
    "RemoteSession.call":
        spread(lambda place, *a, **n: place.far.call(*a, **n), "command", script="Write-Output"),
    "RemoteSession.stream": spread(lambda place, *a, **n: list(place.far.stream(*a, **n))),
    "RemoteSession.text": spread(lambda place, *a, **n: place.far.text(*a, **n)),
    "RemoteSession.show": lambda place, **given: place.far.show(**{"script": "1", **given}),
    "RemoteSession.show_file":
        lambda place, **given: place.far.show_file(**{"path": place.folder / "a.ps1", **given}),
    "RemoteSession.resolve_path": lambda place, path: place.far.resolve_path(path),
    "JobRepository.define": lambda place, name: place.shell.jobs.define(name, Job),
    "JobRepository.undefine": lambda place, name: place.shell.jobs.undefine(name),
    "JobRepository.__getitem__": lambda place, key: place.shell.jobs[key],
    "JobRepository.__contains__": lambda place, item: item in place.shell.jobs,
    "JobProgress.__init__": made(psbridge.JobProgress, **JOB_PROGRESS),
    "Timeline.__init__": made(psbridge.Timeline),
    "Timeline.save": lambda place, path: psbridge.Timeline("").save(f"{place.folder}/{path}"),
    "timeline":
        lambda place, path: psbridge.timeline(place.shell.jobs, path=f"{place.folder}/{path}"),
    "FunctionTable.__contains__": lambda place, name: name in place.shell.functions,
    "FunctionTable.__getitem__": lambda place, name: place.shell.functions[name],
    "FunctionTable.__delitem__": lambda place, name: place.shell.functions.__delitem__(name),
    "FunctionTable.__setitem__": lambda place, name: place.shell.functions.__setitem__(name, len),
    "Variables.__getitem__": lambda place, name: place.shell.variables[name],
    "Variables.__contains__": lambda place, name: name in place.shell.variables,
    "Variables.__delitem__": lambda place, name: place.shell.variables.__delitem__(name),
    "Variables.__setitem__":
        lambda place, **given: place.shell.variables.__setitem__(
            *{"name": "x", "value": 1, **given}.values()
        ),
    "Job.__init__": lambda place, **given: place.started(Job(**given)),
    "Job.block": Place.blocked,
    "FunctionJob.__init__": spread(lambda place, _, *a, **n: place.shell.start(str, *a, **n)),
    "JobGroup.__init__": lambda place, **given: place.started(JobGroup([Job()], **given)),
    "JobGroup.map":
        lambda place, **given: place.started(
            JobGroup.map(str, given.get("items", ["a"]), command=given.get("options"))
        ),
    "CustomObject.__contains__": lambda place, name: name in CustomObject(a=1),
    "CustomObject.__delitem__": lambda place, name: CustomObject(a=1).__delitem__(name),
    "CustomObject.__setitem__": lambda place, **given: place.given(lambda item: item.__setitem__(
        *{"name": "a", "value": 1, **given}.values())),
    "CustomObject.get": lambda place, **given: CustomObject(a=1).get(**{"name": "a", **given}),
    "CustomObject.pop":
        lambda place, **given: CustomObject(a=1).pop(
            *{"name": "a", "default": 1, **given}.values()
        ),
    "CustomObject.setdefault":
        lambda place, **given: place.given(
            lambda item: item.setdefault(**{"name": "b", **given})
        ),
    "CustomObject.update":
        lambda place, **given: place.given(
            lambda item: item.update(given.get("other", {}), **{given.get("named", "a"): 1})
        ),
    "PowerShellObject.__init__": made(PowerShellObject),
    "PowerShellObject.__getitem__":
        lambda place, key: place.shell.run("[version]'1.2'")[0][key],
    "PowerShellObject.__setitem__":
        lambda place, **given: place.shell.run(
            "[System.Text.StringBuilder]::new() | Add-Member -PassThru NoteProperty a 1"
        )[0].__setitem__(*{"key": "a", "value": 1, **given}.values()),
    "Cmdlet.__init_subclass__": lambda place, **given: place.declared(**given),
    "JobCmdlet.__init_subclass__": lambda place, **given: place.declared(**given),
    "Cmdlet.should_process":
        lambda place, **given: place.in_cmdlet(
            lambda running: running.should_process(**{"target": "t", **given})
        ),
    "Cmdlet.should_continue":
        lambda place, **given: place.in_cmdlet(
            lambda running: running.should_continue(**{"query": "q", **given})
        ),
    "Cmdlet.throw_terminating_error":
        lambda place, **given: place.in_cmdlet(
            lambda running: running.throw_terminating_error(**{"error": "e", **given})
        ),
    "Parameter.__init__": lambda place, **given: place.with_parameter(**given),
    "cmdlet": lambda place, **given: place.decorated(**{"name": "Get-That", **given}),
    "job_definition":
        lambda place, name: place.shell.jobs.define(name, psbridge.job_definition(name)(Job)),
    "Secret.__init__":
        lambda place, text: place.shell.run("param($x) $x.Length", x=Secret(text)),
    "Credential.__init__":
        lambda place, username: place.shell.run(
            "param($x) $x.UserName", x=Credential(username, Secret("a"))
        ),
    "SSH.__init__":
        lambda place, **given: place.to(SSH(**{"host": "h", "executable": "false", **given})),
    "WinRM.__init__": lambda place, **given: place.to(WinRM(**{"host": "h", **given})),
    "inventory": lambda place, path: place.fleet(path),
    "Inventory.__getitem__": lambda place, group: place.fleet(place.folder / "fleet.toml")[group],
    "ErrorRecord.__init__": made(ErrorRecord, **RECORD),
    "MessageRecord.__init__": made(MessageRecord, message="m"),
    "InformationRecord.__init__":
        made(InformationRecord, message="m", source="s", tags=(), time=None),
    "ProgressRecord.__init__": made(psbridge.ProgressRecord, **PROGRESS),
    "JobRecord.__init__":
        made(psbridge.JobRecord, stream="s", value=1, time=None, origin=None, job=None),
    "JobEvent.__init__": made(psbridge.JobEvent, state="s", time=None, job=None),
    "wait": lambda place, **given: psbridge.wait([], **given),
    "PowerShellError.__init__": made(PowerShellError, message="m"),
    "PipelineTimeout.__init__": made(PipelineTimeout, message="m", result=[]),
    "EngineError.__init__": made(psbridge.EngineError, cause="c"),
    "EngineNotFound.__init__": made(psbridge.EngineNotFound, looked_at=[]),
    "ForkedProcessError.__init__": made(psbridge.ForkedProcessError, message="m"),
    "JobError.__init__": made(psbridge.JobError, message="m", job=None),
    "JobFailed.__init__": made(psbridge.JobFailed, message="m", job=None),
    "WorkerError.__init__":
        made(psbridge.WorkerError, type_name="t", text="t", traceback_text="t", kinds=()),
}  # fmt: skip


def test_every_entry_that_takes_text_is_called() -> None:
    assert sorted(ENTRIES) == sorted(CALLS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, engine_home: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "a.ps1").write_text("$args")
    (folder / "fleet.toml").write_text('[groups.web]\nhosts = ["a"]\n')
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with Session(console=Console(out, io.StringIO(), interactive=False)) as shell:
        shell.import_cmdlets(InvokeGiven)
        # In place of ssh, what sshd would start: a session on another machine without one.
        ssh = folder / "ssh"
        ssh.write_text(f"#!/bin/sh\nexec {read_home(engine_home, 'x').executable} -sshs\n")
        ssh.chmod(0o700)
        with shell.connect(SSH("h", executable=ssh)) as far:
            yield Place(shell, far, folder)


def is_ours(error: Exception) -> bool:
    """Whether an exception says in our words, or in Python's own, what is wrong."""
    if isinstance(error, (PsbridgeError, KeyError, OSError, ImportError)):
        return True
    (*_, last) = traceback.extract_tb(error.__traceback__)
    return (
        isinstance(error, (ValueError, TypeError))
        and not isinstance(error, UnicodeError)
        and Path(last.filename).is_relative_to(PACKAGE)
    )


@pytest.mark.filterwarnings("ignore:.*is no approved verb")
@pytest.mark.parametrize("entry", sorted(ENTRIES))
def test_it_takes_any_text_or_refuses_it_clearly(entry: str, place: Place) -> None:
    for parameter in ENTRIES[entry]:
        for what, text in TEXTS.items():
            try:
                CALLS[entry](place, **{parameter.name: shaped(parameter, text)})
            except Exception as error:
                if not is_ours(error):
                    error.add_note(f"{entry}({parameter.name}={what})")
                    raise
    assert place.shell.run("'alive'") == ["alive"]

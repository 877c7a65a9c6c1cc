"""psbridge: Python in PowerShell's job system, and PowerShell's jobs in Python."""

from typing import TYPE_CHECKING, Any

from .later import names_of

if TYPE_CHECKING:
    from .cmdlets.cmdlet import Cmdlet, JobCmdlet
    from .cmdlets.credentials import Credential, Secret
    from .cmdlets.function import cmdlet
    from .cmdlets.parameter import Parameter
    from .errors import (
        CompileError,
        ConversionError,
        DeclarationError,
        EngineError,
        EngineNotFound,
        EngineStartError,
        EngineUnsupported,
        FeedError,
        ForkedProcessError,
        InventoryError,
        JobError,
        JobFailed,
        JobStopped,
        PackageError,
        PipelineTimeout,
        PowerShellError,
        PsbridgeError,
        SessionClosedError,
        StopRequested,
        WorkerError,
        WorkerLost,
    )
    from .jobs.definition import job_definition
    from .jobs.ends import DoneAndNotDone, as_completed, wait
    from .jobs.executor import JobExecutor
    from .jobs.following import JobEvent, JobRecord, JobStream
    from .jobs.group import JobGroup
    from .jobs.handle import JobHandle
    from .jobs.job import FunctionJob, Job
    from .jobs.progress import JobProgress
    from .jobs.repository import JobRepository
    from .jobs.retry import Retry
    from .jobs.script import JobScript
    from .jobs.timeline import Timeline, timeline
    from .jobs.watching import watch
    from .remote.inventory import Inventory, inventory
    from .remote.kept_session import RemoteSession
    from .remote.session import Session
    from .remote.session_pool import SessionPool
    from .remote.ssh.target import SSH
    from .remote.winrm.target import WinRM
    from .session.async_stream import AsyncPipelineStream
    from .session.command_table import Command
    from .session.completion import Completion
    from .session.console import Console
    from .session.questions import Question
    from .session.result import Result
    from .session.stream import PipelineStream
    from .session.stream_records import (
        ErrorRecord,
        InformationRecord,
        MessageRecord,
        ProgressRecord,
    )
    from .values.custom_object import CustomObject
    from .values.enum_value import EnumValue
    from .values.powershell_object import PowerShellObject
    from .values.typed import Reader, reader_for

__all__ = [
    "SSH",
    "AsyncPipelineStream",
    "Cmdlet",
    "Command",
    "CompileError",
    "Completion",
    "Console",
    "ConversionError",
    "Credential",
    "CustomObject",
    "DeclarationError",
    "DoneAndNotDone",
    "EngineError",
    "EngineNotFound",
    "EngineStartError",
    "EngineUnsupported",
    "EnumValue",
    "ErrorRecord",
    "FeedError",
    "ForkedProcessError",
    "FunctionJob",
    "InformationRecord",
    "Inventory",
    "InventoryError",
    "Job",
    "JobCmdlet",
    "JobError",
    "JobEvent",
    "JobExecutor",
    "JobFailed",
    "JobGroup",
    "JobHandle",
    "JobProgress",
    "JobRecord",
    "JobRepository",
    "JobScript",
    "JobStopped",
    "JobStream",
    "MessageRecord",
    "PackageError",
    "Parameter",
    "PipelineStream",
    "PipelineTimeout",
    "PowerShellError",
    "PowerShellObject",
    "ProgressRecord",
    "PsbridgeError",
    "Question",
    "Reader",
    "RemoteSession",
    "Result",
    "Retry",
    "Secret",
    "Session",
    "SessionClosedError",
    "SessionPool",
    "StopRequested",
    "Timeline",
    "WinRM",
    "WorkerError",
    "WorkerLost",
    "as_completed",
    "cmdlet",
    "inventory",
    "job_definition",
    "reader_for",
    "timeline",
    "wait",
    "watch",
]

__getattr__, __dir__ = names_of(
    __name__,
    {
        ".cmdlets.cmdlet": ("Cmdlet", "JobCmdlet"),
        ".cmdlets.credentials": ("Credential", "Secret"),
        ".cmdlets.function": ("cmdlet",),
        ".cmdlets.parameter": ("Parameter",),
        ".errors": (
            "CompileError",
            "ConversionError",
            "DeclarationError",
            "EngineError",
            "EngineNotFound",
            "EngineStartError",
            "EngineUnsupported",
            "FeedError",
            "ForkedProcessError",
            "InventoryError",
            "JobError",
            "JobFailed",
            "JobStopped",
            "PackageError",
            "PipelineTimeout",
            "PowerShellError",
            "PsbridgeError",
            "SessionClosedError",
            "StopRequested",
            "WorkerError",
            "WorkerLost",
        ),
        ".jobs.definition": ("job_definition",),
        ".jobs.ends": ("DoneAndNotDone", "as_completed", "wait"),
        ".jobs.executor": ("JobExecutor",),
        ".jobs.following": ("JobEvent", "JobRecord", "JobStream"),
        ".jobs.group": ("JobGroup",),
        ".jobs.handle": ("JobHandle",),
        ".jobs.job": ("FunctionJob", "Job"),
        ".jobs.progress": ("JobProgress",),
        ".jobs.repository": ("JobRepository",),
        ".jobs.retry": ("Retry",),
        ".jobs.script": ("JobScript",),
        ".jobs.timeline": ("Timeline", "timeline"),
        ".jobs.watching": ("watch",),
        ".remote.inventory": ("Inventory", "inventory"),
        ".remote.kept_session": ("RemoteSession",),
        ".remote.session": ("Session",),
        ".remote.session_pool": ("SessionPool",),
        ".remote.ssh.target": ("SSH",),
        ".remote.winrm.target": ("WinRM",),
        ".session.async_stream": ("AsyncPipelineStream",),
        ".session.command_table": ("Command",),
        ".session.completion": ("Completion",),
        ".session.console": ("Console",),
        ".session.questions": ("Question",),
        ".session.result": ("Result",),
        ".session.stream": ("PipelineStream",),
        ".session.stream_records": (
            "ErrorRecord",
            "InformationRecord",
            "MessageRecord",
            "ProgressRecord",
        ),
        ".values.custom_object": ("CustomObject",),
        ".values.enum_value": ("EnumValue",),
        ".values.powershell_object": ("PowerShellObject",),
        ".values.typed": ("Reader", "reader_for"),
    },
)


def load_ipython_extension(ipython: Any) -> None:
    """Give IPython cells of PowerShell code, ``%%pwsh``: ``%load_ext psbridge`` calls it."""
    from .notebook import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take them back, and close their session: ``%unload_ext psbridge`` calls it."""
    from .notebook import unload

    unload(ipython)

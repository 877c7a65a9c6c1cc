"""The jobs of a session: the runspace's own repository, seen from Python."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..engine.forking import check_process, is_forked_child
from ..engine.instances import is_net_of
from ..errors import DeclarationError, EngineUnsupported, SessionClosedError
from .group import JobGroup
from .handle import JobHandle
from .job import Job
from .start import make_parent, start_group

if TYPE_CHECKING:
    from ..session.session import RunspaceSession

__all__ = ["JobRepository"]


class JobRepository:
    """What Get-Job lists: iterate over it, ask for its length, or for a job by name or number."""

    def __init__(self, session: RunspaceSession, net: Any, runspace: Any) -> None:
        """See a .NET ``JobRepository`` as part of a session; `net` is that one."""
        self._session = weakref.ref(session)  # which holds this
        self.net = net
        self._runspace = runspace
        self._source: Any = None  # the PythonJobSource, once there is something for it
        self._lock = threading.Lock()
        self._added: list[Any] = []
        self._sweep_at = 32

    def start(self, work: Job | JobGroup) -> JobHandle:
        """Start a job or a group; see `Session.start`."""
        session = self._open_session
        group = _group(work)
        parent = make_parent(group)
        publish = self._job_source().Add if group.pausable else self.net.Add
        run = start_group(group, parent, owner=session, publish=publish)
        return JobHandle(parent, session, run.exceptions)

    def define(self, name: str, make: Callable[[], Job | JobGroup]) -> None:
        """Let ``Start-Job -DefinitionName`` start a job written in Python.

        Args:
            name: the definition's name; one of that name is replaced.
            make: called for each start; gives a new `Job` or `JobGroup`. A class that derives from
                `Job` does, where it needs no arguments.

        Raises:
            DeclarationError: the name is no text or empty, or `make` cannot be called.
            SessionClosedError: the session is closed.
            EngineUnsupported: this engine takes no job definitions.
        """
        session = self._open_session
        if not (isinstance(name, str) and name and callable(make)):
            raise DeclarationError(
                "a job definition has a name and something to call that gives a Job; these are "
                f"{name!r} and {make!r}"
            )
        from PSBridge import PythonPausableJob
        from System import Exception as NetException
        from System import Func

        from ..values import net_text, python_exception

        owner = weakref.ref(session)

        def begin(parent: Any) -> Any:
            # No exception may cross to .NET.
            try:
                group = _group(make())
                if group.name:
                    parent.Name = net_text(group.name)
                parent.IsPausable = group.pausable
                start_group(group, parent, owner=owner(), publish=lambda parent: None)
            except BaseException as error:
                return python_exception(error)
            return None

        start = Func[PythonPausableJob, NetException](begin)
        self._job_source().Define(net_text(name), net_text(name), start)

    def undefine(self, name: str) -> None:
        """Take a job definition back; the jobs that it has started stay.

        Raises:
            KeyError: there is none of this name.
        """
        from ..values import net_text

        check_process()
        if self._source is None or not self._source.Undefine(net_text(name)):
            raise KeyError(f"there is no job definition {name!r} in this session")

    def add(self, job: Any) -> JobHandle:
        """Put a .NET job into the repository.

        Args:
            job: a ``System.Management.Automation.Job``, such as one whose class derives from
                it through pythonnet.
        """
        session = self._open_session
        from System import ArgumentException

        from ..values.powershell_object import PowerShellObject

        if isinstance(job, PowerShellObject):
            job = job.net
        _check(job)
        _complete(job)
        try:
            self.net.Add(job)
        except ArgumentException as error:
            raise DeclarationError(f"job {job.Name} is in this session already") from error
        self._keep(job)
        return JobHandle(job, session)

    def __iter__(self) -> Iterator[JobHandle]:
        session = self._open_session
        return iter([JobHandle(net, session) for net in self._list()])

    def __len__(self) -> int:
        return len(self._list())

    def __getitem__(self, key: str | int) -> JobHandle:
        """The job with this name (not a pattern) or this number.

        Raises:
            KeyError: there is none.
        """
        for handle in self:
            if key == (handle.id if isinstance(key, int) else handle.name):
                return handle
        raise KeyError(f"there is no job {key!r} in this session")

    def __contains__(self, item: object) -> bool:
        if isinstance(item, JobHandle):
            return any(item == handle for handle in self)
        if isinstance(item, (str, int)):
            return any(item in (handle.id, handle.name) for handle in self)
        return False

    def _repr_html_(self) -> str:
        from .notebook_tables import jobs_table

        session = self._session()
        ended = session is None or session.closed
        return jobs_table([] if is_forked_child() or ended else list(self))

    def _list(self) -> list[Any]:
        # Get-Job rather than the repository: jobs of job source adapters are listed there only.
        return [job.net for job in self._open_session.run("Get-Job")]

    @property
    def _open_session(self) -> RunspaceSession:
        session = self._session()
        check_process()
        if session is None or session.closed:
            raise SessionClosedError("the session is closed")
        return session

    def _keep(self, job: Any) -> None:
        """Keep a job alive while it is in the repository.

        .NET keeps its own half of an object whose class is written in Python, but not pythonnet's
        hold on it: once no Python refers to the object, its methods find a self that is no .NET
        object any more ("invalid target").
        """
        with self._lock:
            self._added.append(job)
            if len(self._added) < self._sweep_at:
                return
            added, self._added = self._added, []
        # Rarely enough that a thousand jobs do not cost a million looks.
        there = [job for job in added if self.net.GetItem(job.InstanceId) is not None]
        with self._lock:
            self._added += there
            self._sweep_at = 32 + 2 * len(self._added)

    def _job_source(self) -> Any:
        from PSBridge import PythonJobSource

        with self._lock:
            if self._source is None:
                self._source = PythonJobSource.Register(self._runspace.JobManager)
            if self._source is None:
                raise EngineUnsupported(
                    "this PowerShell takes no job source from outside: jobs cannot be pausable "
                    "there, nor be defined"
                )
            return self._source


def _group(work: Job | JobGroup) -> JobGroup:
    if isinstance(work, JobGroup):
        return work
    if not isinstance(work, Job):
        raise DeclarationError(f"{work!r} is neither a Job nor a JobGroup")
    return JobGroup([work], name=work.name)


def _check(job: Any) -> None:
    from System.Management.Automation import Job as NetJob

    if not is_net_of(job, NetJob):
        raise DeclarationError(
            f"{job!r} is no System.Management.Automation.Job; what is written for psbridge is "
            "started with Session.start"
        )
    if job.JobStateInfo is None:
        raise DeclarationError(
            f"the .NET constructor of this {type(job).__qualname__} has not run: its __init__ has "
            "to call Job.__init__(self, command, name)"
        )


def _complete(job: Any) -> None:
    """Give a job the command and the name that the constructor without arguments leaves out.

    ``Get-Job -Command x`` fails for all jobs of the session where one has no command. There is no
    setter; on an engine without the field behind it, the job stays as it is.
    """
    from PSBridge import EngineMembers

    if job.Command is None:
        field = EngineMembers.Jobs.Command.Field
        if field is not None:
            field.SetValue(job, type(job).__name__)
    if not job.Name:
        job.Name = f"Job{job.Id}"

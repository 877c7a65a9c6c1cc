"""Python inside a PowerShell that somebody else has started: what PSBridge.psm1 calls.

The module may also be imported where Python has started PowerShell: by a script of a session, or in
a runspace that a session's code has made. Then there is less to do.

Guarantees: each runspace that imports the module has a session of its own, which closes with the
runspace; jobs are stopped before the process ends, and Python's exit handlers run.

Assumption: pythonnet, where .NET hosts it, never ends Python. When the process exits it only takes
its own types away, while threads of Python's may still use them, which aborts the process. So when
everything is stopped, it is told that it has ended already: what is left goes with the process.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from typing import Any

from ..engine.paths import path_from_net
from ..engine.starting import Engine, adopt, started
from ..errors import PsbridgeError
from ..remote.native import load_remote
from ..remote.session import Session
from ..session.opening import SessionOptions
from ..session.session import current_session
from .importing import ImportPythonCmdlet
from .streams import HostStream

__all__ = ["HostedSession", "attach"]

_lock = threading.Lock()
# Whether .NET hosts Python here, and not the other way round; None until that is known.
_hosted: bool | None = None


class HostedSession(Session):
    """The session of a runspace that is not psbridge's. It runs code in that one's pipelines.

    Its methods work where a pipeline of the runspace runs: in the hooks of cmdlets.
    """

    def _open(self, options: SessionOptions) -> tuple[Engine, Any, Any]:
        import clr

        clr.AddReference("System.Management.Automation")
        from System.Management.Automation import PSObject
        from System.Management.Automation.Runspaces import Runspace

        folder = path_from_net(PSObject().GetType().Assembly.Location).parent
        return adopt(folder), None, Runspace.DefaultRunspace

    def _run_alone(self, fill: Any, options: Any) -> Any:
        raise PsbridgeError(
            "this session belongs to a PowerShell that psbridge has not started, and runs code "
            "only where a pipeline of it runs: in the hooks of a cmdlet that is not a job"
        )

    def _dispose(self) -> None:
        """The runspace is its owner's."""


def attach() -> None:
    """Let the runspace of the calling thread import cmdlets written in Python.

    To be called in a pipeline of the runspace; its second call in one only imports psbridge's own
    cmdlets once more.
    """
    global _hosted
    session = current_session()
    if session is None:
        with _lock:
            if _hosted is None:
                _hosted = started() is None
                if _hosted:
                    _take_streams_and_exit()
        session = HostedSession()
        _close_with_runspace(session)
        if _hosted:
            HostStream.add_host(session)
    assert isinstance(session, Session)
    load_remote(session.engine)
    session.import_cmdlets(ImportPythonCmdlet)


def _close_with_runspace(session: HostedSession) -> None:
    from PSBridge import RunspaceEnd
    from System import Action

    def ended() -> None:
        with contextlib.suppress(Exception):  # no exception may cross to .NET
            HostStream.remove_host(session)
            session.close()

    RunspaceEnd.Follow(session._runspace, Action(ended))


def _take_streams_and_exit() -> None:
    from Python.Runtime import PythonEngine

    sys.stdout = HostStream(sys.stdout, "Write")
    sys.stderr = HostStream(sys.stderr, "WriteErrorLine")
    PythonEngine.AddShutdownHandler(PythonEngine.ShutdownHandler(_exit))


def _exit() -> None:
    """Do what the end of a Python process does; called by pythonnet when the process exits."""
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:
        if sys.__stderr__ is not None:
            print(f"psbridge: at exit: {error!r}", file=sys.__stderr__)
    import clr
    from Python.Runtime import PythonEngine
    from System.Reflection import BindingFlags

    runtime = clr.GetClrType(PythonEngine).Assembly.GetType("Python.Runtime.Runtime")
    flags = BindingFlags.NonPublic | BindingFlags.Static
    initialized = runtime.GetField("_isInitialized", flags)
    if initialized is not None:
        initialized.SetValue(None, False)

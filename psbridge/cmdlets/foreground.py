"""Writing in the foreground, where PowerShell takes records in the hooks only."""

from __future__ import annotations

import threading

from ..errors import PsbridgeError
from ..session.sink import NetSink

__all__ = ["ForegroundSink"]


class ForegroundSink(NetSink):
    """Hands records to a running ``PythonCmdlet``."""

    __slots__ = ()

    def refusal(self) -> BaseException:
        """Why .NET has not taken a record or asked a question."""
        if self.net.StopRequested or not self.net.IsOutsideHooks:
            return super().refusal()
        name = self.net.MyInvocation.MyCommand.Name
        return PsbridgeError(
            f"{name} cannot write or ask here, on thread {threading.current_thread().name!r}: in "
            "the foreground PowerShell takes that only from the thread that calls begin, process "
            "and end, while one of them runs. Put what other threads find into a queue.Queue and "
            "write it from the hook. In a job (-AsJob) any thread may write"
        )

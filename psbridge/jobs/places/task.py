"""The work of a job in a process of an executor's. Nothing that runs there needs .NET."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested
from ..stopping import Stop
from .authenticated import connect
from .file_modules import FileModules
from .messages import STOP, Sender
from .worker import do_work

if TYPE_CHECKING:
    from ..job import Job

__all__ = ["WorkerTask"]


class WorkerTask:
    """What an executor runs in a worker process: it connects back and does a job's work.

    Its repr says nothing of the key. The modules come first, for the job's class may be in one.
    """

    def __init__(
        self, _: FileModules, job: Job, address: tuple[str, int], key: bytes, number: int
    ) -> None:
        self._order = (job, address, key, number)

    def __reduce__(self) -> tuple[Any, ...]:
        return WorkerTask, (FileModules(), *self._order)

    def __call__(self) -> None:
        """Do the work.

        Raises:
            ConnectionError: the process in which PowerShell runs cannot be reached, or could not
                be told how the work has ended.
        """
        job, address, key, number = self._order
        where = f"{address[0]}:{address[1]}"
        try:
            connection = connect(address, key, number.to_bytes(8))
        except OSError as error:
            raise ConnectionError(
                f"the worker on {socket.gethostname()} cannot reach psbridge at "
                f"{where} ({error}); where the executor's workers are on other "
                "machines, say JobGroup(listen=...) with an address that they can reach"
            ) from None
        stop = Stop()

        def read() -> None:
            # Ends when the other side hangs up, which it does when the work has ended.
            with contextlib.suppress(EOFError, OSError):
                while connection.recv_bytes() == STOP:
                    stop.request()
            stop.request()
            connection.close()

        reading = threading.Thread(target=read, name="psbridge reader", daemon=True)
        send = Sender(connection)
        try:
            reading.start()
            do_work(send, job, stop)
        except StopRequested:
            stop.wait_for_hook(_HANG_UP_SECONDS)
            connection.close()
            raise ConnectionError(
                f"the worker on {socket.gethostname()} lost its connection to psbridge at {where}"
            ) from None
        reading.join(_HANG_UP_SECONDS)


_HANG_UP_SECONDS = 10.0

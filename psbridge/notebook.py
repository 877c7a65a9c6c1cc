"""PowerShell in notebooks and in IPython: cells that begin with ``%%pwsh``.

``%load_ext psbridge`` brings them. IPython is imported by IPython only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import PowerShellError

if TYPE_CHECKING:
    from .remote.session import Session
    from .session.session import RunspaceSession

__all__ = ["load", "unload"]

_MAGIC = "pwsh"


class _Cells:
    """What runs the cells of a kernel, with a session that is kept for it."""

    def __init__(self, ipython: Any) -> None:
        self._ipython = ipython
        self._kept: Session | None = None

    def run(self, line: str, cell: str) -> None:
        """Run the cell as PowerShell code, and show what it gives as it comes.

        ``%%pwsh`` runs it in a session that is opened for the first such cell and kept: what one
        cell defines the next one has. ``%%pwsh shell`` runs it in the session that the variable
        ``shell`` has, which may be one on another machine.

        Output is shown as PowerShell formats it, and what is for the host (Write-Host) with it, on
        standard output; errors, warnings and messages are on standard error. Interrupt stops the
        code. A cell whose last command has not succeeded raises, so that "run all" ends there.
        """
        session = self._session(line.strip())
        if not session.show(cell):
            raise _failed()

    def close(self) -> None:
        """Close the session that was kept."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _session(self, name: str) -> RunspaceSession:
        from .session.session import RunspaceSession

        if not name:
            from .remote.session import Session

            if self._kept is None or self._kept.closed:
                self._kept = Session()
            return self._kept
        found = self._ipython.user_ns.get(name)
        if not isinstance(found, RunspaceSession):
            from IPython.core.error import UsageError

            what = "no variable" if name not in self._ipython.user_ns else "no Session"
            raise UsageError(
                f"%%{_MAGIC} runs in a session of its own, or in that of a variable: {name!r} is "
                f"{what}"
            )
        return found


def _failed() -> PowerShellError:
    error = PowerShellError("the PowerShell code of this cell did not succeed; see above")
    # What went wrong has been shown: IPython asks an exception how to be shown before it makes a
    # traceback of it.
    error._render_traceback_ = lambda: [str(error)]  # type: ignore[attr-defined]
    return error


_cells: dict[int, _Cells] = {}


def load(ipython: Any) -> None:
    """Let an IPython have ``%%pwsh``; see `load_ipython_extension`."""
    cells = _cells.setdefault(id(ipython), _Cells(ipython))
    ipython.register_magic_function(cells.run, magic_kind="cell", magic_name=_MAGIC)


def unload(ipython: Any) -> None:
    """Take ``%%pwsh`` back, and close the session that was kept for it."""
    ipython.magics_manager.magics["cell"].pop(_MAGIC, None)
    cells = _cells.pop(id(ipython), None)
    if cells is not None:
        cells.close()

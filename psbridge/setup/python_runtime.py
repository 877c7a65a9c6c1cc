"""pythonnet's .NET half, Python.Runtime.dll: where it is, and where a home keeps it precompiled."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["precompiled_python_runtime", "python_runtime"]

_NAME = "Python.Runtime.dll"
_DIGITS = 16


def python_runtime() -> Path:
    """The Python.Runtime.dll of the pythonnet that is installed, which is not imported.

    Raises:
        ModuleNotFoundError: there is no pythonnet.
    """
    spec = find_spec("pythonnet")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'pythonnet'", name="pythonnet")
    return Path(spec.origin).parent / "runtime" / _NAME


def precompiled_python_runtime(home: Path) -> Path:
    """Where a home has, or would have, the installed pythonnet's Python.Runtime precompiled.

    The folder's name is a hash of pythonnet's own file. So one home serves several environments
    with different versions, and one of another version or build is never taken for it.

    Args:
        home: the PowerShell home.

    Raises:
        ModuleNotFoundError: there is no pythonnet.
        OSError: its file cannot be read.
    """
    import hashlib

    digest = hashlib.sha256(python_runtime().read_bytes()).hexdigest()
    return home / "python.runtime" / digest[:_DIGITS] / _NAME

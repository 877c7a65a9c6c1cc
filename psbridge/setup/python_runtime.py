"""pythonnet's own assembly, and the place that a home has for a precompiled one."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from ..errors import EngineError

__all__ = ["precompiled_python_runtime", "python_runtime"]

_NAME = "Python.Runtime.dll"


def python_runtime() -> Path:
    """Give the assembly that the installed pythonnet brings, without importing pythonnet.

    Raises:
        EngineError: pythonnet is not installed.
    """
    spec = find_spec("pythonnet")
    if spec is None or spec.origin is None:
        raise EngineError("pythonnet is not installed: `pip install pythonnet`")
    return Path(spec.origin).parent / "runtime" / _NAME


def precompiled_python_runtime(home: Path) -> Path:
    """Give the place of the precompiled assembly, whether or not it is there.

    It is named after what it was made from: several environments, each with a pythonnet of its
    own, use one home.

    Args:
        home: the home's folder.

    Raises:
        EngineError: pythonnet is not installed.
        OSError: its assembly cannot be read.
    """
    digest = hashlib.sha256(python_runtime().read_bytes()).hexdigest()
    return home / "python.runtime" / digest[:16] / _NAME

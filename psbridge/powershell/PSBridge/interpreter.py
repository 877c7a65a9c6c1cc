"""What PowerShell has to know of a Python before it loads it: run by PSBridge.psm1.

Run by the interpreter in question, whichever version that is; imports nothing of psbridge. Prints
one line of JSON: how to load it, or the problem.
"""

import json
import os
import platform
import sys
from importlib.util import find_spec


def describe() -> dict[str, str]:
    """Say where the parts of this Python are, or what is missing."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036
        return {"problem": f"Python {version} is older than 3.11"}
    missing = [name for name in ("psbridge", "pythonnet", "find_libpython") if not find_spec(name)]
    if missing:
        return {"problem": f"it has no {' and no '.join(missing)}; install psbridge with its pip"}
    from find_libpython import find_libpython

    library = find_libpython()
    if library is None:
        package = "libpython{}.{}".format(*sys.version_info)
        return {
            "problem": f"Python {version} has no shared library (libpython), without which it "
            f"cannot run inside PowerShell; install your system's package of it, such as "
            f"{package}, or a Python that is built with it"
        }
    pythonnet = find_spec("pythonnet")
    assert pythonnet is not None
    assert pythonnet.origin is not None
    folder = os.path.dirname(pythonnet.origin)  # noqa: PTH120
    return {
        "executable": sys.executable,
        "library": library,
        "runtime": os.path.join(folder, "runtime", "Python.Runtime.dll"),  # noqa: PTH118
    }


if __name__ == "__main__":
    print(json.dumps(describe()))

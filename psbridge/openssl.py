"""Keeping OpenSSL up until the process is gone.

At exit the C library lets OpenSSL free what it has, while other threads may still use it: .NET's,
which ask it for random numbers, and daemon threads of Python's in a TLS handshake. They read what
is gone, and the process ends with SIGSEGV. OpenSSL leaves that out where it is asked to by whoever
uses it first; that is Python's hashlib or ssl as a rule. So it is asked before either is imported,
by whoever is about to.
"""

from __future__ import annotations

import contextlib
import sys
from importlib.util import find_spec

__all__ = ["keep_openssl"]

_INIT_NO_ATEXIT = 0x00080000  # of openssl/crypto.h, since 1.1.1


def keep_openssl() -> None:
    """Let the C library's exit leave OpenSSL alone, where Python has not loaded it yet."""
    if sys.platform == "win32" or "_hashlib" in sys.modules or "_ssl" in sys.modules:
        return
    import ctypes

    spec = find_spec("_hashlib")
    if spec is None or spec.origin is None:
        return  # this Python has none, or it is a part of its program
    # Through the module's own library, so that it is the OpenSSL which that will use.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(spec.origin).OPENSSL_init_crypto(ctypes.c_uint64(_INIT_NO_ATEXIT), None)

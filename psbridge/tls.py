"""The TLS socket of every connection that psbridge makes."""

from __future__ import annotations

import ssl

__all__ = ["ClosedWhenReset"]


class ClosedWhenReset(ssl.SSLSocket):
    """A TLS socket that holds no descriptor once its connection was reset.

    Where the other side resets a connection before TLS has begun, CPython takes the descriptor out
    of the plain socket, notices the reset by `recv`, and raises; before 3.13 it leaves the new
    socket open (`SSLSocket._create`). Nobody else has it, so only the garbage collector closes it.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive; close the socket if its connection is gone."""
        try:
            return super().recv(buflen, flags)
        except ConnectionError:
            self.close()
            raise

"""The output of PowerShell code as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from ..errors import PowerShellError
from .result import Result

__all__ = ["PipelineStream"]


class PipelineStream(Iterator[Any]):
    """The values that code gives, each as soon as it is written; made by `Session.stream`.

    The code begins with the first value that is asked for. It runs a few hundred values ahead at
    most, and stops where the loop is left, where this is closed, or where nobody has it any more.

    Attributes:
        result: the other streams and the exit code, once the code has ended; it has no values.
    """

    def __init__(self, begin: Callable[[Result], Iterator[Any]], *, check: bool) -> None:
        self.result = Result()
        self._values = begin(self.result)
        self._check = check

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        raised: Exception | None = None
        try:
            return next(self._values)
        except StopIteration:
            pass
        except PowerShellError as error:
            if error.raised is None:
                raise
            raised = error.raised
        # Not where it would get the other one as its context.
        try:
            if raised is not None:
                raise raised
        finally:
            del raised  # whose traceback has this frame
        if self._check:
            self._check = False
            self.result.raise_for_errors()
        raise StopIteration

    def close(self) -> None:
        """Stop the code, where it still runs."""
        self._values.close()  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""The output of PowerShell code as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

from ..errors import PowerShellError
from .result import Result, T

if TYPE_CHECKING:
    from ..values.typed import Reader

__all__ = ["PipelineStream"]


class PipelineStream(Iterator[T]):
    """The values that code gives, each as soon as it is written; made by `Session.stream`.

    The code begins with the first value that is asked for. It runs a few hundred values ahead at
    most, and stops where the loop is left, where this is closed, or where nobody has it any more.

    Attributes:
        result: the other streams and the exit code, once the code has ended; it has no values.
    """

    def __init__(
        self,
        begin: Callable[[Result[Any]], Iterator[Any]],
        *,
        check: bool,
        read: Reader[T] | None = None,
    ) -> None:
        self.result: Result[Any] = Result()
        values = begin(self.result)
        self._values = values if read is None else _read_each(values, read)
        self._check = check

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        raised: BaseException | None = None
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


def _read_each(values: Iterator[Any], read: Reader[T]) -> Iterator[T]:
    with closing(values):  # type: ignore[type-var]
        for index, value in enumerate(values):
            yield read(value, f"values[{index}]")

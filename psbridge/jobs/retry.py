"""Trying work again that has failed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..arguments import check_seconds, check_whole
from ..errors import DeclarationError

__all__ = ["Retry"]


@dataclass(frozen=True)
class Retry:
    """How often and when work that fails is tried again.

    Attributes:
        times: how many more tries there are after the first.
        delay: how many seconds to wait before the second try.
        backoff: by how much the delay grows with each further try; 2 doubles it.
        on: the exceptions after which to try again.
    """

    times: int
    delay: float = 0.0
    backoff: float = 1.0
    on: type[BaseException] | tuple[type[BaseException], ...] = Exception

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        kinds = self.on if isinstance(self.on, tuple) else (self.on,)
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
            raise DeclarationError(f"on is {self.on!r}; it is an exception, or a tuple of them")
        if check_whole(self.times, "times") < 0:
            raise ValueError(f"times is {self.times!r}; it has to be 0 or more")
        check_seconds(self.delay, "delay")
        if not 0 < check_seconds(self.backoff, "backoff") < math.inf:
            raise ValueError(f"backoff is {self.backoff!r}; it has to be more than 0, and finite")

    def delay_before(self, retry: int) -> float:
        """How many seconds to wait before this retry; the first one has number 1."""
        if not self.delay:
            return 0.0
        try:
            return float(self.delay * self.backoff ** (retry - 1))
        except OverflowError:
            return math.inf

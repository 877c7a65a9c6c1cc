"""A cmdlet that does nothing for ever, for `leaving`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from psbridge import JobCmdlet


class StartSleeping(JobCmdlet, verb="Start", noun="Sleeping"):
    """Write a number a hundred times a second."""

    def process(self) -> Iterator[int]:
        """Do it."""
        while True:
            time.sleep(0.01)
            yield 1

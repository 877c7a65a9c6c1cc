"""What it costs that `os.environ` and ``$env:`` are one: `python benchmarks/environment.py`.

A round trip of `run("1")` with and without, in turns, and each access of `os.environ`.
"""

from __future__ import annotations

import os
import statistics
import time
import timeit
from collections.abc import Callable
from importlib import import_module
from typing import Any

from psbridge import Session


class _AsBefore:
    """A pipeline's end as it was: ten questions for the streams instead of one."""

    @staticmethod
    def AreEmpty(pipeline: object) -> bool:
        return False


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _microseconds(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=1000, repeat=5)) * 1000


def main() -> None:
    """Print the figures."""
    apart = {
        "read": _microseconds(lambda: os.environ["PATH"]),
        "copy": _microseconds(lambda: dict(os.environ)),
        "write": _microseconds(lambda: os.environ.__setitem__("PSBRIDGE_BENCHMARK", "1")),
    }
    with Session() as shell:
        pipeline: Any = import_module("psbridge.session.pipeline")

        now = pipeline.take_changes, pipeline.PipelineStreams
        ways = {"without": (lambda: None, _AsBefore), "with": now}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(4000):
            for name, way in ways.items():
                pipeline.take_changes, pipeline.PipelineStreams = way
                seconds = _seconds(lambda: shell.run("1"))
                if turn >= 500:
                    took[name].append(seconds)
        median = {name: statistics.median(found) * 1e6 for name, found in took.items()}
        print(f"run('1'): {median['without']:.0f} -> {median['with']:.0f} us, "
              f"ratio {median['with'] / median['without']:.3f}")  # fmt: skip
        values = iter(range(10**9))
        one = {
            "read": _microseconds(lambda: os.environ["PATH"]),
            "copy": _microseconds(lambda: dict(os.environ)),
            "write": _microseconds(
                lambda: os.environ.__setitem__("PSBRIDGE_BENCHMARK", str(next(values)))
            ),
        }
    for name, before in apart.items():
        print(f"{name}, {len(os.environ)} variables: {before:.1f} -> {one[name]:.1f} us")


if __name__ == "__main__":
    main()

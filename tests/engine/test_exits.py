"""A program ends as it should while jobs run: exit code, no crash, no noise.

A part of ``python -m benchmarks.exits``, which goes through all the pairs.
"""

from __future__ import annotations

import itertools
import sys

import pytest

from benchmarks.exits import LOADS, WAYS, Exit, exits, run

# Each way to end once, each with something else that runs; another round for those two ways
# in which .NET or nobody is asked; the two that crashed while jobs used OpenSSL; and .NET's way
# out of each kind of Python job.
CHOSEN = [
    *itertools.islice(exits(), 10),
    *itertools.islice(exits(), 18, 20),
    Exit("[Environment]::Exit", "Start-ThreadJob"),
    Exit("sys.exit in a pipeline's thread", "Start-ThreadJob"),
    Exit("[Environment]::Exit", "generators"),
    Exit("[Environment]::Exit", "jobs that look at `stopping`"),
    Exit("[Environment]::Exit", "jobs in processes"),
]


def test_each_way_and_each_load_is_among_them() -> None:
    assert {which.way for which in CHOSEN} == set(WAYS)
    assert {which.load for which in CHOSEN} == set(LOADS)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize("which", CHOSEN, ids=", ".join)
def test_a_program_ends_as_it_should(which: Exit) -> None:
    assert run(which) == ""

"""Many threads, many sessions, and a signal in the midst of any of their calls."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

from psbridge import Session


def in_threads(count: int, work: Any) -> list[BaseException]:
    """Do some work in so many threads; what they raise."""
    raised: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def test_sixteen_threads_share_a_session(shell: Session) -> None:
    shell.run("$global:count = 0")

    def work(number: int) -> None:
        for turn in range(10):
            assert shell.run("param($n, $t) $global:count++; $n * 100 + $t", number, turn) == [
                number * 100 + turn
            ]
        assert list(shell.stream("param($n) 1..3 | % { $_ * $n }", number)) == [
            number * factor for factor in (1, 2, 3)
        ]
        assert shell.call("Write-Output", number) == [number]

    assert in_threads(16, work) == []
    assert shell.run("$count") == [160]


def test_eight_sessions_are_apart() -> None:
    with contextlib.ExitStack() as closing:
        sessions = [closing.enter_context(Session()) for _ in range(8)]

        def work(number: int) -> None:
            shell = sessions[number % 8]
            for turn in range(10):
                shell.run("param($n) $global:mine = $n", number % 8)
                assert shell.run("$mine") == [number % 8], turn

        assert in_threads(16, work) == []


PROGRAM = """
import os, signal, sys, threading, time
from psbridge import Session

class Raised(Exception):
    pass

def handler(number, frame):
    raise Raised

wanted = KeyboardInterrupt
if WAY_OF == "handler":
    signal.signal(signal.SIGINT, handler)
    wanted = Raised
with Session() as shell:
    shell.run("$global:ready = $false; $global:steps = 0")
    sent = 0.0
    def send():
        global sent
        while not begun.is_set():
            time.sleep(0.005)
        time.sleep(0.1)
        sent = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)
    begun = threading.Event()
    def tick():
        begun.set()
        return 1
    shell.functions["Set-Begun"] = tick
    threading.Thread(target=send).start()
    loop = (
        "$null = Set-Begun; "
        "while ($true) { $global:steps++; WRITES; Start-Sleep -Milliseconds 2 }"
    )
    try:
        if CALL == "run":
            shell.run(loop.replace("WRITES", ""))
        elif CALL == "stream":
            for value in shell.stream(loop.replace("WRITES", "")):
                pass
        elif CALL == "iteration":
            for value in shell.stream(loop.replace("WRITES", "1")):
                pass
        else:
            def endless():
                while True:
                    yield 1
            count = "$null = Set-Begun; $input | ForEach-Object { $global:steps++ }"
            shell.run(count, input=endless())
    except wanted:
        late = time.perf_counter() - sent
    steps = shell.run("$steps").one()
    time.sleep(0.1)
    assert shell.run("$steps").one() == steps, "it runs on"
    print(late)
"""


@pytest.mark.skipif(os.name == "nt", reason="has no such signals")
@pytest.mark.parametrize("way", ["ctrl-c", "handler"])
@pytest.mark.parametrize("call", ["run", "stream", "iteration", "input"])
def test_a_signal_is_back_at_once_and_has_stopped_the_code(call: str, way: str) -> None:
    code = PROGRAM.replace("WAY_OF", repr(way)).replace("CALL", repr(call))
    times = []
    for _ in range(10):  # the best of them: a busy machine is no reason
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        times.append(float(ran.stdout))
        if times[-1] < 0.2:
            return
    pytest.fail(f"back after {times} s")

"""``%%pwsh`` in a real IPython, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from conditions import IMPORT

BEGIN = IMPORT + textwrap.dedent(
    """
    import os, signal, threading, time
    from IPython.core.interactiveshell import InteractiveShell
    ipython = InteractiveShell.instance()
    def cell(text):
        return ipython.run_cell(text)
    assert cell("%load_ext psbridge").success
    """
)

Cells = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cells(tmp_path: Path, engine_home: Path) -> Cells:
    """Run a program that runs cells."""

    def run(code: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", BEGIN + textwrap.dedent(code)],
            env={
                **os.environ,
                "PSBRIDGE_PSHOME": str(engine_home),
                "VIRTUAL_ENV": sys.prefix,  # not that of a shell: IPython warns of another one
                "IPYTHONDIR": str(tmp_path),
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_a_cell_shows_all_streams_and_the_next_one_has_what_it_defined(cells: Cells) -> None:
    done = cells(
        r"""
        code = "$x = 6; 'out'; Write-Host 'host'; Write-Warning 'w'; Write-Error 'e'; 'end'"
        assert cell("%%pwsh\n" + code).success
        assert cell("%%pwsh\n[pscustomobject] @{ Answer = $x * 7 }").success
        """
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert lines == ["out", "host", "end", "Answer", "------", "42"]
    assert done.stderr.splitlines() == ["WARNING: w", "Write-Error: e"]


def test_output_is_there_while_the_code_runs(cells: Cells) -> None:
    cells(
        r"""
        import io, sys
        class Out(io.StringIO):
            def write(self, text):
                seen.append((text, os.path.exists(flag)))
                if "first" in text:
                    open(flag, "w").close()
                return len(text)
        import tempfile
        seen, flag = [], os.path.join(tempfile.mkdtemp(), "flag")
        ipython.user_ns["flag"] = flag
        sys.stdout, out = Out(), sys.stdout
        # It goes on once its first line was seen.
        wait = "while (-not (Test-Path '" + flag + "')) { Start-Sleep -Milliseconds 10 }"
        ran = cell("%%pwsh\n'first'; " + wait + "; 'second'")
        sys.stdout = out
        assert ran.success
        assert [there for text, there in seen if "first" in text] == [False]
        assert [there for text, there in seen if "second" in text] == [True]
        """
    )


def test_a_failure_is_shown_once_and_ends_run_all(cells: Cells) -> None:
    done = cells(
        r"""
        ran = cell("%%pwsh\n'before'; throw 'no more'")
        assert not ran.success
        from psbridge import PowerShellError
        assert isinstance(ran.error_in_exec, PowerShellError)
        assert not cell("%%pwsh\nGet-Nothing").success
        assert cell("%%pwsh\n'alive'").success
        """
    )
    assert done.stderr.count("no more") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("did not succeed") == 2
    assert done.stdout.endswith("alive\n")


def test_the_session_of_a_variable(cells: Cells) -> None:
    done = cells(
        r"""
        assert cell("from psbridge import Session; shell = Session()").success
        assert cell("shell.variables['x'] = 5").success
        assert cell("%%pwsh shell\n$x").success
        assert cell("%%pwsh\n$null -eq $x").success
        for name in ("nothing", "ipython"):
            ipython.user_ns["ipython"] = 1
            assert type(cell(f"%%pwsh {name}\n1").error_in_exec).__name__ == "UsageError"
        cell("shell.close()")
        """
    )
    assert done.stdout.splitlines()[:2] == ["5", "True"]
    assert "'nothing' is no variable" in done.stderr
    assert "'ipython' is no Session" in done.stderr


def test_interrupt_stops_the_code_and_the_session_goes_on(cells: Cells) -> None:
    done = cells(
        r"""
        def interrupt():
            until(lambda: os.path.exists(flag))
            os.kill(os.getpid(), signal.SIGINT)
        import tempfile
        flag = os.path.join(tempfile.mkdtemp(), "flag")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=interrupt).start()
        loop = "while ($true) { Start-Sleep -Milliseconds 10 }"
        ran = cell("%%pwsh\n$null = New-Item '" + flag + "'; " + loop)
        assert isinstance(ran.error_in_exec, KeyboardInterrupt), ran
        assert cell("%%pwsh\n'alive'").success
        """
    )
    assert done.stdout.endswith("alive\n")


def test_unloading_closes_the_session_and_takes_the_magic(cells: Cells) -> None:
    cells(
        r"""
        from psbridge.session.owned_runspace import open_runspaces
        assert cell("%%pwsh\n1").success
        assert len(list(open_runspaces())) == 1
        assert cell("%reload_ext psbridge").success
        assert cell("%%pwsh\n1").success
        assert cell("%unload_ext psbridge").success
        assert len(list(open_runspaces())) == 0
        assert ipython.find_cell_magic("pwsh") is None
        """
    )


def test_handles_and_jobs_are_tables(cells: Cells) -> None:
    cells(
        r"""
        assert cell("from psbridge import Session, timeline; shell = Session()").success
        assert cell("job = shell.start(lambda: 1); job.wait()").success
        parts = {"job": "<caption>Job", "shell.jobs": "<caption>1 job<", "timeline(job)": "<svg"}
        for text, part in parts.items():
            html = ipython.display_formatter.format(cell(text).result)[0]["text/html"]
            assert part in html, html
        cell("shell.close()")
        """
    )


def test_psbridge_itself_needs_no_ipython(engine_home: Path) -> None:
    code = "import sys; sys.modules['IPython'] = None; import psbridge.notebook, psbridge; print(1)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")

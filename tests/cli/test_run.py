"""`psbridge run`, as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "samples" / "word_count.py")


def psbridge(
    *arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "psbridge", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )


def test_the_sample_prints_what_powershell_prints(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\nthree\n")
    (tmp_path / "b.txt").write_text("")
    ran = psbridge(
        "run", "--module", SAMPLE,
        "Get-WordCount . -AsJob | Wait-Job | Receive-Job", cwd=tmp_path,
    )  # fmt: skip
    assert ran.stdout.splitlines() == [
        "",
        "Path  Lines Words",
        "----  ----- -----",
        "a.txt     2     3",
        "b.txt     0     0",
        "",
    ]
    assert (ran.returncode, ran.stderr) == (0, "")


def test_errors_and_warnings_go_to_stderr_and_output_to_stdout(tmp_path: Path) -> None:
    ran = psbridge("run", "--module", SAMPLE, "'out'; Get-WordCount nowhere", cwd=tmp_path)
    assert ran.stdout == "out\n"
    assert "Get-WordCount: FileNotFoundError:" in ran.stderr
    assert "nowhere" in ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("1", 0),
        ("throw 'no'", 1),
        ("Get-NoSuchThing", 1),
        ("if (", 1),
        ("Get-NoSuchThing; 1", 0),
        ("exit 3", 3),
        ("exit", 0),
    ],
)
def test_the_exit_code_says_how_it_ended(script: str, code: int) -> None:
    ran = psbridge("run", script)
    assert ran.returncode == code, ran.stderr
    assert bool(ran.stderr) == (code == 1 or ";" in script)


def test_a_mistake_in_the_module_is_shown_with_file_and_line(tmp_path: Path) -> None:
    module = tmp_path / "broken.py"
    module.write_text("import psbridge\n\nx = 1 / 0\n")
    ran = psbridge("run", "--module", str(module), "1")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f'File "{module}", line 3' in ran.stderr
    assert "ZeroDivisionError" in ran.stderr
    assert "importlib" not in ran.stderr
    assert "psbridge/cli" not in ran.stderr


def test_a_syntax_error_in_the_module_is_shown_with_file_and_line(tmp_path: Path) -> None:
    module = tmp_path / "broken.py"
    module.write_text("def f(:\n")
    ran = psbridge("run", "--module", str(module), "1")
    assert ran.returncode == 1
    assert f'File "{module}", line 1' in ran.stderr
    assert "importlib" not in ran.stderr


def without_an_engine(home: Path) -> dict[str, str]:
    """An environment in which there is no PowerShell and no feed."""
    return {
        "HOME": str(home), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "",
        "PATH": "/nowhere", "PSBRIDGE_PSHOME": "", "PSBRIDGE_NUGET_SOURCE": "",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip


def test_without_an_engine_one_error_says_what_was_looked_for(tmp_path: Path) -> None:
    ran = psbridge("run", "1", cwd=tmp_path, env=without_an_engine(tmp_path))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("psbridge: No PowerShell engine was found.")
    for word in ("pwsh on PATH", "our own copy", "PSBRIDGE_PSHOME", "psbridge setup --source"):
        assert word in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_an_engine_the_tests_say_so_in_one_line_and_fail(tmp_path: Path) -> None:
    alone = {**os.environ, **without_an_engine(tmp_path)}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_CURRENT_TEST"):
        alone.pop(name, None)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT),
         "-p", "no:cacheprovider", str(ROOT / "tests")],
        cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode not in (0, 5)
    (line,) = (ran.stdout + ran.stderr).split("\n\n")[0].splitlines()
    assert "No PowerShell engine was found" in line
    assert "psbridge setup --source" in line


def test_a_wrong_command_line_is_exit_code_2() -> None:
    assert psbridge("run").returncode == 2
    assert psbridge("nonsense").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize(
    "script",
    ["$host.UI.Write('begun'); while ($true) { }", "Test-Slow -AsJob | Receive-Job -Wait"],
    ids=["code", "job"],
)
def test_ctrl_c_stops_it_with_exit_code_130(tmp_path: Path, script: str) -> None:
    module = tmp_path / "slow.py"
    module.write_text(
        "import time\n"
        "from psbridge import JobCmdlet\n"
        "class Slow(JobCmdlet, verb='Test', noun='Slow'):\n"
        "    def process(self):\n"
        "        print('begun', end='', flush=True)\n"
        "        while True:\n"
        "            self.check_stop()\n"
        "            time.sleep(0.01)\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "psbridge", "run", "--module", str(module), script],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.read(5) == "begun"
    running.send_signal(signal.SIGINT)
    _, shown = running.communicate(timeout=30)
    assert (running.returncode, shown) == (130, "")

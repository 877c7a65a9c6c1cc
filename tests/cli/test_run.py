"""`psbridge run`, as a process."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from psbridge.cli.run import own_words

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "samples" / "word_count.py")


def psbridge(
    *arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, timeout: float = 180
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


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("1", 1), ("script -m x", 1), ("-m a -m b script -m c", 5), ("-mA script x", 2),
        ("--module=a script --module=b", 2), ("-f a.ps1 -f b", 2), ("--file a.ps1 x", 2),
        ("--file=a.ps1 -m x", 1), ("-fa.ps1 -m x", 1), ("-m a -f b -h", 4), ("-h", 1), ("", 0),
        ("-m", 2), ("-f", 1), ("-- -join x", 2), ("-", 1), ("-m a - x", 3), ("--nonsense x y", 2),
    ],
)  # fmt: skip
def test_what_follows_the_script_is_the_scripts(words: str, own: int) -> None:
    assert min(own_words(words.split()), len(words.split())) == min(own, len(words.split()))


def test_a_file_gets_its_arguments_and_the_modules_cmdlets(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\n")
    script = tmp_path / "script.ps1"
    script.write_text("param($Path) (Get-WordCount $Path).Words; $args; exit 5")
    ran = psbridge("run", "-m", SAMPLE, "-f", str(script), "a.txt", "-m", "x", cwd=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (5, "2\n-m\nx\n", "")


def psbridge_with(
    text: bytes, *words: str, redirect: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run it by a shell, which can close streams and make pipes."""
    quoted = shlex.join([sys.executable, "-m", "psbridge", *words])
    return subprocess.run(
        ["sh", "-c", f"{quoted} {redirect}"],
        input=text, capture_output=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip


def test_commands_on_standard_input_run_as_they_come_whole() -> None:
    text = b"""'a'
if ($true) {
'b'
}

$x = @"
c

d
"@

$x
Read-Host
an answer
cat
for the program
"""
    ran = psbridge_with(text, "run", "-")
    assert ran.stdout.decode() == "a\nb\nc\n\nd\nan answer\nfor the program\n"
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        (b"1\nexit 4\n2\n", 4, b"1\n"),
        (b"throw 'x'\n2\n", 0, b"2\n"),
        (b"2\nthrow 'x'", 1, b"2\n"),
        (b"function f {\n3\n}\nf", 0, b"3\n"),
        (b"if (\n", 1, b""),
        (b"", 0, b""),
    ],
)  # fmt: skip
def test_the_last_command_on_standard_input_gives_the_exit_code(
    text: bytes, code: int, shown: bytes
) -> None:
    ran = psbridge_with(text, "run", "-")
    assert (ran.returncode, ran.stdout) == (code, shown)
    assert bool(ran.stderr) == (b"throw" in text or code == 1)


def test_prompts_take_lines_of_a_pipe_and_leave_the_rest_to_programs() -> None:
    ran = psbridge_with(
        b"a\nsecret\nb\nc\n", "run", "Read-Host q; $null = Read-Host -AsSecureString; cat"
    )
    assert (ran.returncode, ran.stdout) == (0, b"a\nb\nc\n")
    assert b"secret" not in ran.stderr


@pytest.mark.parametrize(
    ("redirect", "code", "out", "err"),
    [
        ("| head -1", 0, b"1\n", b""),
        (">&-", 0, b"", b"WARNING: w\n"),
        ("2>&-", 0, None, b""),
        ("<&- >&- 2>&-", 0, b"", b""),
    ],
)
def test_streams_that_are_gone_are_no_fault(
    redirect: str, code: int, out: bytes | None, err: bytes
) -> None:
    script = "1..20000" if "head" in redirect else "1..20000; Write-Warning w; $n = @($input).Count"
    ran = psbridge_with(b"", "run", script, redirect=redirect)
    assert (ran.returncode, ran.stderr) == (code, err)
    whole = "".join(f"{number}\n" for number in range(1, 20001)).encode()
    assert ran.stdout == (whole if out is None else out)


def test_a_standard_input_that_is_closed_is_empty_for_programs_and_scripts() -> None:
    ran = psbridge_with(b"", "run", "cat; @($input).Count; Read-Host; 'on'", redirect="<&-")
    assert (ran.returncode, ran.stdout) == (0, b"0\non\n")
    assert b"This session has nobody to ask" in ran.stderr


def test_a_big_input_goes_through() -> None:
    text = b"".join(b"line %d\n" % number for number in range(100_000))
    ran = psbridge_with(text, "run", "$n = 0; foreach ($line in $input) { $n += $line.Length }; $n")
    assert (ran.stdout, ran.stderr) == (b"%d\n" % (len(text) - 100_000), b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
@pytest.mark.parametrize(
    ("script", "sent", "code"),
    [
        ("$host.UI.Write('begun'); $input", signal.SIGINT, 130),
        ("$host.UI.Write('begun'); Read-Host", signal.SIGINT, 130),
        ("sh -c 'printf begun; exec cat'", signal.SIGINT, 130),
        ("-", signal.SIGINT, 130),
        ("$host.UI.Write('begun'); Start-Sleep 100", signal.SIGTERM, None),
    ],
)
def test_a_signal_ends_it_wherever_it_waits(
    script: str, sent: signal.Signals, code: int | None
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "psbridge", "run", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert running.stdin is not None
    assert running.stdout is not None
    if script == "-":
        running.stdin.write("$host.UI.Write('begun')\n")
        running.stdin.flush()
    assert running.stdout.read(5) == "begun"
    os.killpg(running.pid, sent)
    returned = running.wait(30)
    assert returned == code if code is not None else returned in (-sent, 128 + sent)
    shown = running.stderr.read() if running.stderr else ""
    for stream in (running.stdin, running.stdout, running.stderr):
        if stream is not None:
            stream.close()
    assert "Traceback" not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locale")
def test_the_locale_decides_nothing_about_text(tmp_path: Path) -> None:
    """pwsh takes a command line as UTF-8 whatever the locale says, and writes UTF-8."""
    file = tmp_path / "grün" / "été.ps1"
    file.parent.mkdir()
    file.write_text("\"file $args $PSCommandPath\"; Set-Content 'ñ.txt' '漢'", "utf-8")
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "XDG_CACHE_HOME": str(file.parent)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "psbridge", "run", *words],
            env=env, cwd=file.parent, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode()

    assert run("'é漢😀'; 'ü'.Length") == "é漢😀\n1\n"
    assert run("-f", str(file), "ö") == f"file ö {file}\n"
    assert (file.parent / "ñ.txt").read_text("utf-8") == "漢\n"


def test_a_job_definition_of_a_module_is_there(tmp_path: Path) -> None:
    module = tmp_path / "nightly.py"
    module.write_text(
        "from psbridge import FunctionJob, job_definition\n"
        "@job_definition('Nightly')\n"
        "def nightly():\n"
        "    return FunctionJob(sum, [1, 2, 3])\n"
    )
    script = "Start-Job -DefinitionName Nightly | Receive-Job -Wait -AutoRemoveJob"
    ran = psbridge("run", "--module", str(module), script)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("6\n", "", 0)

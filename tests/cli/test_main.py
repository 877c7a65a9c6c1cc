"""The ``psbridge`` command line as such."""

from __future__ import annotations

import pytest

from psbridge.cli import main


@pytest.mark.parametrize(
    ("words", "program"),
    [
        ("run --nosuch", "psbridge run"),
        ("run --nosuch script", "psbridge run"),
        ("setup --nosuch", "psbridge setup"),
        ("doctor extra", "psbridge doctor"),
        ("build --nosuch a -o b", "psbridge build"),
        ("module-path extra", "psbridge module-path"),
        ("stubs --nosuch a -o b", "psbridge stubs"),
        ("schema --nosuch a", "psbridge schema"),
        ("--nosuch doctor", "psbridge"),
    ],
)
def test_an_unknown_argument_is_shown_with_the_usage_of_its_command(
    capsys: pytest.CaptureFixture[str], words: str, program: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    unknown = "extra" if "extra" in words else "--nosuch"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"usage: {program} [")
    assert err.endswith(f"{program}: error: unrecognized arguments: {unknown}\n")

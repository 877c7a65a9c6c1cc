"""A fleet in a TOML file: its groups, its credentials, and what is wrong with it."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from psbridge import InventoryError, Secret
from psbridge.remote.carrying import Target
from psbridge.remote.inventory import inventory
from psbridge.remote.ssh.target import SSH
from psbridge.remote.winrm.target import WinRM

FLEET = r"""
[defaults]
open_timeout = 20
credential = "ops"

[credentials.ops]
username = 'CORP\ops'
password = { command = [PYTHON, "ask.py"] }

[groups.web]
auth = "ntlm"
hosts = ["web1", "web2", { host = "web3", port = 8000, open_timeout = 5 }]

[groups.database]
scheme = "https"
auth = "negotiate"
hosts = ["https://db1:5986/wsman"]

[groups.linux]
kind = "ssh"
hosts = ["ops@lin1", { host = "LIN2", port = 2222 }]
options = { ProxyJump = "gate" }
"""


PASSWORD = 'pa%s{0}"ß'
ASK = f"""
with open("asked", "a") as file:
    file.write("x")
print({PASSWORD!r})
print("more")
"""


Kind = TypeVar("Kind", bound=Target)
Write = Callable[[str], Path]


def all_of(kind: type[Kind], targets: list[Target]) -> list[Kind]:
    """The targets of a group, all of one kind."""
    found = [target for target in targets if isinstance(target, kind)]
    assert found == targets
    return found


def revealed(secret: str | Secret | None) -> str:
    assert isinstance(secret, Secret)
    return secret.reveal()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    (tmp_path / "ask.py").write_text(ASK, encoding="utf-8")

    def write(text: str) -> Path:
        path = tmp_path / "hosts.toml"
        path.write_text(text.replace("PYTHON", f"'{sys.executable}'"), encoding="utf-8")
        return path

    return write


def test_groups_are_lists_of_targets(write: Write) -> None:
    fleet = inventory(write(FLEET))
    assert list(fleet) == ["web", "database", "linux"]
    assert len(fleet) == 3
    assert repr(fleet) == "<Inventory hosts.toml: web, database, linux>"
    web = all_of(WinRM, fleet["web"])
    assert len(web) == 3
    assert [target.location for target in web] == ["web1", "web2", "web3"]
    assert [target.open_timeout for target in web] == [20, 20, 5]
    assert (web[2].port, web[0].auth, web[0].username) == (8000, "ntlm", "CORP\\ops")
    linux = all_of(SSH, fleet["linux"])
    assert len(linux) == 2
    assert (linux[0].user, linux[1].port) == ("ops", 2222)
    assert linux[0].options == {"ProxyJump": "gate"}
    assert all_of(WinRM, fleet["database"])[0].address.scheme == "https"


def test_all_has_each_machine_once(write: Write) -> None:
    text = FLEET + '[groups.again]\nauth = "ntlm"\nhosts = ["web1"]\n'
    assert len(inventory(write(text)).all()) == 6


def test_proxies_and_keys_have_credentials_of_their_own(write: Write) -> None:
    text = """
    [defaults]
    credential = "ops"
    [credentials.ops]
    username = "ops"
    password = { command = ["echo", "one"] }
    [credentials.gate]
    username = "via"
    password = { command = ["echo", "two"] }
    [groups.web]
    proxy = "http://gate:3128"
    proxy_credential = "gate"
    hosts = ["web1"]
    auth = "ntlm"
    [groups.linux]
    kind = "ssh"
    hosts = ["lin1"]
    """
    (web1,) = all_of(WinRM, inventory(write(text))["web"])
    assert (web1.username, revealed(web1.password)) == ("ops", "one")
    assert (web1.proxy_username, revealed(web1.proxy_password)) == ("via", "two")


def test_a_machine_may_have_a_name_of_its_own(write: Write) -> None:
    text = """
    [credentials.ops]
    username = "ops"
    password = { command = ["echo", "word"] }
    [groups.web]
    credential = "ops"
    hosts = [{ name = "front", host = "https://10.0.0.5:5986/wsman" }]
    [groups.linux]
    kind = "ssh"
    hosts = [{ name = "back", host = "ops@10.0.0.6", port = 2222 }, "ops@10.0.0.7"]
    """
    locations = [target.location for target in inventory(write(text)).all()]
    assert locations == ["front", "back", "10.0.0.7"]


def test_a_password_is_asked_for_once_and_only_where_it_is_needed(
    write: Write, tmp_path: Path
) -> None:
    fleet = inventory(write(FLEET))
    asked = tmp_path / "asked"
    fleet["linux"]
    assert not asked.exists()
    fleet["web"], fleet["database"], fleet["web"]
    assert asked.read_text() == "x"
    (secret,) = {revealed(target.password) for target in all_of(WinRM, fleet["web"])}
    assert secret == PASSWORD
    assert secret not in repr(fleet["web"]) + repr(fleet) + repr(vars(fleet))


def test_the_page_of_inventories_shows_one_that_can_be_read(write: Write) -> None:
    page = Path(__file__).parents[2] / "docs" / "inventory.md"
    pytest.importorskip("kerberos", reason="pykerberos is not installed")
    (text,) = re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)
    fleet = inventory(write(text))
    assert list(fleet) == ["web", "database", "linux"]
    assert all_of(WinRM, fleet["database"])[0].username is None
    assert len(fleet["linux"]) == 2


def test_a_list_of_a_group_is_the_callers(write: Write) -> None:
    fleet = inventory(write(FLEET))
    fleet["linux"].clear()
    assert len(fleet["linux"]) == 2


def test_an_unknown_group_is_a_key_error_that_names_the_nearest(write: Write) -> None:
    fleet = inventory(write(FLEET))
    with pytest.raises(KeyError, match="did you mean database"):
        fleet["databse"]
    with pytest.raises(KeyError, match="web, database, linux"):
        fleet["zzz"]


GROUP = '[groups.g]\nhosts = ["a"]\n'
NTLM = GROUP + 'auth = "ntlm"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[groups.g", "it is no TOML"),
        ("", "it has no group"),
        ("[hosts]\n", "hosts is not known"),
        ("[groups.g]\n", r"\[groups.g\]: it needs hosts"),
        ('[groups.g]\nhosts = "a"\n', r"\[groups.g\]: it needs hosts"),
        ("[groups.g]\nhosts = [1]\n", "host 1: it is a name, or a table"),
        ("[groups.g]\nhosts = [{ port = 1 }]\n", "host 1: it is a name, or a table"),
        ("groups = 3\n", "groups is a table"),
        ("[groups]\ng = 3\n", "g is a table"),
        (GROUP + 'kind = "telnet"\n', "kind is one of winrm, ssh"),
        (GROUP + 'kind = "ssh"\nprot = 22\n', "host 1: prot is not known; did you mean port"),
        (GROUP + 'auth = "nltm"\n', "auth is one of"),
        (GROUP + "open_timeout = -1\n", "open timeout"),
        (GROUP + "port = '5985'\n", "port"),
        (GROUP + 'password = "x"\n', "password is not given here; give credential = NAME"),
        (GROUP + 'proxy_password = "x"\n', "not given here; give proxy_credential = NAME"),
        (GROUP + 'key_password = "x"\n', "not given here; give key_credential = NAME"),
        (GROUP + 'kind = "ssh"\ncredential = "nope"\n', "credential is not known"),
        (GROUP + 'kind = ["ssh"]\n', "kind is one of winrm, ssh"),
        ('[defaults]\nhost = "z"\n' + GROUP, r"\[defaults\]: host is not known"),
        (GROUP + 'credential = "nobody"\n', r"there is no \[credentials.nobody\]"),
        (NTLM, "needs a user and a password"),
        (GROUP + '[credentials.c]\npassword = { keyring = "k" }\n', "it needs username"),
        (GROUP + '[credentials.c]\nusername = "u"\npassword = "secret"\n', "never in the file"),
        (GROUP + '[credentials.c]\nusername = "u"\npassword = { file = "x" }\n', "never in"),
        (
            GROUP + '[credentials.c]\nusername = "u"\npassword = { command = "x" }\n',
            "list of words",
        ),
        (GROUP + '[credentials.c]\nusername = "u"\ntoken = "x"\n', "token is not known"),
        ("[defaults]\nopen_timout = 3\n" + GROUP, r"\[defaults\]: open_timout is not known"),
    ],
)
def test_a_mistake_is_found_at_once_and_says_where(write: Write, text: str, said: str) -> None:
    path = write(text)
    with pytest.raises(InventoryError, match=said) as caught:
        inventory(path)
    assert str(caught.value).startswith(str(path))
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="cannot be read: No such file"):
        inventory(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nonexistent"], "/nonexistent cannot be run: No such file"),
        (["/bin/sh", "-c", "echo secret; exit 3"], "/bin/sh ended with 3"),
        (["/bin/sh", "-c", ":"], "/bin/sh printed nothing"),
        (["/bin/sh", "-c", r"printf 'secret\377'"], "no UTF-8"),
    ],
)
def test_a_command_that_gives_no_password_is_an_error_without_what_it_printed(
    write: Write, command: list[str], said: str
) -> None:
    words = ", ".join(f"'''{word}'''" for word in command)
    account = f"[credentials.c]\nusername = 'u'\npassword = {{ command = [{words}] }}\n"
    fleet = inventory(write(NTLM + 'credential = "c"\n' + account))
    with pytest.raises(InventoryError, match=said) as caught:
        fleet["g"]
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in repr(error) + repr(vars(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_the_keyring_that_is_not_installed_says_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    account = "[credentials.c]\nusername = 'u'\npassword = { keyring = 'psbridge' }\n"
    fleet = inventory(write(NTLM + 'credential = "c"\n' + account))
    with pytest.raises(InventoryError, match=r"pip install 'psbridge\[keyring\]'"):
        fleet["g"]


def test_the_keyring_gives_a_password(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real keyring, with its own backend for a plain file."""
    keyring = pytest.importorskip("keyring")
    alt = pytest.importorskip("keyrings.alt.file")
    monkeypatch.setattr(alt.PlaintextKeyring, "file_path", str(tmp_path / "ring"))
    before = keyring.get_keyring()
    keyring.set_keyring(alt.PlaintextKeyring())
    try:
        account = "[credentials.c]\nusername = 'u'\npassword = { keyring = 'psbridge' }\n"
        path = write(NTLM + 'credential = "c"\n' + account)
        with pytest.raises(InventoryError, match="`keyring set psbridge u` makes one"):
            inventory(path)["g"]
        keyring.set_password("psbridge", "u", "from the ring")
        (target,) = all_of(WinRM, inventory(path)["g"])
        assert revealed(target.password) == "from the ring"
    finally:
        keyring.set_keyring(before)


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
def test_a_file_that_may_not_be_read_is_an_error(write: Write) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read all")
    path = write(FLEET)
    path.chmod(stat.S_IWUSR)
    with pytest.raises(InventoryError, match="Permission denied"):
        inventory(path)

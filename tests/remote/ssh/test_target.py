"""What a user says about a machine that is reached over SSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from psbridge import SSH


def test_a_target_is_a_user_and_a_machine() -> None:
    target = SSH("ops@web1")
    assert (target.user, target.address, target.location) == ("ops", "web1", "web1")
    assert SSH("web1").user is None
    # As ssh takes it apart: an account may have an @ in it.
    domain = SSH("jo@dom.example@web1")
    assert (domain.user, domain.address) == ("jo@dom.example", "web1")
    assert SSH("DOM\\jo@web1").user == "DOM\\jo"


def test_a_password_in_it_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="ssh takes no password") as caught:
        SSH("jo:geheim@web1")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("host", ["WEB1", "ops@WEB1", "Gerät", "web-1_a.Example.", "10.0.0.1"])
def test_names_keep_their_case(host: str) -> None:
    assert SSH(host).location == host.rpartition("@")[2]


@pytest.mark.parametrize("host", ["::1", "[::1]", "ops@[::1]", "fe80::1%eth0"])
def test_addresses_of_ipv6_are_addresses(host: str) -> None:
    address = host.rpartition("@")[2].strip("[]")
    assert SSH(host).address == SSH(host).location == address
    assert SSH(host, port=2222).location == f"[{address}]:2222"


def test_targets_behind_ports_of_one_machine_can_be_told_apart() -> None:
    assert [SSH("localhost", port=port).location for port in (2201, 2202)] == [
        "localhost:2201",
        "localhost:2202",
    ]


@pytest.mark.parametrize(
    "host",
    [
        *("", "@", "ops@", "@web1", "-oProxyCommand=x", "ops@-v", "-v@web1", "[]"),
        *("web 1", "web1\n", "we\tb1", "web1\0", "ops\x1b@web1", "web\u202e1"),
        *("web1;x", "$(x)", "`x`", "a|b", "a&b", "'web1", '"web1', "a>b", "{a}", "a\\b"),
        *("o;ps@web1", "$(x)`@web1", "ops\\@web1"),
    ],
)
def test_a_name_that_is_more_than_a_name_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"^the (host|user)"):
        SSH(host)


def test_a_port_is_said_as_a_port() -> None:
    with pytest.raises(ValueError, match="port="):
        SSH("web1:2222")
    for port in (0, -1, 65536):
        with pytest.raises(ValueError, match="from 1 to 65535"):
            SSH("web1", port=port)


@pytest.mark.parametrize("settings", [{"port": "22"}, {"port": True}, {"options": ["a"]}])
def test_a_setting_of_another_kind_is_a_type_error(settings: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        SSH("web1", **settings)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        SSH(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_an_open_timeout_is_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="open timeout"):
        SSH("web1", open_timeout=seconds)


@pytest.mark.parametrize(
    "options",
    [
        {"Proxy Jump": "gate"},
        {"ProxyJump=a -oProxyCommand": "x"},
        {"": "x"},
        {"-v": "x"},
        {"ProxyJump": "gate\nProxyCommand=x"},
        {"ProxyJump": ""},
        {"RequestTTY": "yes"},
        {"remotecommand": "x"},
        {"ForkAfterAuthentication": True},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="option"):
        SSH("web1", options=options)


@pytest.mark.parametrize("name", ["subsystem", "key_file", "config", "executable"])
def test_texts_with_control_characters_are_refused(name: str) -> None:
    for text in ("", "a\nb", "a\0b"):
        with pytest.raises(ValueError, match=name):
            SSH("web1", **{name: text})  # type: ignore[arg-type]


def test_a_target_keeps_what_it_was_made_with() -> None:
    options = {"ProxyJump": "gate"}
    target = SSH("ops@web1", options=options, key_file=Path("key"))
    options["ProxyJump"] = "other"
    assert target.options == {"ProxyJump": "gate"}
    assert target == SSH("ops@web1", options={"ProxyJump": "gate"}, key_file=Path("key"))
    assert len({target, SSH("ops@web1", options={"ProxyJump": "gate"}, key_file=Path("key"))}) == 1
    with pytest.raises(AttributeError):
        target.host = "web2"  # type: ignore[misc]

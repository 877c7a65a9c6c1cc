"""WinRM targets: addresses, and settings that do not go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from psbridge import Credential, Secret
from psbridge.remote.winrm import kerberos
from psbridge.remote.winrm.target import WinRM

ACCOUNT = {"auth": "ntlm", "username": "ops", "password": "p"}


def made(host: str = "web1", **settings: Any) -> WinRM:
    return WinRM(host, **{**ACCOUNT, **settings})


@pytest.mark.parametrize(
    ("host", "settings", "url"),
    [
        ("web1", {}, "http://web1:5985/wsman"),
        ("web1", {"scheme": "https"}, "https://web1:5986/wsman"),
        ("web1", {"port": 5986}, "https://web1:5986/wsman"),
        ("web1", {"port": 443}, "https://web1:443/wsman"),
        ("web1", {"port": 8080, "path": "/gate/ps"}, "http://web1:8080/gate/ps"),
        ("WEB1.corp.example", {}, "http://WEB1.corp.example:5985/wsman"),
        ("10.0.0.7", {}, "http://10.0.0.7:5985/wsman"),
        ("::1", {}, "http://[::1]:5985/wsman"),
        ("[::1]", {"scheme": "https"}, "https://[::1]:5986/wsman"),
        ("fe80::1%eth0", {}, "http://[fe80::1%25eth0]:5985/wsman"),
        ("[fe80::1%25eth0]", {}, "http://[fe80::1%25eth0]:5985/wsman"),
        ("http://web1", {}, "http://web1:5985/wsman"),
        ("https://Web1", {}, "https://Web1:5986/wsman"),
        ("HTTPS://web1:8443/ps", {}, "https://web1:8443/ps"),
        ("http://[::1]", {}, "http://[::1]:5985/wsman"),
        ("https://[fe80::1%25eth0]:5986/wsman", {}, "https://[fe80::1%25eth0]:5986/wsman"),
        ("http://web1:8080/", {"port": 8080, "scheme": "http"}, "http://web1:8080/wsman"),
    ],
)
def test_a_host_becomes_an_address(host: str, settings: dict[str, Any], url: str) -> None:
    target = made(host, **settings)
    assert target.address.url == url
    assert target.location == host


@pytest.mark.parametrize(
    ("host", "settings", "words"),
    [
        ("", {}, "no host"),
        (" web1", {}, "no host"),
        ("web 1", {}, "no host"),
        ("web1:5985", {}, "port="),
        ("web1/wsman", {}, "path="),
        ("ops@web1", {}, "username="),
        ("[web1]", {}, "brackets"),
        ("fe80::1%", {}, "zone"),
        ("ftp://web1", {}, "http:// nor https://"),
        ("http://", {}, "no host"),
        ("http://web1/wsman?x=1", {}, "more than"),
        ("https://web1", {"scheme": "http"}, "scheme="),
        ("http://web1:1", {"port": 2}, "port="),
        ("http://web1/a", {"path": "b"}, "path="),
        ("http://web1:99999", {}, "cannot be read"),
        ("web1", {"port": 0}, "1 to 65535"),
        ("web1", {"port": 70000}, "1 to 65535"),
        ("web1", {"scheme": "ssh"}, "scheme"),
        ("web1", {"path": "a b"}, "path"),
        ("web1", {"scheme": "http", "port": 5986}, "5986 is for TLS"),
        ("web1", {"scheme": "https", "port": 5985}, "5985 is for plain HTTP"),
    ],
)
def test_what_is_no_address_is_refused(host: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made(host, **settings)


@pytest.mark.parametrize(
    "url",
    ["http://ops:hunter2@web1", "http://ops@web1:1/x", "http://a:hunter2@[", "//ops:hunter2@web1"],
)
def test_a_url_with_a_user_in_it_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"user|read|path=") as caught:
        made(url)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValueError, match=r"user|read") as caught:
        made(proxy=url.replace("web1", "gate:3128"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"auth": "digest"}, "auth is one of"),
        ({"auth": "ntlm", "password": None}, "needs a user and a password"),
        ({"auth": "ntlm", "username": None, "password": None}, "needs a user and a password"),
        ({"auth": "basic", "username": None, "password": None}, "needs a user and a password"),
        ({"username": None}, "no user"),
        ({"username": ""}, "user name"),
        ({"username": "a\ud800"}, "user name"),
        ({"password": ""}, "password is empty"),
        ({"password": "hunter2\ud800"}, "cannot be sent"),
        ({"auth": "basic", "scheme": "https", "username": "a:b"}, "colon"),
        ({"auth": "basic", "scheme": "http"}, "in clear"),
        ({"auth": "basic", "port": 5985}, "in clear"),
        ({"allow_unencrypted": True}, "for Basic"),
        ({"auth": "basic", "scheme": "https", "allow_unencrypted": True}, "for Basic"),
        ({"auth": "kerberos"}, "takes a ticket and no password"),
        ({"auth": "kerberos", "username": "DOM\\jo", "password": None}, "user@REALM"),
        (
            {"auth": "negotiate", "username": None, "password": None, "host": "10.0.0.7"},
            "only Kerberos",
        ),
        ({"auth": "negotiate", "username": "DOM\\jo", "password": None}, "only Kerberos"),
        ({"service": "HOST"}, "for Kerberos"),
        ({"spn_host": "web"}, "for Kerberos"),
        ({"delegate": True}, "for Kerberos"),
        ({"auth": "negotiate", "service": "HTTP/web1"}, "Kerberos name"),
        ({"auth": "negotiate", "spn_host": ""}, "Kerberos name"),
        ({"auth": "certificate"}, "no user and no password"),
        ({"auth": "certificate", "username": None, "password": None}, "needs cert_file"),
        ({"auth": "certificate", "username": None, "password": None, "scheme": "http"}, "https"),
        ({"key_password": "x"}, "auth='certificate'"),
        ({"verify": False}, "plain http"),
        ({"verify_host": False}, "plain http"),
        ({"ca": __file__}, "plain http"),
        ({"ca": __file__, "scheme": "https", "verify": False}, "no sense"),
        ({"ca": __file__, "scheme": "https"}, "no certificates"),
        ({"ca": "/nowhere/ca.pem", "scheme": "https"}, "there is no ca"),
        ({"proxy": "gate:3128"}, "http://HOST:PORT"),
        ({"proxy": "http://gate"}, "http://HOST:PORT"),
        ({"proxy": "socks5://gate:1080"}, "http://HOST:PORT"),
        ({"proxy_username": "a", "proxy_password": "b"}, "no proxy"),
        ({"proxy": "http://gate:1", "proxy_username": "a"}, "go together"),
        ({"proxy": "http://gate:1", "proxy_username": "a:b", "proxy_password": "c"}, "colon"),
        ({"open_timeout": 0}, "open timeout"),
        ({"operation_timeout": 0}, "operation timeout"),
        ({"cancel_timeout": -1}, "cancel timeout"),
        ({"idle_timeout": 5}, "idle timeout"),
        ({"retries": -1}, "retries"),
        ({"refusals": 0}, "refusals"),
        ({"configuration": ""}, "configuration"),
        ({"credential": Credential("a", Secret("b"))}, "not both"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        made(**settings)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(vars(caught.value))


@pytest.mark.parametrize("name", ["verify", "verify_host", "delegate", "allow_unencrypted"])
@pytest.mark.parametrize("value", ["no", "false", "", 0, 1, None])
def test_what_is_true_or_false_is_nothing_else(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{name} is True or False, not "):
        made(auth="basic", **{name: value})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": None}, "host is a text"),
        ({"host": b"http://a:hunter2@b"}, "host is a text"),
        ({"host": 5}, "host is a text"),
        ({"auth": ["ntlm"]}, "auth is a text"),
        ({"name": 5}, "name is a text or None"),
        ({"port": "5985"}, "port is a whole number"),
        ({"port": 5985.0}, "port is a whole number"),
        ({"port": True}, "port is a whole number"),
        ({"path": None}, "path is a text"),
        ({"username": 5}, "username is a text or None"),
        ({"credential": ("a", "hunter2")}, "credential is a Credential"),
        ({"proxy": True}, "proxy is a text or None"),
        ({"proxy": ("gate", 3128)}, "proxy is a text or None"),
        ({"open_timeout": "5"}, "open_timeout is a number"),
        ({"open_timeout": None}, "open_timeout is a number"),
        ({"operation_timeout": "5"}, "operation_timeout is a number"),
        ({"cancel_timeout": True}, "cancel_timeout is a number"),
        ({"idle_timeout": "300"}, "idle_timeout is a number"),
        ({"retries": 1.5}, "retries is a whole number"),
        ({"retries": None}, "retries is a whole number"),
        ({"refusals": "3"}, "refusals is a whole number"),
        ({"culture": None}, "culture is a text"),
    ],
)
def test_a_setting_of_a_wrong_kind_is_a_type_error(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=f"^{words}") as caught:
        made(**settings)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["open_timeout", "operation_timeout", "cancel_timeout"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0])
def test_a_time_is_finite(name: str, value: float) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=name.replace("_", " ")):
        made(**settings)
    with pytest.raises(ValueError, match="idle timeout"):
        made(idle_timeout=value)


def test_a_password_is_a_text() -> None:
    with pytest.raises(TypeError, match="text or a Secret"):
        made(password=12345)


def test_what_needs_tls_takes_it_by_itself(tmp_path: Path) -> None:
    assert made(auth="basic").address.url == "https://web1:5986/wsman"
    certificate = trustme.CA().issue_cert("ops")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "ops.pem")
    target = WinRM("web1", auth="certificate", cert_file=tmp_path / "ops.pem")
    assert target.address.url == "https://web1:5986/wsman"
    allowed = made(auth="basic", allow_unencrypted=True)
    assert allowed.address.url == "http://web1:5985/wsman"


def test_no_password_is_in_a_repr() -> None:
    target = made(
        port=8080,
        password=Secret("hunter2"),
        proxy="http://gate:1",
        proxy_username="a",
        proxy_password="hunter2",
        configuration="PowerShell.7",
    )
    assert repr(target) == (
        "WinRM('web1', auth='ntlm', username='ops', port=8080, configuration='PowerShell.7')"
    )
    assert "hunter2" not in repr(vars(target))


def test_a_credential_stands_for_user_and_password() -> None:
    target = WinRM("web1", auth="ntlm", credential=Credential("ops", Secret("p")))
    assert target == made()
    assert hash(target) == hash(made())
    assert target != made(password="q")


@pytest.fixture
def keys(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Writes a certificate and its key, in one of several ways."""
    authority = trustme.CA()
    certificate, other = authority.issue_cert("ops"), authority.issue_cert("jo")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)

    def write(how: str) -> dict[str, Any]:
        path = tmp_path / f"{how}.pem"
        forms = {
            "pkcs8": serialization.PrivateFormat.PKCS8,
            "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
        }
        if how in forms:
            encryption = serialization.BestAvailableEncryption(b"hunter2")
            path.write_bytes(key.private_bytes(serialization.Encoding.PEM, forms[how], encryption))
        elif how == "other":
            other.private_key_pem.write_to_path(path)
        elif how == "plain":
            certificate.private_key_pem.write_to_path(path)
        else:
            path.write_text("no key")
        return {"auth": "certificate", "cert_file": tmp_path / "cert.pem", "key_file": path}

    return write


def test_a_key_is_opened_when_the_target_is_made(keys: Callable[[str], dict[str, Any]]) -> None:
    WinRM("web1", **keys("plain"))
    for how in ("pkcs8", "traditional"):
        WinRM("web1", **keys(how), key_password="hunter2")
        with pytest.raises(ValueError, match="needs key_password"):
            WinRM("web1", **keys(how))
        with pytest.raises(ValueError, match="has another password"):
            WinRM("web1", **keys(how), key_password="wrong")
    with pytest.raises(ValueError, match="not the one of the certificate"):
        WinRM("web1", **keys("other"))
    with pytest.raises(ValueError, match="no certificate and key"):
        WinRM("web1", **keys("nothing"))


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "_LIBRARIES", ("no_such_library",))
    with pytest.raises(ValueError, match=r"pip install 'psbridge\[kerberos\]'"):
        made(auth="kerberos", password=None)
    with pytest.raises(ValueError, match=r"psbridge\[kerberos\]"):
        WinRM("web1")
    made(auth="negotiate")

"""What the cmdlets' parameters say, as a target; and what they cannot have."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psbridge import Credential, Secret, Session
from psbridge.remote.winrm import kerberos
from psbridge.remote.winrm.request import _fan_out_of, connection_of, target_of
from psbridge.remote.winrm.secrets import revealed
from psbridge.remote.winrm.target import WinRM
from tests.winrm_server.fixtures import PASSWORD, USER
from tests.winrm_server.server import Machine, WinRMServer

Make = Callable[..., WinRM]


@pytest.fixture(scope="module")
def shell() -> Iterator[Session]:
    with Session() as session:
        yield session


def request_of(options: str = "", **values: object) -> Any:
    """The request that a cmdlet makes of its parameters; the options as a hash table has them."""
    from PSBridge.Remote import WinRMRequest
    from System.Management.Automation import PowerShell

    request = WinRMRequest()
    for name, value in {
        "ComputerName": "web1",
        "UserName": "ops",
        "Password": "p",
        **values,
    }.items():
        setattr(request, name, value)
    script = (
        "$c = [pscredential]::new('jo', (ConvertTo-SecureString pw -AsPlainText -Force));"
        # Off Windows, New-PSSessionOption has two parameters; a hash table has them all.
        f"[System.Management.Automation.Remoting.PSSessionOption]@{{{options}}}"
    )
    with PowerShell.Create() as pipeline:
        request.SessionOption = pipeline.AddScript(script).Invoke()[0].BaseObject
    return request


@pytest.fixture
def made(shell: Session) -> Make:
    """Makes the target of a request."""
    return lambda options="", **values: target_of(request_of(options, **values))


def test_a_request_without_more_is_negotiate_over_http(made: Make) -> None:
    target = made()
    assert target == WinRM("web1", auth="negotiate", scheme="http", username="ops", password="p")
    assert target.address.url == "http://web1:5985/wsman"


def test_the_parameters_of_the_address(made: Make) -> None:
    target = made(
        ComputerName="WEB1", Port=8443, UseSSL=True, ApplicationName="gate", ConfigurationName="X"
    )
    assert target.address.url == "https://WEB1:8443/gate"
    assert target.configuration == "X"
    assert target.location == "WEB1"
    assert made(UseSSL=True).address.port == 5986
    assert made(ComputerName=".").address.host == "localhost"
    assert made(ComputerName="https://web1:1/x").address.url == "https://web1:1/x"


@pytest.mark.parametrize(
    ("name", "auth"),
    [
        ("Default", "negotiate"),
        ("Negotiate", "negotiate"),
        ("Ntlm", "ntlm"),
        ("Credssp", "credssp"),
    ],
)
def test_ways_to_authenticate(made: Make, name: str, auth: str) -> None:
    target = made(Authentication=name)
    assert (target.auth, target.username, revealed(target.password)) == (auth, "ops", "p")


def test_basic_needs_tls_or_leave(made: Make) -> None:
    assert made(Authentication="Basic", UseSSL=True).address.scheme == "https"
    target = made("NoEncryption=$true", Authentication="Basic")
    assert (target.address.scheme, target.allow_unencrypted) == ("http", True)


def test_without_a_credential_it_is_the_user_who_runs_this(made: Make) -> None:
    if not kerberos.is_installed():
        pytest.skip("without pykerberos there is nobody")
    for name in ("Default", "Kerberos", "NegotiateWithImplicitCredential"):
        target = made(Authentication=name, UserName=None, Password=None)
        assert (target.username, target.password) == (None, None)


def test_old_prompts_spell_a_plain_name_with_a_backslash(made: Make) -> None:
    assert made(UserName="\\ops").username == "ops"


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("OpenTimeout='0:0:5'", "open_timeout", 5.0),
        ("OpenTimeout='0:0:0'", "open_timeout", 2_147_483.0),
        ("OperationTimeout='0:0:7'", "operation_timeout", 7.0),
        ("OperationTimeout='0:0:0'", "operation_timeout", 20.0),
        ("OperationTimeout='0:0:0.001'", "operation_timeout", 0.5),
        ("CancelTimeout='0:0:3'", "cancel_timeout", 3.0),
        ("IdleTimeout='0:2:0'", "idle_timeout", 120.0),
        ("NoMachineProfile=$true", "no_profile", True),
        ("Culture='de-DE'", "culture", "de-DE"),
        ("UICulture='fr-FR'", "ui_culture", "fr-FR"),
        ("MaxConnectionRetryCount=2", "retries", 2),
        ("IncludePortInSPN=$true", "spn_host", "web1:5985"),
        ("ProxyAccessType='IEConfig'", "proxy", "env"),
        ("ProxyAccessType='NoProxyServer'", "proxy", None),
        ("NoCompression=$true", "auth", "negotiate"),
        ("MaximumConnectionRedirectionCount=0", "auth", "negotiate"),
    ],
)
def test_an_option_is_done(made: Make, options: str, name: str, value: object) -> None:
    assert getattr(made(options), name) == value


@pytest.mark.parametrize(
    ("options", "verify", "verify_host"),
    [
        ("", True, True),
        ("SkipCACheck=$true; SkipCNCheck=$true", False, True),
        ("SkipCNCheck=$true", True, False),
        ("SkipRevocationCheck=$true", True, True),
    ],
)
def test_checks_of_a_certificate_can_be_skipped(
    made: Make, options: str, verify: bool, verify_host: bool
) -> None:
    target = made(options, UseSSL=True)
    assert (target.verify, target.verify_host) == (verify, verify_host)
    # Over HTTP there is nothing to check, and Windows takes that, too.
    made(options)


def test_a_proxys_account(made: Make) -> None:
    target = made("ProxyAccessType='IEConfig'; ProxyAuthentication='Basic'; ProxyCredential=$c")
    assert target.proxy_username == "jo"
    assert revealed(target.proxy_password) == "pw"


@pytest.mark.parametrize(
    ("options", "values", "words"),
    [
        ("", {"Authentication": "Digest"}, "Digest cannot work here"),
        ("", {"Authentication": "Kerberos"}, "takes a ticket and no password"),
        ("", {"Authentication": "NegotiateWithImplicitCredential"}, "leave -Credential away"),
        ("", {"Authentication": "Basic"}, "NoEncryption=.true"),
        ("", {"Authentication": "Basic", "UserName": None}, "needs -Credential"),
        ("", {"Authentication": "64"}, "not known here"),
        ("", {"ComputerName": "web1:5985"}, "port="),
        ("", {"Password": ""}, "password is empty"),
        ("NoEncryption=$true", {}, "NoEncryption cannot work here"),
        ("SkipCACheck=$true", {}, "SkipCACheck without SkipCNCheck"),
        ("SkipCACheck=$true", {"UseSSL": True}, "SkipCACheck without SkipCNCheck"),
        ("UseUTF16=$true", {}, "UseUTF16"),
        ("OutputBufferingMode='Block'", {}, "OutputBufferingMode"),
        ("MaximumReceivedDataSizePerCommand=1MB", {}, "MaximumReceivedDataSizePerCommand"),
        ("MaximumReceivedObjectSize=1MB", {}, "MaximumReceivedObjectSize"),
        ("MaximumConnectionRedirectionCount=3", {}, "redirects are never followed"),
        ("IdleTimeout='0:1:0'", {"Authentication": "Basic"}, "NoEncryption=.true"),
        ("IncludePortInSPN=$true", {"Authentication": "Ntlm"}, "IncludePortInSPN"),
        ("ProxyAccessType='WinHttpConfig'", {}, "ProxyAccessType WinHttpConfig"),
        ("ProxyAccessType='AutoDetect'", {}, "ProxyAccessType AutoDetect"),
        ("ProxyAccessType='IEConfig'; ProxyCredential=$c", {}, "by Basic only"),
        ("ProxyAccessType='None'; ProxyCredential=$c", {}, "names no proxy"),
    ],
)
def test_what_cannot_work_says_so_in_one_sentence(
    made: Make, options: str, values: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        made(options, **values)
    assert "\n" not in str(caught.value)


def test_without_kerberos_a_credential_is_needed(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kerberos, "_LIBRARIES", ("no_such_library",))
    with pytest.raises(ValueError, match="-Credential is needed"):
        made(UserName=None)


def test_a_connection_knows_where_it_goes(shell: Session) -> None:
    connection = connection_of(request_of("OpenTimeout='0:0:5'", ComputerName="WEB1"))
    assert connection.ComputerName == "WEB1"
    assert connection.TransportName == "WinRM"
    assert connection.OpenMilliseconds == 5000


def test_the_machines_of_one_call_belong_together(shell: Session) -> None:
    from PSBridge.Remote import NewWinRMSessionCommand

    one, other = NewWinRMSessionCommand(), NewWinRMSessionCommand()
    first = _fan_out_of(one)
    assert _fan_out_of(one) is first
    assert _fan_out_of(other) is not first
    assert _fan_out_of(None) is not _fan_out_of(None)


def test_a_call_that_is_over_is_forgotten(shell: Session) -> None:
    from PSBridge.Remote import NewWinRMSessionCommand
    from System import GC

    from psbridge.remote.winrm import request

    for _ in range(20):
        _fan_out_of(NewWinRMSessionCommand())
    gc.collect()
    for _ in range(3):
        GC.Collect()
        GC.WaitForPendingFinalizers()
    _fan_out_of(NewWinRMSessionCommand())
    assert len(request._calls) < 20


@pytest.mark.parametrize("command", ["New-WinRMSession", "Invoke-WinRMCommand -ScriptBlock { 1 }"])
def test_a_wrong_setting_is_an_error_of_the_cmdlet_for_that_machine(
    shell: Session, command: str
) -> None:
    result = shell.run(
        f"{command} -ComputerName 'web1:5985' -ErrorAction SilentlyContinue -ErrorVariable e\n"
        "$e | ForEach-Object { $_.Exception.Message; $_.TargetObject; $_.CategoryInfo.Category }"
    )
    message, target, category = result[:3]
    assert "port=" in message or "-Credential" in message
    assert target == "web1:5985"
    assert str(category) == "InvalidArgument"


@pytest.mark.parametrize("command", ["New-WinRMSession", "Invoke-WinRMCommand -ScriptBlock { 1 }"])
def test_authentication_may_be_ntlm(
    shell: Session, machine: Machine, winrm_server: WinRMServer, command: str
) -> None:
    credential = Credential(USER, Secret(PASSWORD))
    for name in ("Ntlm", "NTLM"):
        result = shell.run(
            f"param($c, $port) {command} -ComputerName 127.0.0.1 -Port $port -Credential $c "
            f"-Authentication {name} | ForEach-Object {{ if ($_ -eq 1) {{ 1 }} else {{ "
            "Remove-PSSession $_; 1 } }",
            c=credential,
            port=machine.port,
        )
        assert list(result) == [1]
    assert {one["scheme"] for one in winrm_server.attempts()} == {"Negotiate"}
    refused = shell.run(
        f"try {{ {command} -ComputerName x -Authentication Nonsense }} "
        "catch { $_.Exception.Message }"
    )
    assert "Authentication" in refused[0]

"""What the cmdlets' parameters say, as a target: New-WinRMSession and Invoke-WinRMCommand.

Everything that can be asked for is done, or is refused in one sentence: a setting that is passed
over in silence would be believed.
"""

from __future__ import annotations

import threading
from typing import Any

from ..carrying import FanOut, connection_to
from . import kerberos
from .target import WinRM

__all__ = ["connection_of", "target_of"]

_AUTHS = {
    "Default": "negotiate",
    "Negotiate": "negotiate",
    "NegotiateWithImplicitCredential": "negotiate",
    "Kerberos": "kerberos",
    "Ntlm": "ntlm",
    "Credssp": "credssp",
    "Basic": "basic",
}
# PowerShell's own values, which stand for "not said".
_REDIRECTIONS = 5
_RETRIES = 5
_OBJECT_SIZE = 200 << 20
_TIMEOUTS = {"OperationTimeout": 180.0, "OpenTimeout": 180.0, "CancelTimeout": 60.0}
_FOR_EVER = 2_147_483.0  # seconds; the engine's clocks go no further


def connection_of(request: Any) -> Any:
    """Make the engine's connection for what a cmdlet asks for.

    Args:
        request: a ``PSBridge.Remote.WinRMRequest``.

    Returns:
        A ``PSBridge.Remote.RemoteConnectionInfo``. Those of one call of a cmdlet share a
        `FanOut`.

    Raises:
        ValueError: the settings do not go together, or one cannot work here; says which and why.
    """
    return connection_to(target_of(request), _fan_out_of(request.Command))


def target_of(request: Any) -> WinRM:
    """The target that a request describes; see `connection_of`."""
    options = request.SessionOption
    settings = _times(options)
    settings |= _account(request)
    settings |= _tls(request, options)
    settings |= _proxy(options)
    settings |= _others(request, options)
    for name, value in (
        ("port", int(request.Port)),
        ("path", str(request.ApplicationName or "")),
        ("configuration", str(request.ConfigurationName or "")),
    ):
        if value:
            settings[name] = value
    computer = str(request.ComputerName)
    # As PowerShell itself takes it.
    return WinRM("localhost" if computer == "." else computer, **settings)


def _account(request: Any) -> dict[str, Any]:
    name = str(request.Authentication)
    if name == "Digest":
        raise ValueError(
            "-Authentication Digest cannot work here: it does not encrypt, and Windows has it for "
            "proxies only; use Negotiate"
        )
    if name not in _AUTHS:
        raise ValueError(f"-Authentication {name} is not known here")
    settings: dict[str, Any] = {"auth": _AUTHS[name]}
    if request.UserName is None:
        if _AUTHS[name] in ("ntlm", "credssp", "basic"):
            raise ValueError(f"-Authentication {name} needs -Credential")
        if _AUTHS[name] == "negotiate" and not kerberos.is_installed():
            raise ValueError(
                "-Credential is needed: without it only Kerberos would do, and that needs "
                "pip install 'psbridge[kerberos]' and a ticket (kinit)"
            )
        return settings
    if name == "NegotiateWithImplicitCredential":
        raise ValueError(
            "-Authentication NegotiateWithImplicitCredential takes the account that runs this: "
            "leave -Credential away, or use Negotiate"
        )
    if name == "Kerberos":
        raise ValueError(
            "-Authentication Kerberos takes a ticket and no password here: get one with kinit and "
            "leave -Credential away, or use Negotiate"
        )
    # Old prompts put a backslash before a plain name.
    settings["username"] = str(request.UserName).removeprefix("\\")
    settings["password"] = str(request.Password or "")
    return settings


def _tls(request: Any, options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    secure = bool(request.UseSSL) or str(request.ComputerName).lower().startswith("https://")
    if request.UseSSL:
        settings["scheme"] = "https"
    elif "://" not in str(request.ComputerName):
        settings["scheme"] = "http"
    authority, name = bool(options.SkipCACheck), bool(options.SkipCNCheck)
    if authority and not name:
        raise ValueError(
            "SkipCACheck without SkipCNCheck cannot work here: the name in a certificate says "
            "nothing where nobody vouches for it; skip both, or trust its authority on this system"
        )
    if secure:
        # Nothing is asked about revocation, so SkipRevocationCheck is always so.
        settings["verify"] = not authority
        settings["verify_host"] = not name or authority
    if options.NoEncryption and not secure:
        if str(request.Authentication) != "Basic":
            raise ValueError(
                "NoEncryption cannot work here: over HTTP every message is encrypted, unless "
                "-Authentication is Basic"
            )
        settings["allow_unencrypted"] = True
    elif str(request.Authentication) == "Basic" and not secure:
        raise ValueError(
            "Basic over plain HTTP would send the password in clear: use -UseSSL, or allow it with "
            "-SessionOption @{NoEncryption=$true}"
        )
    return settings


def _proxy(options: Any) -> dict[str, Any]:
    access = str(options.ProxyAccessType)
    credential = options.ProxyCredential
    if access in ("WinHttpConfig", "AutoDetect"):
        raise ValueError(
            f"ProxyAccessType {access} cannot work here: it reads settings of Windows'; IEConfig "
            "takes the proxy of the environment (http_proxy, https_proxy, no_proxy)"
        )
    if access != "IEConfig":
        if credential is not None:
            raise ValueError("there is a ProxyCredential, and ProxyAccessType names no proxy")
        return {}
    settings: dict[str, Any] = {"proxy": "env"}
    if credential is not None:
        if str(options.ProxyAuthentication) != "Basic":
            raise ValueError(
                f"ProxyAuthentication {options.ProxyAuthentication} cannot work here: a proxy "
                "gets its account by Basic only"
            )
        settings["proxy_username"] = str(credential.UserName)
        settings["proxy_password"] = str(credential.GetNetworkCredential().Password)
    return settings


def _times(options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, key in (
        ("OpenTimeout", "open_timeout"),
        ("OperationTimeout", "operation_timeout"),
        ("CancelTimeout", "cancel_timeout"),
    ):
        seconds = float(getattr(options, name).TotalSeconds)
        if seconds == _TIMEOUTS[name]:
            continue  # not said
        if seconds <= 0:  # no limit
            if key != "operation_timeout":
                settings[key] = _FOR_EVER
            continue
        settings[key] = min(max(seconds, 0.5), 3600.0) if key == "operation_timeout" else seconds
    idle = float(options.IdleTimeout.TotalSeconds)
    if idle >= 0:
        settings["idle_timeout"] = idle
    return settings


def _others(request: Any, options: Any) -> dict[str, Any]:
    for refused, sentence in (
        (
            options.UseUTF16,
            "UseUTF16 cannot work here: requests are UTF-8, which every machine takes",
        ),
        (
            str(options.OutputBufferingMode) not in ("None", ""),
            "OutputBufferingMode cannot work here: sessions cannot be disconnected, so nothing is "
            "kept back for one that is",
        ),
        (
            options.MaximumReceivedDataSizePerCommand is not None,
            "MaximumReceivedDataSizePerCommand cannot work here: the engine keeps it to its own "
            "transports; the endpoint has such a limit, too",
        ),
        (
            options.MaximumReceivedObjectSize not in (None, _OBJECT_SIZE),
            "MaximumReceivedObjectSize cannot work here: the engine keeps it to its own "
            "transports; the endpoint has such a limit, too",
        ),
        (
            options.MaximumConnectionRedirectionCount not in (0, _REDIRECTIONS),
            "MaximumRedirection cannot work here: redirects are never followed",
        ),
    ):
        if refused:
            raise ValueError(sentence)
    settings: dict[str, Any] = {"no_profile": bool(options.NoMachineProfile)}
    for option, name in ((options.Culture, "culture"), (options.UICulture, "ui_culture")):
        if option is not None and str(option.Name):
            settings[name] = str(option.Name)
    if options.MaxConnectionRetryCount != _RETRIES:
        settings["retries"] = max(0, min(int(options.MaxConnectionRetryCount), _RETRIES))
    if options.IncludePortInSPN:
        settings |= _port_in_spn(request)
    return settings


def _port_in_spn(request: Any) -> dict[str, Any]:
    if _AUTHS.get(str(request.Authentication)) not in ("negotiate", "kerberos"):
        raise ValueError("IncludePortInSPN is for Kerberos, and for Negotiate")
    address = WinRM(
        str(request.ComputerName),
        port=int(request.Port) or None,
        scheme="https" if request.UseSSL else None,
        auth="ntlm",
        username="-",
        password="-",
    ).address
    return {"spn_host": f"{address.host.lower()}:{address.port}"}


_lock = threading.Lock()
_calls: list[tuple[Any, FanOut]] = []


def _fan_out_of(command: Any) -> FanOut:
    """What the machines of one call of a cmdlet have in common.

    The cmdlets are held weakly: a call is over when the engine lets go of it.
    """
    from System import Object, WeakReference

    if command is None:
        return FanOut()
    with _lock:
        _calls[:] = [call for call in _calls if call[0].Target is not None]
        for reference, fan_out in _calls:
            if Object.ReferenceEquals(reference.Target, command):
                return fan_out
        _calls.append((WeakReference(command), FanOut()))
        return _calls[-1][1]

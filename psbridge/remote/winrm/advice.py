"""What to try: words for codes and statuses of Windows'."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping

__all__ = [
    "account_advice",
    "clock_advice",
    "fault_advice",
    "offers",
    "status_words",
    "ticket_words",
]

_OFFERS = re.compile(r"\b(Negotiate|Kerberos|NTLM|CredSSP|Basic|Digest)\b", re.IGNORECASE)

_FAULTS = {
    2150858811: "is there an endpoint {configuration} on it (Get-PSSessionConfiguration), or is it "
    "PowerShell.7 or Microsoft.PowerShell; Enable-PSRemoting registers them",
    2689860592: "the endpoint {configuration} is broken, often by an update of PowerShell; "
    "run Enable-PSRemoting in that PowerShell, or use another configuration=",
    2150858843: "the session is gone there: it was idle too long, was removed, ran out of memory "
    "(MaxMemoryPerShellMB), or WinRM was restarted",
    2150859173: "the limit of shells for a user (MaxShellsPerUser) is reached",
    2150859174: "the limit of operations for a user (MaxConcurrentOperationsPerUser) is reached",
    2150859236: "the limit of shells for a user (the endpoint's MaxShellsPerUser) is reached",
    2150859237: "the limit of users (the endpoint's MaxConcurrentUsers) is reached",
    2150859238: "the limit of shells (the endpoint's MaxShells) is reached",
    2150859239: "the limit of operations for a user "
    "(the endpoint's MaxConcurrentOperationsPerUser) is reached",
    2150859240: "the limit of operations (the endpoint's MaxConcurrentOperations) is reached",
    2150859241: "the limit of commands in a session "
    "(the endpoint's MaxConcurrentCommandsPerShell) is reached",
}


_NT_STATUS = {
    0xC000006D: "unknown user or wrong password",
    0x8009030C: "unknown user or wrong password",
    0xC000006E: "the account is restricted",
    0xC000006F: "the account may not log on at this hour",
    0xC0000070: "the account may not log on at this machine",
    0xC0000071: "the password has expired",
    0xC0000072: "the account is disabled",
    0xC0000193: "the account has expired",
    0xC0000224: "the password must be changed first",
    0xC0000234: "the account is locked",
}

_ALLOWED_SKEW = 300.0  # seconds


def fault_advice(code: int, configuration: str, account: str | None) -> str:
    """What to try after a fault of the endpoint's.

    Args:
        code: its code.
        configuration: the endpoint that was asked for.
        account: the user, where there is one.
    """
    if code == 5:
        who = f"the user {account!r}" if account else "this user"
        return (
            f"{who} may not use the endpoint {configuration}: make it an administrator or a member "
            "of Remote Management Users there, or see Set-PSSessionConfiguration"
        )
    return _FAULTS.get(code, "").format(configuration=configuration)


def status_words(status: int) -> str:
    """What an NTSTATUS says."""
    return _NT_STATUS.get(status, f"status 0x{status:08X}")


def offers(headers: Mapping[str, str]) -> list[str]:
    """What a 401 says that one may authenticate with, in small letters."""
    value = " ".join(v for name, v in headers.items() if name.lower() == "www-authenticate")
    return sorted({one.lower() for one in _OFFERS.findall(value)})


def account_advice(name: str, auth: str, spn: str) -> str:
    """What to try where a logon was refused.

    Args:
        name: the account as it was sent.
        auth: how it was to authenticate.
        spn: the Kerberos name that was asked for.
    """
    if auth == "kerberos":
        return (
            f"may the account log on there; and does the name {spn} belong to the "
            "machine's account, and no other (setspn -Q)"
        )
    if "\\" in name:
        form = (
            "it was sent as an account of a domain; a local one is '.\\user' or 'user'"
            if not name.startswith(".\\")
            else "it was sent as a local account; one of a domain is 'DOMAIN\\user'"
        )
    elif "@" in name:
        form = "it was sent as user@domain; 'DOMAIN\\user' is another form"
    else:
        form = "it was sent without a domain; others are 'DOMAIN\\user' and 'user@domain'"
    if auth == "basic":
        form += "; Basic takes local accounts only"
    return (
        f"{form}. A local account that is not the built-in administrator also needs "
        "LocalAccountTokenFilterPolicy"
    )


def clock_advice(headers: Mapping[str, str]) -> str:
    """What to say where the machine's clock is not ours: it refuses what is too old or too new."""
    try:
        its = email.utils.parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return ""
    ahead = its - time.time()
    if abs(ahead) <= _ALLOWED_SKEW:
        return ""
    return (
        f"its clock is {abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'} this "
        "one's, and five are allowed: set the clock"
    )


def ticket_words(kind: str, text: str, who: str, spn: str) -> tuple[str, str]:
    """What happened to a Kerberos ticket, and what to try.

    Args:
        kind: of the complaint, see `kerberos.Complaint`.
        text: the library's words.
        who: for whom the ticket was to be, after a blank; or empty.
        spn: the name that was asked for.
    """
    words = {
        "no ticket": (
            f"there is no Kerberos ticket{who} ({text})",
            "get one with kinit, or use another auth=",
        ),
        "expired": (
            f"the Kerberos ticket{who} is no longer valid ({text})",
            "get a new one with kinit",
        ),
        "unknown": (
            f"Kerberos does not know the name {spn} ({text})",
            "use the name that the domain knows the machine by, or give it as spn_host=, or "
            "another service= (setspn -L lists what it has)",
        ),
        "skew": (
            f"the clocks of this machine and of the KDC differ too much ({text})",
            "Kerberos allows five minutes; set the clock",
        ),
        "no kdc": (
            f"no KDC can be reached ({text})",
            "is the realm in /etc/krb5.conf or in the DNS, and a domain controller up",
        ),
    }
    return words.get(kind, (f"Kerberos gives no ticket for {spn} ({text})", ""))

"""What went wrong at a feed, in words: the cause first, and at the end what to do about it.

An address is shown without user name, password and query, and so is a proxy's: what an exception
of the HTTP library says of itself may hold them, so its text is never shown.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import DecodeError, HTTPError, LocationParseError, ReadTimeoutError

from ..errors import FeedError
from .feed import ANOTHER_SOURCE, REPEAT
from .source import Source, redact
from .transfer import NoAnswer, Stalled

__all__ = ["FeedTrouble", "explain", "refused", "transport_errors"]

BUSY = (429, 500, 502, 503, 504)

transport_errors = (requests.RequestException, HTTPError, OSError, NoAnswer, Stalled, ValueError)
"""What sending a request and reading its answer may raise, `Stopped` aside."""


class FeedTrouble(FeedError):
    """A feed failed.

    Attributes:
        passing: trying again may help.
        everywhere: it is the feed that fails, whatever it is asked for.
        silent: it did not answer in time, which costs time at each attempt.
        status: the status of its answer; 0 without one.
        brief: the cause in a few words, for a list that names the addresses.
    """

    def __init__(
        self,
        cause: str,
        next_step: str = ANOTHER_SOURCE,
        *,
        passing: bool = False,
        everywhere: bool = False,
        silent: bool = False,
        status: int = 0,
        brief: str = "",
    ) -> None:
        super().__init__(cause, next_step)
        self.passing = passing
        self.everywhere = everywhere
        self.silent = silent
        self.status = status
        self.brief = brief or (f"status {status}" if status else cause)


def explain(
    error: Exception, source: Source, address: str, what: str, *, limit: float
) -> FeedTrouble:
    """Explain why there is no answer, or no more of it.

    Args:
        error: one of `transport_errors`.
        source: the feed.
        address: what was asked.
        what: what was asked for, in words.
        limit: the seconds that were waited.
    """
    feed = _feed(source, address)
    curl = f"See whether it can be reached at all:\n  curl -I {shlex.quote(redact(address))}"
    proxy = _proxy(address)
    through = f" through the proxy {proxy}" if proxy else ""
    name_proxy = f"Name the right proxy, and repeat:\n  {_set('HTTPS_PROXY', 'http://proxy:port')}"
    if isinstance(error, NoAnswer | requests.Timeout):
        return FeedTrouble(
            f"No answer from {feed}{through} within {limit:g} s.",
            name_proxy if proxy else curl,
            passing=True,
            everywhere=True,
            silent=True,
            brief="no answer",
        )
    if isinstance(error, Stalled | ReadTimeoutError):
        return FeedTrouble(f"{_cap(feed)} stopped sending {what}.", _repeat(source), passing=True)
    if isinstance(error, requests.exceptions.InvalidSchema):
        return FeedTrouble(
            f"{_cap(feed)} leads to an address that is not https:// for {what}; "
            "plain http:// needs allowInsecureConnections on its source."
        )
    if isinstance(error, requests.TooManyRedirects):
        return FeedTrouble(f"{_cap(feed)} redirects without end for {what}.")
    certificate = next(
        (e for e in _chain(error) if isinstance(e, ssl.SSLCertVerificationError)), None
    )
    if certificate is not None:
        return FeedTrouble(
            f"The certificate of {feed}{through} is not trusted: {certificate.verify_message}.",
            "Name a file with your organisation's certificates, and repeat:\n  "
            + _set("REQUESTS_CA_BUNDLE", "/path/to/ca.pem"),
            everywhere=True,
            brief="its certificate is not trusted",
        )
    if type(error) is OSError and "bundle" in str(error):
        names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        name = next((name for name in names if os.environ.get(name)), names[0])
        return FeedTrouble(
            f"There is no file of certificates where {name} names one, so {feed} cannot be "
            "trusted.",
            f"Name one that is there, and repeat:\n  {_set(name, '/path/to/ca.pem')}",
            everywhere=True,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return FeedTrouble(
            f"No connection to {feed}{through}: {_why(error)}.",
            name_proxy,
            passing=True,
            everywhere=True,
        )
    if isinstance(error, requests.exceptions.ChunkedEncodingError | HTTPError) and not isinstance(
        error, DecodeError | LocationParseError
    ):
        return FeedTrouble(
            f"The connection to {feed} broke off in the middle of {what}.",
            _repeat(source),
            passing=True,
        )
    if isinstance(error, OSError) and not isinstance(error, ValueError):
        # A bare name may have been meant as a folder's.
        bare = source.location == f"https://{source.name}"
        no_folder = f"There is no folder {source.name} here, so it is a host. " if bare else ""
        return FeedTrouble(
            f"No connection to {feed}{through}: {_why(error)}.",
            no_folder + curl,
            passing=True,
            everywhere=True,
            brief=_why(error),
        )
    return FeedTrouble(f"{_cap(feed)} cannot be asked for {what}: {type(error).__name__}.")


def refused(
    answer: requests.Response, source: Source, address: str, what: str, *, authorized: bool
) -> FeedTrouble:
    """Explain an answer that is a refusal.

    Args:
        answer: what the feed answered.
        source: the feed.
        address: what was asked.
        what: what was asked for, in words.
        authorized: whether credentials were sent.
    """
    status, feed = answer.status_code, _feed(source, address)
    if status in (404, 410):
        return FeedTrouble(f"{_cap(feed)} does not have {what} (status {status}).", status=status)
    if status in (401, 403):
        how = (
            "refuses the credentials it was given"
            if authorized
            else "wants credentials, and none are configured"
        )
        return FeedTrouble(
            f"{_cap(feed)} {how}, for {what} (status {status}).",
            _credentials(source),
            status=status,
        )
    if status == 407:
        return FeedTrouble(
            f"The proxy {_proxy(address)} wants credentials (status 407).",
            "Give them, and repeat:\n  " + _set("HTTPS_PROXY", "http://USER:PASSWORD@proxy:port"),
            status=status,
        )
    reason = f" {answer.reason}" if answer.reason else ""
    return FeedTrouble(
        f"{_cap(feed)} failed at {what}: status {status}{reason}.",
        _repeat(source) if status in BUSY else ANOTHER_SOURCE,
        passing=status in BUSY,
        status=status,
    )


def _feed(source: Source, address: str) -> str:
    """Name the feed, and the host that was asked where that is another one."""
    asked, own = urlsplit(address).netloc, urlsplit(source.location).netloc
    other = f" at {asked.rpartition('@')[2]}" if asked and asked != own else ""
    return f"the feed {source.shown} (from {source.origin}){other}"


def _repeat(source: Source) -> str:
    """Say how to repeat it with the same source."""
    named = f" --source {shlex.quote(source.name)}" if source.origin == "--source" else ""
    return f"{REPEAT}\n  psbridge setup{named}"


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _why(error: Exception) -> str:
    """Say in a few words what the innermost exception means."""
    chain = list(_chain(error))
    for kind, words in _REASONS:
        if any(isinstance(found, kind) for found in chain):
            return words
    for found in chain:
        if type(found) is OSError and found.strerror:
            return found.strerror.lower()
    if any("closed connection without response" in str(found) for found in chain):
        return "it closed the connection without an answer"
    return "it cannot be reached"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name is not known"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLEOFError, "it closed the connection"),
    (ssl.SSLZeroReturnError, "it closed the connection"),
    (ssl.SSLError, "it does not speak TLS as it should"),
    (ConnectionResetError, "it closed the connection"),
    (ConnectionAbortedError, "it closed the connection"),
    (TimeoutError, "it took too long"),
    (requests.Timeout, "it took too long"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that it came from; HTTP libraries hide it in many places."""
    seen: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        found = waiting.pop(0)
        if found in seen:
            continue
        seen.append(found)
        yield found
        inner = [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
        waiting += [item for item in inner if isinstance(item, BaseException)]


def _proxy(address: str) -> str:
    """Give the proxy for an address, without what is secret in it; empty if there is none."""
    proxies = requests.utils.get_environ_proxies(address)
    proxy = requests.utils.select_proxy(address, proxies)
    if not proxy:
        return ""
    scheme, found, rest = proxy.rpartition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


def _set(name: str, value: str) -> str:
    return f"$env:{name} = '{value}'" if os.name == "nt" else f"export {name}={shlex.quote(value)}"


def _credentials(source: Source) -> str:
    """Say how a source is given credentials: by a variable if it is configured, else in a file."""
    if source.name != source.location and re.match(r".*\.config$", source.origin, re.IGNORECASE):
        variable = "NuGetPackageSourceCredentials_" + source.name.replace(" ", "_x0020_")
        value = "Username=USER;Password=TOKEN"
        if os.name == "nt":
            return f"Give them, and repeat:\n  ${{env:{variable}}} = '{value}'"
        if variable.isidentifier():
            return f"Give them, and repeat:\n  {_set(variable, value)}"
        return f"Give them:\n  env {shlex.quote(f'{variable}={value}')} psbridge setup"
    return (
        "Write them into a nuget.config in this folder, and repeat:\n"
        "  <configuration>\n"
        f'    <packageSources><add key="feed" value="{source.shown}" /></packageSources>\n'
        "    <packageSourceCredentials><feed>\n"
        '      <add key="Username" value="USER" /><add key="ClearTextPassword" value="TOKEN" />\n'
        "    </feed></packageSourceCredentials>\n"
        "  </configuration>"
    )

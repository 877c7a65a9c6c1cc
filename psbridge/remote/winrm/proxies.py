"""The proxy of a target: the one that its settings say, and no other."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from .secrets import revealed

if TYPE_CHECKING:
    from .target import WinRM

__all__ = ["Proxy", "check_proxy_url", "proxy_of"]


class Proxy:
    """An HTTP proxy, with our account at it.

    Attributes:
        host: its name or address.
        port: its port.
        headers: what it is told and the machine is not.
    """

    def __init__(self, host: str, port: int, username: str | None, password: str | None) -> None:
        self.host, self.port = host, port
        self.headers: dict[str, str] = {}
        if username is not None:
            account = f"{username}:{password or ''}".encode()
            self.headers["Proxy-Authorization"] = "Basic " + base64.b64encode(account).decode()

    def __repr__(self) -> str:
        return f"<Proxy {self.url}>"

    @property
    def url(self) -> str:
        """Its URL, without the account."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def check_proxy_url(url: str) -> None:
    """Say what is wrong with a proxy's URL.

    Raises:
        ValueError: it cannot be used; the message has no password in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the proxy is a URL that cannot be read") from None
    if "@" in parts.netloc:
        raise ValueError(
            "the proxy's URL has a user or a password in it: "
            "give proxy_username= and proxy_password="
        )
    if parts.scheme != "http" or not parts.hostname or not port:
        raise ValueError(
            f"the proxy {url!r} cannot be used: it is written as http://HOST:PORT, "
            "and other kinds of proxy are not supported"
        )


def proxy_of(target: WinRM) -> Proxy | None:
    """The proxy that a target goes through, or None.

    Raises:
        ValueError: ``proxy="env"``, and the environment names one that cannot be used.
    """
    if target.proxy is None:
        return None
    password = revealed(target.proxy_password)
    if target.proxy != "env":
        parts = urlsplit(target.proxy)
        return Proxy(parts.hostname or "", parts.port or 0, target.proxy_username, password)
    url = target.address.url
    found = select_proxy(url, get_environ_proxies(url))
    if found is None:
        return None
    parts = urlsplit(found if "://" in found else f"http://{found}")
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        check_proxy_url(bare)
    except ValueError as error:
        raise ValueError(f"in the environment: {error}") from None
    username = target.proxy_username
    if username is None and parts.username is not None:
        username, password = unquote(parts.username), unquote(parts.password or "")
    return Proxy(parts.hostname or "", parts.port or 0, username, password)

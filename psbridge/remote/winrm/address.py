"""Where an endpoint is: from what a user writes to a host, a port and a URL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Address", "parse_address"]

_PORTS = {"http": 5985, "https": 5986}
_TLS_PORTS = (5986, 443)


@dataclass(frozen=True)
class Address:
    """The place of an endpoint.

    Attributes:
        scheme: ``http`` or ``https``.
        host: the name or the address, without brackets, with its zone.
        port: the port.
        path: begins with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_name(self) -> bool:
        """Whether the host is a name, and no IP address."""
        try:
            ipaddress.ip_address(self.host.partition("%")[0])
        except ValueError:
            return True
        return False

    @property
    def where(self) -> str:
        """Host and port as people write them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL; a zone is written as RFC 6874 has it."""
        host, percent, zone = self.host.partition("%")
        if percent:
            host = f"{host}%25{quote(zone, safe='')}"
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{self.path}"


def parse_address(
    host: str, port: int | None, scheme: str | None, path: str, *, tls: bool
) -> Address:
    """Make an address of what a user gives.

    Args:
        host: a name, an IP address (brackets and zone allowed) or a whole URL.
        port: the port, or None for Windows' own.
        scheme: ``http``, ``https`` or None.
        path: the path, where the host is no URL.
        tls: whether TLS is meant where neither scheme nor port says so.

    Raises:
        ValueError: it is no address, or its parts contradict each other.
    """
    if not host or host != host.strip() or any(ord(one) < 33 for one in host):
        raise ValueError(f"{host!r} is no host: give a name, an address or a URL")
    if scheme not in (None, "http", "https"):
        raise ValueError(f"the scheme is 'http' or 'https', not {scheme!r}")
    if port is not None and (isinstance(port, bool) or not 1 <= port <= 65535):
        raise ValueError(f"the port is a number from 1 to 65535, not {port!r}")
    if "://" in host:
        host, port, scheme, path = _from_url(host, port, scheme, path)
    else:
        host = _plain_host(host)
    if scheme is None:
        secure = port in _TLS_PORTS or (port is None and tls)
        scheme = "https" if secure else "http"
    if not path.isprintable() or any(one in path for one in " ?#"):
        raise ValueError(f"{path!r} is no path of a URL")
    return Address(scheme, host, port or _PORTS[scheme], "/" + path.lstrip("/"))


def _plain_host(host: str) -> str:
    if "@" in host:
        raise ValueError("a host has no user in it: give the user as username=")
    if any(one in host for one in "/?#\\"):
        raise ValueError(f"{host!r} is no host: give the path as path=, or a whole URL")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" not in bare:
        if bare != host:
            raise ValueError(f"{host!r} is no host: brackets are for IPv6 addresses")
        return host
    bare = bare.replace("%25", "%", 1)
    address, _, zone = bare.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError(f"{host!r} is no host: give the port as port=, or a whole URL") from None
    if "%" in bare and not zone:
        raise ValueError(f"{host!r} has an empty zone")
    return bare


def _from_url(
    url: str, port: int | None, scheme: str | None, path: str
) -> tuple[str, int | None, str, str]:
    try:
        parts = urlsplit(url)
        its_port = parts.port
    except ValueError:
        # The text may hold a password.
        raise ValueError("the host is a URL that cannot be read") from None
    if "@" in parts.netloc:
        raise ValueError(
            "a URL with a user or a password in it is not taken: give username= and password="
        )
    its_scheme = parts.scheme.lower()
    if its_scheme not in _PORTS:
        raise ValueError(f"the URL {url!r} begins with neither http:// nor https://")
    if parts.query or parts.fragment:
        raise ValueError(f"the URL {url!r} has more than a host, a port and a path")
    if not parts.hostname:
        raise ValueError(f"the URL {url!r} has no host")
    if scheme not in (None, its_scheme):
        raise ValueError(f"the URL says {its_scheme}, and scheme= says {scheme}")
    if port is not None and its_port not in (None, port):
        raise ValueError(f"the URL says port {its_port}, and port= says {port}")
    its_path = parts.path.strip("/")
    if path.strip("/") != "wsman" and its_path and its_path != path.strip("/"):
        raise ValueError(f"the URL says the path {its_path!r}, and path= says {path!r}")
    # urlsplit makes small letters of the host; what a user spelt is kept.
    at = parts.netloc.lower().find(parts.hostname.lower())
    host = parts.netloc[at : at + len(parts.hostname)]
    if ":" in host:
        host = _plain_host(unquote(host))
    # A URL without a port means WinRM's, not the web's.
    return host, port or its_port, its_scheme, its_path or path

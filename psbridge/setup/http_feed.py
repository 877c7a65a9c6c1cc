"""A NuGet v3 feed over HTTPS.

requests is here anyway, as pywinrm needs it, so it is used for this as well. What it does beyond
the standard library: retries, proxies, certificate bundles, and credentials that are not sent
on to another host after a redirect.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from ..errors import FeedError
from . import versions
from .feeds import Sink
from .source import Source

__all__ = ["HttpFeed"]

_TIMEOUT = (10, 30)  # seconds to connect, and between two pieces of an answer
_RETRIES = 3
_CHUNK = 1 << 16
_RESOURCE = "PackageBaseAddress/3.0.0"
_BUSY = (429, 500, 502, 503, 504)


class HttpFeed:
    """Packages behind the address of a v3 service index; see `Feed`.

    Safe to use from several threads: the index is read once, under a lock, and what requests
    shares between threads then is its connection pool, which is made for that.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = threading.Lock()
        self._base: str | None = None
        self._failure: FeedError | None = None
        self._session = requests.Session()
        retry = Retry(
            total=_RETRIES,
            backoff_factor=0.3,
            status_forcelist=_BUSY,
            respect_retry_after_header=False,  # an hour, if the server likes
            raise_on_status=False,
        )
        # Without an adapter for http:// neither a redirect nor an entry of the index can lead
        # to a connection that is not encrypted.
        self._session.adapters.clear()
        for scheme in ("https://", "http://") if source.allow_insecure else ("https://",):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        if source.credentials is not None:
            self._session.auth = (source.credentials.username, source.credentials.password)

    def versions(self, package_id: str) -> list[str]:
        """List the versions of a package; see `Feed`."""
        what = f"the versions of {package_id}"
        address = f"{self._packages()}{package_id.lower()}/index.json"
        with self._get(address, what, missing_is_fine=True) as answer:
            if answer.status_code == 404:
                return []
            listed = self._json(answer, what).get("versions")
        if not isinstance(listed, list):
            raise FeedError(f"The feed {self.source.shown} gave no list for {what}.")
        known = {versions.normalize(text) for text in map(str, listed) if versions.is_version(text)}
        return sorted(known, key=versions.sort_key)

    def fetch(self, package_id: str, version: str, folder: Path, sink: Sink) -> Path:
        """Download a package into a folder; see `Feed`."""
        name, number = package_id.lower(), versions.normalize(version)
        file = folder / f"{name}.{number}.nupkg"
        address = f"{self._packages()}{name}/{number}/{file.name}"
        what = f"{package_id} {version}"
        for last in (False, False, True):
            sink.restart()
            try:
                self._download(address, what, file, sink)
            except FeedError as error:
                # The pool retries until an answer begins; one that breaks off is up to us.
                if last or not isinstance(error.__cause__, _BROKEN_OFF):
                    raise
            else:
                break
        return file

    def close(self) -> None:
        """Close the connections; see `Feed`."""
        self._session.close()

    def _download(self, address: str, what: str, file: Path, sink: Sink) -> None:
        with self._get(address, what) as answer, file.open("wb") as stream:
            pieces = answer.iter_content(_CHUNK)
            while True:
                try:
                    chunk = next(pieces, None)
                except (requests.RequestException, HTTPError) as error:
                    raise FeedError(
                        f"The download of {what} from {self.source.shown} broke off."
                    ) from error
                if chunk is None:
                    return
                sink.add(chunk)
                stream.write(chunk)

    def _packages(self) -> str:
        """Find, once, the address that packages are under."""
        with self._lock:
            # A feed that is down is asked once, not once a package.
            if self._failure is not None:
                raise self._failure
            if self._base is None:
                try:
                    self._base = self._read_index()
                except FeedError as failure:
                    self._failure = failure
                    raise
            return self._base

    def _read_index(self) -> str:
        if self.source.credentials_problem is not None:
            raise FeedError(f"The feed {self.source.shown}: {self.source.credentials_problem}.")
        what = "its service index"
        with self._get(self.source.location, what) as answer:
            resources = self._json(answer, what).get("resources")
        for resource in resources if isinstance(resources, list) else ():
            if isinstance(resource, dict) and _RESOURCE in _as_list(resource.get("@type")):
                base = str(resource.get("@id", ""))
                return base if base.endswith("/") else f"{base}/"
        raise FeedError(f"{self.source.shown} is no NuGet v3 feed: its index names no {_RESOURCE}.")

    def _get(self, address: str, what: str, *, missing_is_fine: bool = False) -> requests.Response:
        # Packages are archives already; and their size is compared with the lock file's.
        headers = {"User-Agent": "psbridge", "Accept-Encoding": "identity"}
        feed = self.source.shown
        try:
            answer = self._session.get(address, headers=headers, timeout=_TIMEOUT, stream=True)
        except requests.exceptions.InvalidSchema as error:
            raise FeedError(
                f"The feed {feed} leads to an address that is not https:// for {what}; "
                "plain http:// needs allowInsecureConnections on its source."
            ) from error
        except (requests.RequestException, HTTPError) as error:
            raise FeedError(f"The feed {feed} did not answer for {what}: {_why(error)}.") from error
        status = answer.status_code
        if status == 200 or (missing_is_fine and status == 404):
            return answer
        answer.close()
        if status == 404:
            raise FeedError(f"The feed {feed} does not have {what} (status 404).")
        if status in (401, 403):
            given = (
                "refuses the credentials it was given"
                if self._session.auth
                else ("wants credentials, and none are configured")
            )
            raise FeedError(f"The feed {feed} {given}, for {what} (status {status}).")
        raise FeedError(f"The feed {feed} failed at {what}: status {status} {answer.reason}.")

    def _json(self, answer: requests.Response, what: str) -> dict[str, Any]:
        try:
            content = answer.json()
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise FeedError(
                f"The feed {self.source.shown} did not give {what} as JSON; a v3 feed is wanted."
            ) from error
        return content if isinstance(content, dict) else {}


_BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _why(error: Exception) -> str:
    """Say what went wrong, without the address: it may hold more than is to be shown."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted (REQUESTS_CA_BUNDLE can name further ones)"
    if isinstance(error, requests.Timeout):
        return "it took too long"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__

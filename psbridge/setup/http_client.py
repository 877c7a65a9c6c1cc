"""Asking a feed: one request after another, with attempts that are counted and shown."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from ..tls import ClosedWhenReset
from .http_errors import FeedTrouble, explain, refused, transport_errors
from .source import Source
from .transfer import Stopped, Transfer

__all__ = ["Answer", "HttpClient", "Patience"]

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a feed is waited for.

    Attributes:
        limit: seconds until an answer begins, and for each next piece of it.
        pauses: seconds before the second attempt, the third, and so on.
    """

    limit: float = 10.0
    pauses: tuple[float, ...] = (0.5, 1.5)

    @property
    def attempts(self) -> int:
        """How many attempts there are without progress."""
        return len(self.pauses) + 1

    @property
    def longest(self) -> float:
        """The seconds after which a feed that makes no progress is given up."""
        return self.attempts * self.limit + sum(self.pauses)


class _Adapter(HTTPAdapter):
    """Connects with a socket that is closed when the feed resets it."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=_settings(), **named)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_settings(), **named)


def _settings() -> ssl.SSLContext:
    """urllib3's own settings of TLS; requests adds the authorities that count."""
    settings = create_urllib3_context()
    settings.sslsocket_class = ClosedWhenReset
    return settings


class HttpClient:
    """Sends requests to one feed. Safe to use from several threads.

    Args:
        source: the feed; its address may be made more exact later.
        tell: is told what a person who waits wants to know, such as another attempt.
        patience: how long the feed is waited for.
    """

    def __init__(self, source: Source, tell: Callable[[str], None], patience: Patience) -> None:
        self.source = source
        self.tell = tell
        self.patience = patience
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._running: set[Transfer] = set()
        self._told: dict[str, float] = {}
        self._session = requests.Session()
        # Without an adapter for http:// neither a redirect nor an entry of the index can lead
        # to a connection that is not encrypted.
        self._session.adapters.clear()
        for scheme in ("https://", "http://") if source.allow_insecure else ("https://",):
            self._session.mount(scheme, _Adapter(max_retries=0))
        if source.credentials is not None:
            self._session.auth = (source.credentials.username, source.credentials.password)

    def close(self) -> None:
        """Stop the transfers that run, and close the connections."""
        self._closed.set()
        with self._lock:
            running = list(self._running)
        for transfer in running:
            transfer.stop()
        self._session.close()

    def forget_credentials(self) -> None:
        """Send none from now on."""
        self._session.auth = None

    def again(self, trouble: FeedTrouble, failed: int, attempts: int | None = None) -> None:
        """Say that there is another attempt, and pause before it; or raise, if there is none.

        Args:
            trouble: what went wrong at this attempt.
            failed: how many attempts have failed since there was progress, this one included.
            attempts: how many there may be; as many as the patience has if None.

        Raises:
            FeedTrouble: the one that was given, or that the client was closed meanwhile.
        """
        attempts = attempts or self.patience.attempts
        if not trouble.passing or failed >= attempts:
            raise trouble
        self._say(f"{trouble.cause.rstrip('.')}; trying again ({failed + 1} of {attempts})")
        if self._closed.wait(self.patience.pauses[failed - 1]):
            raise _stopped()

    @contextmanager
    def ask(
        self, address: str, what: str, start: int = 0, *, anonymous: bool = False
    ) -> Iterator[Answer]:
        """Send a request, once, and wait for its answer to begin.

        Args:
            address: what is asked for.
            what: the same in words, for messages.
            start: from which byte on.
            anonymous: whether to leave the credentials out.

        Raises:
            FeedTrouble: there is no answer; an answer of any status is one.
        """
        # Packages are archives already; and their size is compared with the lock file's.
        headers = {"User-Agent": "psbridge", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        more: dict[str, Any] = {"auth": _nobody} if anonymous else {}
        limit = self.patience.limit

        def send() -> requests.Response:
            # A little longer than the transfer waits, so that it is always the one that says so.
            return self._session.get(
                address, headers=headers, timeout=limit + 1, stream=True, **more
            )

        question = _Question(
            self.source, address, what, limit, bool(self._session.auth) and not anonymous
        )
        transfer = Transfer(send, limit)
        with self._lock:
            self._running.add(transfer)
        try:
            if self._closed.is_set():  # perhaps before it was in the set
                raise _stopped()
            try:
                head = transfer.head()
            except _ERRORS as error:
                raise question.failed(error) from error
            yield Answer(question, head, transfer)
        finally:
            transfer.stop()
            with self._lock:
                self._running.discard(transfer)

    def _say(self, text: str) -> None:
        """Tell something, but only once if several transfers meet with the same at once."""
        now = time.monotonic()
        with self._lock:
            last = self._told.get(text)
            self._told[text] = now
        if last is None or now - last > self.patience.limit / 2:
            self.tell(text)


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked, for saying what went wrong."""

    source: Source
    address: str
    what: str
    limit: float
    authorized: bool

    def failed(self, error: Exception) -> FeedTrouble:
        if isinstance(error, Stopped):
            return _stopped()
        return explain(error, self.source, self.address, self.what, limit=self.limit)


class Answer:
    """An answer that has begun; what goes wrong in the rest of it is a `FeedTrouble`."""

    def __init__(self, question: _Question, head: requests.Response, transfer: Transfer) -> None:
        self._question = question
        self._head = head
        self._transfer = transfer

    @property
    def status(self) -> int:
        """The status, such as 200."""
        return self._head.status_code

    def refusal(self) -> FeedTrouble:
        """Say in words what the status means, as an exception to raise."""
        asked = self._question
        return refused(
            self._head, asked.source, asked.address, asked.what, authorized=asked.authorized
        )

    def continues(self, have: int) -> bool:
        """Tell whether it is the rest of a file of which there are so many bytes."""
        match = _RANGE.fullmatch(self._head.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            return False
        return match[3] == "*" or int(match[2]) + 1 == int(match[3])

    def pieces(self) -> Iterator[bytes]:
        """Give the body as it arrives, all of it or an exception.

        Raises:
            FeedTrouble: it broke off, or stopped coming.
        """
        arrived = 0
        pieces = self._transfer.pieces()
        while True:
            try:
                piece = next(pieces, None)
            except _ERRORS as error:
                raise self._question.failed(error) from error
            if piece is None:
                break
            arrived += len(piece)
            yield piece
        headers = self._head.headers
        announced = headers.get("Content-Length", "")
        # urllib3 compares them by itself, but only from 2.0 on.
        if announced.isdecimal() and "Content-Encoding" not in headers and arrived < int(announced):
            raise self._question.failed(requests.exceptions.ChunkedEncodingError())


_ERRORS = (*transport_errors, Stopped)


def _stopped() -> FeedTrouble:
    return FeedTrouble("The transfer was stopped.")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials, not even those of a .netrc file."""
    return request

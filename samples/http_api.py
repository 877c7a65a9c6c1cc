"""Invoke-ApiRequest: asks an HTTP API for many things, each in a child job with -AsJob.

    psbridge run --module samples/http_api.py \
        "'users/1', 'users/2' | Invoke-ApiRequest -Server https://api.example.com -AsJob | ..."
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import requests

from psbridge import JobCmdlet, Parameter, Secret


class InvokeApiRequest(JobCmdlet, verb="Invoke", noun="ApiRequest", children="each"):
    """Ask an HTTP API for resources, and give what it answers as objects."""

    resource: Annotated[
        str, Parameter(position=0, mandatory=True, from_pipeline=True, not_empty=True)
    ]
    server: Annotated[str, Parameter(mandatory=True, pattern="^https?://")]
    token: Annotated[Secret | None, Parameter(help="A bearer token, which nothing shows.")] = None
    tries: Annotated[int, Parameter(range=(1, 10))] = 3
    timeout: Annotated[float, Parameter(range=(0.1, 600))] = 30.0

    def begin(self) -> None:
        """Open one connection for all requests."""
        self._http = requests.Session()
        self._http.headers["Accept"] = "application/json"
        if self.token is not None:
            self._http.headers["Authorization"] = f"Bearer {self.token.reveal()}"

    def process(self) -> Iterator[Any]:
        """Ask for one resource; an answer that is a list becomes several objects."""
        address = f"{self.server.rstrip('/')}/{self.resource.lstrip('/')}"
        for attempt in range(1, self.tries + 1):
            self.check_stop()
            try:
                answer = self._http.get(address, timeout=self.timeout)
                answer.raise_for_status()
            except requests.RequestException as error:
                code = getattr(error.response, "status_code", None)
                if attempt == self.tries or (code is not None and code < 500):
                    self.write_error(error, error_id="ApiRequestFailed", target=self.resource)
                    return
                self.write_warning(f"try {attempt} of {self.tries} for {self.resource}: {error}")
            else:
                found = answer.json()
                yield from found if isinstance(found, list) else [found]
                return

    def dispose(self) -> None:
        """Close the connection, however it ended."""
        http = getattr(self, "_http", None)
        if http is not None:
            http.close()

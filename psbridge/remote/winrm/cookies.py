"""The cookies of one shell, by which a balancer finds its machine."""

from __future__ import annotations

from http.cookiejar import Cookie, CookieJar
from typing import Any

from requests.cookies import extract_cookies_to_jar, get_cookie_header

__all__ = ["ShellCookies"]


class ShellCookies(CookieJar):
    """A jar for all connections of a shell; they use it at the same time.

    Not as requests does it: its jars are read while other threads change them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._has_any = False

    def set_cookie(self, cookie: Cookie) -> None:
        """Keep a cookie."""
        super().set_cookie(cookie)
        self._has_any = True

    def add_to(self, request: Any) -> None:
        """Let a request have the cookies that are for it.

        Args:
            request: one of requests', or anything with its ``url`` and ``headers``.
        """
        request.headers.pop("Cookie", None)
        if not self._has_any:
            return
        cookie = get_cookie_header(self, request)  # type: ignore[no-untyped-call]
        if cookie:
            request.headers["Cookie"] = cookie

    def take_from(self, request: Any, response: Any) -> None:
        """Keep those that an answer brings.

        Args:
            request: what is answered.
            response: the answer, as urllib3 has it, or anything with its ``headers`` and
                ``_original_response``.
        """
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(self, request, response)  # type: ignore[no-untyped-call]

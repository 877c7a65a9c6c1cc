"""The first words of a page that somebody else has answered with."""

from __future__ import annotations

import html
import re

__all__ = ["first_words"]

_MOST = 160  # characters
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]+charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def first_words(content_type: str, body: bytes) -> str:
    """What a page says, as one line, without its tags.

    Args:
        content_type: its header, which may name the encoding.
        body: the page.
    """
    text = _HIDDEN.sub(" ", _decode(content_type, body[:65536]))
    text = html.unescape(_TAG.sub(" ", text))
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _MOST else line[: _MOST - 1].rstrip() + "…"


def _decode(content_type: str, body: bytes) -> str:
    names = [one[1] for one in [_CHARSET.search(content_type)] if one]
    names += [one[1].decode("ascii", "replace") for one in [_META.search(body[:1024])] if one]
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        names.insert(0, "utf-16")
    for name in (*names, "utf-8", "cp1252"):
        try:
            return body.decode(name)
        except (LookupError, ValueError):
            continue
    return body.decode("latin-1")

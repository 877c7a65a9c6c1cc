"""Objects as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["html_table"]


def html_table(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, whatever characters are in them."""
    lines = "".join(
        f"<tr><th>{_escape(name)}</th><td>{_escape(value)}</td></tr>" for name, value in rows
    )
    return f"<table><caption>{_escape(caption)}</caption><tbody>{lines}</tbody></table>"


def _escape(text: str) -> str:
    import html  # only a notebook needs it

    # Half of a surrogate pair is in no encoding that a page could have.
    return html.escape(text).encode("utf-8", "replace").decode("utf-8")

"""Objects as notebooks show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["html_rows", "html_table"]


def html_table(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, whatever characters are in them."""
    lines = "".join(
        f"<tr><th>{_escape(name)}</th><td>{_escape(value)}</td></tr>" for name, value in rows
    )
    return f"<table><caption>{_escape(caption)}</caption><tbody>{lines}</tbody></table>"


def html_rows(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a row for each of several things, whatever characters are in them."""
    head = "".join(f"<th>{_escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_escape(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return (
        f"<table><caption>{_escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _escape(text: str) -> str:
    import html  # only a notebook needs it

    # Half of a surrogate pair is in no encoding that a page could have.
    return html.escape(text).encode("utf-8", "replace").decode("utf-8")

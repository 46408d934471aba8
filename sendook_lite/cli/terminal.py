"""Text from outside, made fit for a terminal."""

from typing import Any

CUT = "…"


def printable(text: str, *, lines: bool = False) -> str:
    """Replace what could steer a terminal: escapes and other control characters, lone surrogates.

    Args:
        text: from a mail, a request or a server.
        lines: keep line ends and tabs.
    """
    kept = "\n\t" if lines else ""
    return "".join(
        character if character.isprintable() or character in kept else "\N{REPLACEMENT CHARACTER}"
        for character in (text.replace("\r\n", "\n") if lines else text)
    )


def shorten(text: str, limit: int) -> str:
    """Cut a text to at most so many characters."""
    return text if len(text) <= limit else text[: limit - 1] + CUT


def shorten_within(value: Any, limit: int) -> Any:
    """Shorten every text within a JSON value, telling how much is missing."""
    if isinstance(value, str):
        missing = len(value) - limit
        return value if missing <= 0 else f"{value[:limit]}{CUT} ({missing:,} more)"
    if isinstance(value, list):
        return [shorten_within(each, limit) for each in value]
    if isinstance(value, dict):
        return {key: shorten_within(each, limit) for key, each in value.items()}
    return value


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Lay out rows in columns, two spaces apart."""
    cells = [headings, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )

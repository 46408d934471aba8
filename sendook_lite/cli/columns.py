"""Lays out what the API answers: lists as tables that fit the terminal, one thing as its fields."""

import json
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sendook_lite.cli.terminal import printable, shorten, table

_GAP = 2
_LEAST = 12
_HIDDEN = frozenset({"_id", "organizationId"})
"""Fields that say nothing new to a person."""


def columns(
    headings: Sequence[str], rows: Sequence[Sequence[Any]], flexible: Collection[str] = ()
) -> str:
    """Lay out rows; on a terminal that is too narrow the flexible columns are shortened."""
    cells = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        cells = _fit(headings, cells, flexible, shutil.get_terminal_size().columns)
    return table(list(headings), cells)


def fields(document: Mapping[str, Any]) -> str:
    """Lay out the fields of one thing, a line each, longer texts and objects below."""
    shown = {name: value for name, value in document.items() if name not in _HIDDEN}
    width = max(map(len, shown), default=0) + _GAP
    lines: list[str] = []
    for name, value in shown.items():
        text = printable(_text(value), lines=True)
        if "\n" in text:
            lines += [name, *(f"  {line}".rstrip() for line in text.split("\n"))]
        else:
            lines.append(f"{name.ljust(width)}{text}".rstrip())
    return "\n".join(lines)


def _fit(
    headings: Sequence[str], rows: list[list[str]], flexible: Collection[str], width: int
) -> list[list[str]]:
    """Shorten the widest flexible column, again and again, until a line fits or nothing gives."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    giving = [place for place, heading in enumerate(headings) if heading in flexible]
    while (over := sum(widths) + _GAP * (len(widths) - 1) - width) > 0:
        widest = max(giving, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= _LEAST:
            break
        others = [widths[place] for place in giving if place != widest]
        floor = max(_LEAST, min(max(others, default=0), widths[widest] - 1))
        widths[widest] = max(widths[widest] - over, floor)
    return [[shorten(cell, widths[place]) for place, cell in enumerate(row)] for row in rows]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, int):
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, list) and not any(isinstance(each, (dict, list)) for each in value):
        text = ", ".join(map(_text, value))
    elif isinstance(value, (dict, list)) and value:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    return text

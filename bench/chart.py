"""Draws a row as SVG: a dot for every pair, the median, and the two goals as lines."""

from html import escape
from typing import Any

_WIDTH, _HEIGHT = 640, 132
_LEFT, _RIGHT, _MIDDLE = 24, 616, 76
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.soft{fill:#6e7781}"
    ".axis{stroke:#d0d7de;stroke-width:6;stroke-linecap:round}.pair{fill:#0969da;opacity:.35}"
    ".median{fill:#0969da}.goal{stroke:#6e7781;stroke-width:1.5;stroke-dasharray:4 3}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#8d96a0}.axis{stroke:#30363d}"
    ".pair,.median{fill:#4493f8}.goal{stroke:#8d96a0}}"
)


def draw(row: dict[str, Any]) -> str:
    """Return the picture of a row of ``results.json``."""
    figures = [*row["ratios"], row["reach"], row["dream"], 1.0]
    low, high = 0.9 * min(figures), 1.05 * max(figures)

    def across(ratio: float) -> float:
        return float(round(_LEFT + (ratio - low) / (high - low) * (_RIGHT - _LEFT), 1))

    title = f"{row['row']}  {row['title']}, against {row['yardstick']}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}: ratio {row['ratio']:.2f}</title><style>{_STYLE}</style>",
        _text(_LEFT, 22, title, "title"),
        _line("axis", _LEFT, _MIDDLE, _RIGHT, _MIDDLE),
    ]
    for goal, height in (("reach", 48), ("dream", 112)):
        at = across(row[goal])
        parts.append(_line("goal", at, _MIDDLE - 20, at, _MIDDLE + 20))
        parts.append(_text(at, height, f"{goal} {row[goal]:g}", "soft", anchor=_anchor(at)))
    parts += [
        f'<circle class="pair" cx="{across(each)}" cy="{_MIDDLE}" r="5"/>' for each in row["ratios"]
    ]
    at = across(row["ratio"])
    parts.append(f'<circle class="median" cx="{at}" cy="{_MIDDLE}" r="8"/>')
    parts.append(_text(at, _MIDDLE + 28, f"{row['ratio']:.2f}", "title", anchor=_anchor(at)))
    return "\n".join([*parts, "</svg>", ""])


def _anchor(at: float) -> str:
    """Keep a text inside the picture."""
    if at > _RIGHT - 40:
        return "end"
    return "start" if at < _LEFT + 40 else "middle"


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, *ends: float) -> str:
    x1, y1, x2, y2 = ends
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'

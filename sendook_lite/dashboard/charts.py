"""Charts as inline SVG: stacked bars, drawn here, so that they are there without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

HEIGHT: Final = 100
STEP: Final = 10
_GAP: Final = 2
_LEAST: Final = 1.5
"""How high the smallest bar is that is not zero: something is to be seen of it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What happened within a stretch that begins at ``start``; parts from the bottom up."""

    start: int
    parts: tuple[tuple[str, int], ...]
    """Class and count."""

    @property
    def total(self) -> int:
        """The height of the bar."""
        return sum(count for _, count in self.parts)


def bars(series: Sequence[Bar], label: str, unit: str) -> Markup:
    """Draw bars; ``unit`` (hour or day) is how the script names the stretch of each."""
    highest = max((bar.total for bar in series), default=0) or 1
    drawn = "".join(_bar(bar, place, highest, unit) for place, bar in enumerate(series))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(STEP * len(series), HEIGHT, label, Markup(drawn))  # noqa: S704 - see _bar


def spark(series: Sequence[Bar], label: str) -> Markup:
    """Draw the same, small and without values."""
    highest = max((bar.total for bar in series), default=0) or 1
    drawn = "".join(_rects(bar, place, highest) for place, bar in enumerate(series))
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><path class="base" d="M0 {}H{}"/>{}</svg>'
    ).format(
        STEP * len(series),
        HEIGHT,
        label,
        HEIGHT,
        STEP * len(series),
        Markup(drawn),  # noqa: S704 - see _bar
    )


def _bar(bar: Bar, place: int, highest: int, unit: str) -> str:
    """Draw a bar. There is nothing to escape: names are of this program, all else is numbers."""
    told = ", ".join(f"{name} {count:,}" for name, count in bar.parts)
    return (
        f'<g data-start="{bar.start}" data-unit="{unit}" data-tip="{told}"><rect class="hit"'
        f' x="{place * STEP}" y="0" width="{STEP}" height="{HEIGHT}"/>'
        f"{_rects(bar, place, highest)}</g>"
    )


def _rects(bar: Bar, place: int, highest: int) -> str:
    top = float(HEIGHT)
    drawn = []
    for name, count in bar.parts:
        if count:
            height = max(count / highest * (HEIGHT - _GAP), _LEAST)
            top -= height
            drawn.append(
                f'<rect class="{name}" x="{place * STEP + _GAP // 2}" y="{top:.1f}"'
                f' width="{STEP - _GAP}" height="{height:.1f}"/>'
            )
    return "".join(drawn)

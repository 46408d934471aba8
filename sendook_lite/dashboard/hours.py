"""Turns sums by the hour into the bars of a day, or of a month."""

from collections.abc import Iterable
from typing import Final

from sendook_lite.dashboard.charts import Bar
from sendook_lite.domain.model import HourCount
from sendook_lite.store.statistics import HOUR_MS
from sendook_lite.store.tally import TypeCount

DAY_HOURS: Final = 24
MONTH_DAYS: Final = 30
DAY_MS: Final = DAY_HOURS * HOUR_MS

Counts = dict[int, dict[str, int]]
"""What happened, by the beginning of an hour or a day, and by name."""


def first_hour(now: int) -> int:
    """Return the beginning of the first of the last 24 hours, the present one included."""
    return now - now % HOUR_MS - (DAY_HOURS - 1) * HOUR_MS


def first_day(now: int) -> int:
    """Return the beginning (UTC) of the first of the last 30 days, the present one included."""
    return now - now % DAY_MS - (MONTH_DAYS - 1) * DAY_MS


def of_endings(hours: Iterable[HourCount]) -> Counts:
    """Return deliveries by stretch: delivered and failed."""
    return {hour.start: {"delivered": hour.delivered, "failed": hour.failed} for hour in hours}


def of_types(found: Iterable[TypeCount], names: dict[str, str]) -> Counts:
    """Return events by stretch; ``names`` says under which name each type is counted."""
    counts: Counts = {}
    for each in found:
        if each.type in names:
            name, hour = names[each.type], counts.setdefault(each.start, {})
            hour[name] = hour.get(name, 0) + each.count
    return counts


def day(by_hour: Counts, now: int, names: tuple[str, ...]) -> list[Bar]:
    """Return a bar for each of the last 24 hours."""
    start = first_hour(now)
    return [_bar(start + place * HOUR_MS, by_hour, names) for place in range(DAY_HOURS)]


def month(by_day: Counts, now: int, names: tuple[str, ...]) -> list[Bar]:
    """Return a bar for each of the last 30 days."""
    start = first_day(now)
    return [_bar(start + place * DAY_MS, by_day, names) for place in range(MONTH_DAYS)]


def total(bars: Iterable[Bar], name: str) -> int:
    """Add up what has a name."""
    return sum(count for bar in bars for part, count in bar.parts if part == name)


def _bar(start: int, counts: Counts, names: tuple[str, ...]) -> Bar:
    found = counts.get(start, {})
    return Bar(start, tuple((name, found.get(name, 0)) for name in names))

"""Reads a Retry-After header: seconds, or a date in one of HTTP's three forms. Pure.

RFC 9110, sections 10.2.3 (the header) and 5.6.7 (the dates). The dates are read by hand: `strptime`
follows the locale, and `email.utils` takes much that is no HTTP date.
"""

import re
from datetime import UTC, datetime

from sendook_lite.domain.clock import MS_PER_SECOND

_SECONDS = re.compile(r"[0-9]{1,100}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DATES = (
    # Sun, 06 Nov 1994 08:49:37 GMT
    re.compile(f"{_SHORT_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    # Sunday, 06-Nov-94 08:49:37 GMT
    re.compile(f"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    # Sun Nov  6 08:49:37 1994
    re.compile(f"{_SHORT_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
_YEARS_BACK = 49
_LAST_SECOND = 59


def parse_retry_after(text: str, now: int) -> float | None:
    """Return the seconds to wait from ``now`` (epoch ms of the wall clock).

    None for what is neither form, and for a date that has passed.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(int(text))
    at = _read_date(text, now)
    return (at - now) / MS_PER_SECOND if at is not None and at > now else None


def _read_date(text: str, now: int) -> int | None:
    """Return an HTTP date as epoch ms."""
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:  # noqa: PLR2004 - the two digits of RFC 850
        year = _full_year(year, datetime.fromtimestamp(now // MS_PER_SECOND, UTC).year)
    try:
        date = datetime(
            year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            min(int(found["second"]), _LAST_SECOND),  # 60 is a leap second, unknown to datetime
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return round(date.timestamp()) * MS_PER_SECOND


def _full_year(last_digits: int, this_year: int) -> int:
    """Return the year with these last digits that is at most 50 years ahead of this one."""
    earliest = this_year - _YEARS_BACK
    return earliest + (last_digits - earliest) % 100

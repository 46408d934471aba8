"""Finding the reason a notice gives for one recipient."""

from sendook_lite.domain.reports import phrases
from sendook_lite.domain.reports.addresses import ADDRESS, clean_address
from sendook_lite.domain.reports.shapes import EXPANDED, Hit
from sendook_lite.domain.reports.status import has_code

_CLOSE = 8
"""Lines after an address in which its reason may stand."""


class Reasons:
    """The reasons in the lines of one notice; the lines with codes are looked up once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._coded: dict[str, str] = {}
        self._common: str | None = None
        self._worded = _worded(lines)
        for line in lines:
            if not has_code(line):
                continue
            if self._common is None:
                self._common = line.strip()
            for found in ADDRESS.finditer(line):
                address = clean_address(found[0])
                if address is not None:
                    self._coded.setdefault(address.lower(), line.strip())

    def about(self, hit: Hit, line: int, end: int, *, alone: bool) -> str:
        """Return what is said of an address, '' when nothing is.

        Args:
            hit: the address.
            line: the number of its line.
            end: the number of the line where the next recipient stands.
            alone: nobody else is reported on, so that a reason anywhere is meant for this one.
        """
        reason = self._own(hit, line, end)
        if has_code(reason):
            return reason
        reason = self._coded.get(hit.address.lower()) or reason
        explained = phrases.FAILURE_WORDS.search(reason.lower()) is not None
        if has_code(reason) or (explained and not alone):
            return reason
        if self._common is not None:
            return self._common
        return reason if reason and explained else (self._worded or reason)

    def expanded_from(self, line: int, end: int) -> str | None:
        """Return the address an alias or forward was reached by, when the text tells."""
        for near in self._lines[line : min(end, line + 4)]:
            found = EXPANDED.search(near)
            if found is not None:
                return clean_address(found[1])
        return None

    def _own(self, hit: Hit, line: int, end: int) -> str:
        """Take what follows: the rest of the line, the lines below, a paragraph that explains."""
        rest = hit.rest.strip(" :;,.-")
        gathered = [rest] if rest else []
        apart = False
        for near in self._lines[line + 1 : min(end, line + 1 + _CLOSE)]:
            stripped = near.strip()
            if not stripped:
                if gathered:
                    break
                apart = True
            elif apart and not gathered and not phrases.FAILURE_WORDS.search(stripped.lower()):
                continue
            elif not EXPANDED.search(stripped):
                gathered.append(stripped)
        return " ".join(gathered)


def _worded(lines: list[str]) -> str:
    """Return the first line that gives a reason and is not the opening sentence."""
    for line in lines:
        lowered = line.lower()
        if phrases.FAILURE_WORDS.search(lowered) and not phrases.REPORT_INTRO.search(lowered):
            return line.strip()
    return ""

"""One line that tells how far work on a whole database has come; on terminals only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from sendook_lite.domain.clock import Clock, SystemClock

_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """Told of the work while it is done; shows it when there is something new to show.

    Copying is told in pages. SQLite cannot say how far its checks have come, so these are shown by
    how long they have taken.
    """

    def __init__(self, copying: str, clock: Clock) -> None:
        self._copying = copying
        self._clock = clock
        self._unfinished = False
        self._since = clock.monotonic()
        self._shown = ""

    def pages(self, done: int, total: int) -> None:
        """Show how many pages are copied, and of how many."""
        self._unfinished = done < total
        self._since = self._clock.monotonic()
        self._show(f"{self._copying}, {100 * done // max(total, 1)} %")

    def going(self) -> bool:
        """Show that it goes on; always true. Asked every few milliseconds."""
        if not self._unfinished:
            self._show(f"checking, {int(self._clock.monotonic() - self._since)} s")
        return True

    def _show(self, text: str) -> None:
        if text != self._shown:
            click.echo(f"{_CLEAR_LINE}{text}", nl=False, err=True)
            self._shown = text


class _Silence(Progress):
    def _show(self, text: str) -> None:
        """Show nothing: nobody would see it go."""


@contextmanager
def progress(copying: str = "copying") -> Iterator[Progress]:
    """Lend a line on the terminal, which is empty again at the end."""
    clock = SystemClock()
    if not sys.stderr.isatty():
        yield _Silence(copying, clock)
        return
    line = Progress(copying, clock)
    line.going()
    try:
        yield line
    finally:
        click.echo(_CLEAR_LINE, nl=False, err=True)

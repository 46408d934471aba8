"""Tells the log of event lines that were refused: the first of a connection, then how many more."""

import structlog

from sendook_lite.domain.errors import SendookError

log = structlog.get_logger(__name__)


class RefusedLines:
    """Those of one connection. Whoever sends a million of them makes two lines in the log."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, number: int, error: SendookError) -> None:
        """Note that the line of this number was refused."""
        self._count += 1
        if self._count == 1:
            log.warning("an event line was refused", line=number, code=error.code)

    def end(self) -> None:
        """Tell how many there were beside the first one."""
        if self._count > 1:
            log.warning("more event lines were refused", lines=self._count - 1)

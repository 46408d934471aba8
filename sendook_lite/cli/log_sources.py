"""Where the lines of a log come from: a file that is followed, the journal, or standard input."""

import asyncio
import os
import select
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from sendook_lite.cli.failure import Failed
from sendook_lite.cli.log_file import LogFile
from sendook_lite.cli.source import cannot_read
from sendook_lite.domain.clock import Clock
from sendook_lite.inbound.syslog_line import Entry, read_journal, read_syslog

_POLL_SECONDS: Final = 0.5
_RESTART_SECONDS: Final = 5.0
_CHUNK: Final = 64 * 1024
_MAIL_FACILITY: Final = "SYSLOG_FACILITY=2"
_END_SECONDS: Final = 5.0


class LogSource(Protocol):
    """Gives entries of a log."""

    def read(self) -> list[Entry] | None:
        """Return the next entries, waiting for them for a moment; None when there are no more."""
        ...

    def place(self) -> dict[str, Any] | None:
        """Return where the entries end that were read; None where there is no going back."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class FileSource:
    """A file that a syslog daemon, or Postfix itself, writes."""

    def __init__(
        self, path: Path, place: dict[str, Any] | None, clock: Clock, *, from_start: bool
    ) -> None:
        try:
            self._file = LogFile(path, place, from_start=from_start)
        except OSError as error:
            raise cannot_read(str(path), error) from error
        self._clock = clock

    def read(self) -> list[Entry] | None:
        """Return the next entries of the file."""
        lines = self._file.read()
        if not lines:
            asyncio.run(self._clock.sleep(_POLL_SECONDS))
        return _entries(lines, self._clock)

    def place(self) -> dict[str, Any] | None:
        """Return inode, offset and beginning."""
        return self._file.place()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class InputSource:
    """Standard input, to its end."""

    def __init__(self, descriptor: int, clock: Clock) -> None:
        self._lines = _Lines(descriptor)
        self._clock = clock

    def read(self) -> list[Entry] | None:
        """Return the next entries, waiting for them."""
        lines = self._lines.read(None)
        return None if lines is None else _entries(lines, self._clock)

    def place(self) -> dict[str, Any] | None:
        """Return None: input cannot be read again."""
        return None

    def close(self) -> None:
        """Leave standard input to whoever opened it."""


class JournalSource:
    """The journal, as journalctl prints it; started again when it ends."""

    def __init__(self, place: dict[str, Any] | None, clock: Clock, *, from_start: bool) -> None:
        self._cursor = str(place["cursor"]) if place else None
        self._clock = clock
        if place is None and not from_start:
            self._cursor = self._find_last()
        self._process = self._start()
        self._lines = self._lines_of_process()

    def read(self) -> list[Entry] | None:
        """Return the next entries of the journal."""
        lines = self._lines.read(_POLL_SECONDS)
        if lines is None:
            self.close()
            asyncio.run(self._clock.sleep(_RESTART_SECONDS))
            self._process = self._start()
            self._lines = self._lines_of_process()
            return []
        entries = []
        for line in lines:
            try:
                entry, self._cursor = read_journal(line)
            except ValueError:
                continue
            if entry is not None:
                entries.append(entry)
        return entries

    def place(self) -> dict[str, Any] | None:
        """Return the cursor; None before the first entry."""
        return None if self._cursor is None else {"cursor": self._cursor}

    def close(self) -> None:
        """End journalctl."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _lines_of_process(self) -> "_Lines":
        if self._process.stdout is None:
            raise ValueError("journalctl was started without a pipe")
        return _Lines(self._process.stdout.fileno())

    def _start(self) -> subprocess.Popen[bytes]:
        after = [] if self._cursor is None else [f"--after-cursor={self._cursor}"]
        return _journalctl("--follow", "--lines=all", *after)

    def _find_last(self) -> str | None:
        """Return the cursor of the last entry there is; without one, all are still to come."""
        with _journalctl("--lines=1") as process:
            said, _ = process.communicate()
        return read_journal(said)[1] if said else None


def _journalctl(*options: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the cursor is an argument of its own
            ["journalctl", "--output=json", "--quiet", *options, _MAIL_FACILITY],  # noqa: S607 - wherever the system has it
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise Failed(
            f"journalctl cannot be started ({error.strerror}); name a log with --file"
        ) from error


class _Lines:
    """Whole lines of a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def read(self, timeout: float | None) -> list[bytes] | None:
        """Return the lines that come within so many seconds (None: for ever); None at the end."""
        if not select.select([self._descriptor], [], [], timeout)[0]:
            return []
        chunk = os.read(self._descriptor, _CHUNK)
        if not chunk and not self._rest:
            return None
        # The end of the input ends its last line, too.
        *lines, self._rest = (self._rest + (chunk or b"\n")).split(b"\n")
        return lines


def _entries(lines: list[bytes], clock: Clock) -> list[Entry]:
    now = clock.now()
    return [entry for line in lines if (entry := read_syslog(line, now)) is not None]

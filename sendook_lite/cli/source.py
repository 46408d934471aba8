"""Opens what a command is to read: a file, or standard input for ``-``."""

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from sendook_lite.cli.failure import NO_INPUT, Failed

STANDARD_INPUT = "-"


def open_source(name: str) -> BinaryIO:
    """Open a file for reading bytes.

    Raises:
        Failed: with exit code 66 when it cannot be read.
    """
    if name == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except (OSError, ValueError) as error:
        raise cannot_read(name, error) from error


def cannot_read(name: str, error: Exception) -> Failed:
    """Say that a source cannot be read."""
    reason = error.strerror if isinstance(error, OSError) else error
    return Failed(f"{name}: cannot be read: {reason}", NO_INPUT)


def size_of(source: BinaryIO) -> int | None:
    """Return how many bytes are still to be read; None for pipes and the like."""
    try:
        found = os.fstat(source.fileno())
        return found.st_size - source.tell() if stat.S_ISREG(found.st_mode) else None
    except OSError:
        return None

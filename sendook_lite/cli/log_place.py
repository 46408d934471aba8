"""Remembers how far a log was read, durably, with what is still open there."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from sendook_lite.cli.failure import Failed

_PLACE: Final = "place.1"
"""Named anew whenever the shape of place or state changes: an old file then has none."""


@dataclass(frozen=True, slots=True)
class Known:
    """A place in a log, as its source describes it, and the state of the reader there."""

    place: dict[str, Any]
    state: list[Any]


class LogPlace:
    """One small file, replaced as a whole: it holds what was saved last, or the time before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: dict[str, Any] | None = None
        self._log = ""

    def load(self, log: str) -> Known | None:
        """Return what was saved for a log; None when nothing was.

        Raises:
            Failed: what is there cannot be read. To begin anew is for a person to decide: events
                could be left out, or all of a log be told.
        """
        self._log = log
        try:
            document = orjson.loads(self._path.read_bytes())
            if document["log"] != log:
                return None
            return Known(document[_PLACE], document["state"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failed(
                f"{self._path}: the place in the log cannot be read ({error});"
                " remove the file to begin at the end of the log"
            ) from error

    def save(self, place: dict[str, Any] | None, state: Callable[[], list[Any]]) -> None:
        """Save a place unless it is the one that was saved last; None is not saved."""
        if place is None or place == self._saved:
            return
        document = {"log": self._log, _PLACE: place, "state": state()}
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            with beside.open("wb") as file:
                file.write(orjson.dumps(document))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise Failed(
                f"{self._path}: the place in the log cannot be saved: {error.strerror};"
                " name another file with --state"
            ) from error
        self._saved = place

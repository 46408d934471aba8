"""Where in the log a reader of the stream is, and when it connects again."""

import json
from typing import Any, Final

from sendook_lite.client.errors import Refused, Unreachable
from sendook_lite.client.frames import FrameReader
from sendook_lite.client.repeating import FIRST_PAUSE, LONGEST_PAUSE
from sendook_lite.client.request import Following, Request

SILENCE: Final = 45.0
"""Seconds; the server says something every 15, so a connection this quiet is dead."""

_LATER: Final = frozenset({429, 502, 503, 504})


class Reading:
    """One reader over however many connections."""

    def __init__(self, following: Following[Any]) -> None:
        self._request = following.request.with_headers(Accept="*/*")
        self._last = following.after
        self._connected_before = False
        self._pause = FIRST_PAUSE
        self._frames = FrameReader()

    def request(self) -> Request[Any]:
        """Return what opens the stream behind the last event."""
        self._frames = FrameReader()
        if self._last is None:
            return self._request
        return self._request.with_headers(Last_Event_ID=self._last)

    def connected(self) -> None:
        """Note that the server said yes."""
        self._connected_before = True

    def feed(self, line: bytes) -> Any | None:
        """Take a line; returns the event that it completes, if it does."""
        frame = self._frames.feed(line) if line.endswith(b"\n") else None
        if frame is None:
            return None
        self._last = frame.id or self._last
        if not frame.data:
            return None
        self._pause = FIRST_PAUSE
        return json.loads(frame.data)

    def pause_after(self, error: Refused | Unreachable | None) -> float:
        """Return how long to wait before connecting again.

        Raises:
            Refused: the server said no, and would again.
            Unreachable: the very first time.
        """
        if error is not None:
            lasting = isinstance(error, Refused) and error.status not in _LATER
            if lasting or not self._connected_before:
                raise error
        seconds = self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return seconds

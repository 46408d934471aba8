"""Feeds the event socket: as fast as it takes lines, or at a steady pace."""

import json
import select
import socket
import time
from typing import Final

UNANSWERED: Final = 1024
"""Lines that may wait for their answers; a client that reads nothing would be choked."""

BODY_BYTES: Final = 1000
"""About how long the body of a webhook gets by one of our lines."""

_ENVELOPE: Final = 370
_CHUNK: Final = 64
_READ: Final = 1 << 20


def stamp(at: int) -> str:
    """Write a time, in ns of the monotonic clock, so that the receiver finds it."""
    return f"@@{at:019d} "


def event_line(event: str, stamped: str = "") -> bytes:
    """Write a line that makes an event with a body of about a kilobyte."""
    padding = "x" * (BODY_BYTES - _ENVELOPE - len(stamped))
    return (
        json.dumps(
            {
                "event": event,
                "from": "news@sender.example",
                "recipient": "somebody@recipient.example",
                "status": "2.0.0" if event == "message.delivered" else "5.0.0",
                "diagnostic": stamped + padding,
                "remoteMta": "mx.recipient.example",
            }
        ).encode()
        + b"\n"
    )


class EventFeeder:
    """A connection to the event socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.setblocking(False)

    def push(self, line: bytes, count: int) -> None:
        """Send a line so many times and read all answers.

        Raises:
            RuntimeError: a line was refused.
        """
        chunk = line * _CHUNK
        waiting = b""
        sent, answered = 0, 0
        poll = select.poll()
        poll.register(self._socket)
        while answered < count:
            may_send = bool(waiting) or (sent < count and sent - answered < UNANSWERED)
            poll.modify(self._socket, select.POLLIN | (select.POLLOUT if may_send else 0))
            poll.poll()
            if may_send:
                if not waiting:
                    lines = min(_CHUNK, count - sent)
                    waiting = chunk if lines == _CHUNK else line * lines
                    sent += lines
                waiting = waiting[self._send(waiting) :]
            answered += self._read()

    def push_at(self, event: str, rate: float, seconds: float) -> int:
        """Send lines at a steady pace, each with the time it was written; returns how many."""
        sent = answered = 0
        before, after = event_line(event, stamp(0)).split(stamp(0).encode())
        start = time.monotonic()
        count = round(rate * seconds)
        while sent < count:
            time.sleep(max(0.0, start + sent / rate - time.monotonic()))
            self._socket.sendall(before + stamp(time.monotonic_ns()).encode() + after)
            sent += 1
            answered += self._read()
        while answered < sent:
            select.select([self._socket], [], [])
            answered += self._read()
        return sent

    def _send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _read(self) -> int:
        """Read the answers that are there; returns how many."""
        try:
            answers = self._socket.recv(_READ)
        except BlockingIOError:
            return 0
        if not answers or b'"ok":false' in answers:
            raise RuntimeError(f"the event socket answered {answers[:200]!r}")
        return answers.count(b"\n")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

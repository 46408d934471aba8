"""What the event socket holds in memory, whoever is at the other end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the event socket.

    All in all it holds at most ``connections * (held_bytes + unread_bytes)``, and ``large_lines *
    line_bytes`` with about twice that again while such lines are decoded and read.
    """

    line_bytes: int = 48 * 1024 * 1024
    """Longest line; room for the base64 of a mail of 25 MiB and then some."""
    large_line_bytes: int = 1024 * 1024
    """A longer line goes on only with one of ``large_lines`` places."""
    large_lines: int = 4
    held_lines: int = 1024
    """Lines of a connection whose answers are due; then it is read no further."""
    held_bytes: int = 1024 * 1024
    unread_bytes: int = 4 * 1024 * 1024
    """Answers of a connection that the client has not read; then it is read no further."""
    connections: int = 256
    stalled_line: float = 60.0
    """Seconds without a byte after which an unfinished large line loses its place."""

"""Server-Sent Events (HTML standard, section 9.2.6), read line by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One block of a stream; without data it only says where in the log the reader is."""

    id: str | None
    event: str
    data: bytes


class FrameReader:
    """Takes lines, gives blocks; one that was cut off before its end is never given."""

    def __init__(self) -> None:
        self._fields: dict[bytes, bytes] = {}

    def feed(self, line: bytes) -> Frame | None:
        """Take one line with its end; returns the block that it ends, if it does."""
        text = line.rstrip(b"\r\n")
        fields = self._fields
        if text:
            name, _, value = text.partition(b":")
            value = value.removeprefix(b" ")
            again = name == b"data" and name in fields
            fields[name] = fields[name] + b"\n" + value if again else value
            return None
        self._fields = {}
        if b"id" not in fields and b"data" not in fields:
            return None
        identifier = fields.get(b"id", b"").decode("utf-8", "replace")
        event = fields.get(b"event", b"").decode("utf-8", "replace")
        return Frame(identifier or None, event, fields.get(b"data", b""))


def read_frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Read lines into blocks, until the first line that was cut off."""
    reader = FrameReader()
    for line in lines:
        if not line.endswith((b"\n", b"\r")):
            return
        frame = reader.feed(line)
        if frame is not None:
            yield frame

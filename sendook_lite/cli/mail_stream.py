"""A mail on its way into SMTP DATA: read in chunks, line ends and dots as the wire wants them."""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

CHUNK_BYTES = 64 * 1024
_MBOX_LINE = re.compile(rb"From [^\n]*\n")
_RETURN_PATH = re.compile(rb"^return-path:[ \t]*<?([^<>\s]*)>?", re.IGNORECASE | re.MULTILINE)
_END_OF_HEADER = re.compile(rb"^\r?\n", re.MULTILINE)


class MailStream:
    """The bytes of one mail. Its beginning is read at once, the rest while it is sent."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._head = source.read(CHUNK_BYTES)
        # Pipe transports of some mail servers put the line before the mail that mbox files have.
        mbox_line = _MBOX_LINE.match(self._head)
        if mbox_line:
            self._head = self._head[mbox_line.end() :]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self._head

    def return_path(self) -> str | None:
        """Return the address of the Return-Path, '' for the null one; None without the header.

        The mail server that delivered the mail finally has put it there (RFC 5321, section 4.4).
        """
        end = _END_OF_HEADER.search(self._head)
        found = _RETURN_PATH.search(self._head, 0, end.start() if end else len(self._head))
        return found[1].decode("utf-8", "replace") if found else None

    def chunks(self) -> Iterator[bytes]:
        """Yield the mail as it was read."""
        yield self._head
        while chunk := self._source.read(CHUNK_BYTES):
            yield chunk


def data_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a mail as SMTP DATA, with the final dot (RFC 5321, section 4.5.2).

    A bare LF becomes CRLF; a dot at the beginning of a line is doubled. A bare CR is no line end
    and stays as it is.
    """
    line_start, held = True, b""
    for chunk in chunks:
        data = held + chunk
        # Whether an LF follows a final CR is not known yet.
        held = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if not data:
            continue
        stuffed = data.replace(b"\r\n.", b"\r\n..")
        yield b"." + stuffed if line_start and data.startswith(b".") else stuffed
        line_start = data.endswith(b"\r\n")
    yield b".\r\n" if line_start and not held else b"\r\n.\r\n"

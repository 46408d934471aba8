"""Puts a message together from the pieces in which DATA arrives (RFC 5321 section 4.5.2)."""

from typing import Final

_END: Final = b"\r\n.\r\n"


class IncomingMessage:
    """A message on its way in; only <CRLF>.<CRLF> ends it, a bare LF or CR is content.

    The CRLF that ended the DATA command counts as the first of <CRLF>.<CRLF>, which is how a
    message without a single line ends (RFC 5321 section 4.1.1.4).

    Args:
        limit: bytes of the message, dots that were added for the way not counted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray(b"\r\n")
        self._too_long = False

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return len(self._data)

    def add(self, piece: bytes) -> bytes | None:
        """Take a piece; returns what follows the end, None while it has not come.

        A message that is too long is read to its end as well, but not kept.
        """
        data = self._data
        searched = max(0, len(data) - len(_END) + 1)
        data += piece
        end = data.find(_END, searched)
        if end >= 0:
            rest = bytes(data[end + len(_END) :])
            del data[end + 2 :]
            return rest
        if self._too_long or len(data) - data.count(b"\r\n.") > self._limit + len(_END):
            self._too_long = True
            del data[: -len(_END)]
        return None

    def content(self) -> bytes | None:
        """Return the message once its end has come; None when it is too long."""
        if self._too_long:
            return None
        # A dot that starts a line was put there by the client.
        raw = bytes(self._data).replace(b"\r\n.", b"\r\n")[2:]
        return raw if len(raw) <= self._limit else None

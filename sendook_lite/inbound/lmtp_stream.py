"""One connection of the LMTP door: lines and pieces in, replies out, and a clock for silence.

What arrives waits here until the session asks for it, and reading pauses when too much does. The
general stream of asyncio costs more for each command than obeying it.
"""

import asyncio
from typing import Final, cast

MAX_WAITING: Final = 131_072
"""Bytes that may wait while nobody asks for them."""


class Gone(Exception):
    """The client went away or was dismissed: nothing is read or said any more."""


class LineTooLong(Exception):
    """A line was longer than is read; all of it is gone."""


class LmtpStream(asyncio.Protocol):
    """Bytes from a client and to it.

    Args:
        timeout: seconds of silence after which a client is dismissed.
        longest_line: bytes of a line, its end included.
    """

    def __init__(self, timeout: float, longest_line: int) -> None:
        self._timeout = timeout
        self._longest_line = longest_line
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._waiting = bytearray()
        self._searched = 0
        self._came_in: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._heard_at: float | None = None
        self._paused = False
        self._ended = False

    # --- what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        # uvloop's transports are no subclasses of asyncio's, so there is nothing to assert.
        self._transport = cast("asyncio.Transport", transport)
        self.listen()

    def data_received(self, data: bytes) -> None:
        """Let what arrived wait for whoever asks."""
        self._waiting += data
        if len(self._waiting) > MAX_WAITING and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._came_in)

    def eof_received(self) -> bool:
        """Serve what was sent before the client closed its side."""
        self._ended = True
        _wake(self._came_in)
        return True

    def pause_writing(self) -> None:
        """Have the session wait until the client reads its replies."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let it go on."""
        _wake(self._writable)
        self._writable = None

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - all ends are alike
        """End whatever waits."""
        self._ended = True
        self._waiting.clear()
        if self._alarm is not None:
            self._alarm.cancel()
        _wake(self._came_in)
        _wake(self._writable)

    # --- what the session asks

    @property
    def ended(self) -> bool:
        """Whether the client sends nothing any more."""
        return self._ended

    @property
    def closing(self) -> bool:
        """Whether nothing is said any more."""
        return self._transport.is_closing()

    async def read_line(self) -> bytes:
        """Read up to a line feed.

        Raises:
            Gone: the client ended instead; half of a line is not obeyed.
            LineTooLong: the line is dropped.
        """
        too_long = False
        while (end := self._waiting.find(b"\n", self._searched)) < 0:
            if len(self._waiting) > self._longest_line:
                too_long = True
                self._waiting.clear()
            self._searched = len(self._waiting)
            if not await self._more():
                raise Gone
        line = bytes(self._waiting[: end + 1])
        del self._waiting[: end + 1]
        self._searched = 0
        if too_long or len(line) > self._longest_line:
            raise LineTooLong
        return line

    async def read_piece(self) -> bytes:
        """Read what is there, or what comes next.

        Raises:
            Gone: the client ended instead.
        """
        if not self._waiting and not await self._more():
            raise Gone
        piece = bytes(self._waiting)
        self._waiting.clear()
        return piece

    def give_back(self, rest: bytes) -> None:
        """Let bytes that were read too much be read next."""
        self._waiting[:0] = rest

    async def write(self, text: str) -> None:
        """Write; waits while the client leaves too much unread.

        Raises:
            Gone: nobody is there to read it. So commands that were sent along behind QUIT are not
                obeyed.
        """
        if self.closing:
            raise Gone
        self._transport.write(text.encode("ascii"))
        if self._writable is not None:
            await self._writable
            if self.closing:
                raise Gone

    def say_last(self, text: str) -> None:
        """Say a last word and close; nothing after it is answered."""
        if not self.closing:
            self._transport.write(text.encode("ascii"))
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    async def _more(self) -> bool:
        """Wait until something has come; False when nothing will."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if self._ended or self.closing:
            return False
        before = len(self._waiting)
        self._came_in = self._loop.create_future()
        await self._came_in
        return len(self._waiting) > before

    # --- the clock

    def listen(self) -> None:
        """Count the silence of the client from now on."""
        self._heard_at = self._loop.time()
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._timeout, self._judge_silence)

    def keep_waiting(self) -> None:
        """Count no silence while it is we who keep the client waiting."""
        self._heard_at = None

    def _judge_silence(self) -> None:
        """Dismiss a silent client; one alarm serves for many commands, each only notes the time."""
        silent = 0.0 if self._heard_at is None else self._loop.time() - self._heard_at
        if silent < self._timeout:
            self._alarm = self._loop.call_later(self._timeout - silent, self._judge_silence)
            return
        self.say_last(f"421 4.4.2 nothing heard for {self._timeout:g} s, closing\r\n")
        if self._transport.get_write_buffer_size():
            self.abort()  # it does not read either: closing would wait for it for ever


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

"""One connection of the event socket: lines in, answers out in the same order, after the commit.

Lines are cut from what arrives and stored in batches, several of them under way at once. A mail
is read before it can be stored, and a long one off the event loop: the lines behind it wait
for that, so that the lines of one connection take effect in the order they were sent.

What a connection may hold is bounded. Reading pauses while too many lines or bytes wait for their
answers, and while the client leaves too many answers unread. A line longer than
``large_line_bytes`` goes on only with one of the few places that all connections share.
"""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

import structlog

from sendook_lite.domain.errors import SendookError, TooLarge, Unavailable
from sendook_lite.inbound.event_limits import Limits
from sendook_lite.inbound.event_line import UnreadMail, read_line, write_answer
from sendook_lite.inbound.refused_lines import RefusedLines
from sendook_lite.usecases.event_lines import LINES_PER_UNIT, EventLines, Line, MailLine, Told

READ_OFF_LOOP: Final = 65_536
"""Lines longer than this are read on a thread, so that others are not kept waiting."""

LINGER: Final = 5.0
"""Seconds in which the client may read the last answer before an unfinished line is cut off."""

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    lines: EventLines
    limits: Limits
    large_lines: asyncio.Semaphore
    told: Counter[str]

    def opened(self, connection: "EventConnection") -> bool:
        """Count a connection in; False when there are too many."""
        ...

    def closed(self, connection: "EventConnection") -> None:
        """Count a connection out."""
        ...


@dataclass(slots=True, eq=False)
class _Batch:
    """Lines that were handed on together; ``answers`` has a hole for each that is not stored yet.

    ``held`` counts the bytes of the lines; ``large`` says that it is one large line.
    """

    first: int
    answers: list[bytes | None] = field(default_factory=list)
    held: int = 0
    large: bool = False
    done: bool = False


class EventConnection(asyncio.Protocol):
    """Reads lines and answers them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._limits = host.limits
        self._transport: asyncio.Transport
        self._tail = bytearray()
        self._unread: deque[bytes] = deque()
        self._batches: deque[_Batch] = deque()
        self._held_lines = 0
        self._held_bytes = 0
        self._number = 0
        self._reading_apart: asyncio.Task[None] | None = None
        self._place: asyncio.Task[bool] | None = None
        self._refusal: SendookError | None = None
        self._refused = RefusedLines()
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False  # we read nothing
        self._choked = False  # the client reads nothing
        self._ending = False  # no more lines are taken
        self._lingering = False  # the last answer is on its way to a client that still writes

    # --- what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, unless there are too many connections."""
        # uvloop's transports are no subclasses of asyncio's, so there is nothing to assert.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._limits.unread_bytes)
        if not self._host.opened(self):
            self._ending = True
            busy = Unavailable("too_many_connections", "too many connections, try again later")
            self._transport.write(write_answer(busy, 1))
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Cut lines from what arrived."""
        if self._ending:
            return
        *lines, rest = data.split(b"\n")
        if lines and self._tail:
            lines[0] = bytes(self._tail) + lines[0]
            self._tail.clear()
        for line in lines:
            if len(line) > self._limits.line_bytes:
                rest = line
                break
            self._take(line)
        self._tail += rest
        if len(self._tail) > self._limits.line_bytes:
            self._refuse("line_too_long", f"a line has at most {self._limits.line_bytes} bytes")
        elif len(self._tail) > self._limits.large_line_bytes:
            self._want_place()
        self._go_on()

    def eof_received(self) -> bool:
        """Take what came last for a line, and close when everything is answered.

        A line that was cut off is no complete JSON object, so nothing is stored by mistake.
        """
        if self._lingering:
            self._transport.close()
        elif not self._ending and self._tail:
            self._take(bytes(self._tail))
        self.finish()
        return True

    def pause_writing(self) -> None:
        """Read and store no more while the client leaves its answers unread."""
        self._choked = True
        self._go_on()

    def resume_writing(self) -> None:
        """Go on once it has read them."""
        self._choked = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - all ends are alike
        """Forget what nobody waits for; what was handed on is stored all the same."""
        self._ending = True
        self._tail.clear()
        self._unread.clear()
        if self._reading_apart is not None:
            self._reading_apart.cancel()
        self._leave_place()
        self._stop_timer()
        self._refused.end()
        self._host.closed(self)

    # --- what the server asks

    def finish(self) -> None:
        """Take no more lines; close when those that are complete are answered."""
        self._ending = True
        self._tail.clear()
        self._go_on()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    # --- lines on their way in

    def _take(self, line: bytes) -> None:
        self._unread.append(line)
        self._held_lines += 1
        self._held_bytes += len(line)

    def _refuse(self, code: str, message: str) -> None:
        """Answer the unfinished line with an error, after all others, and end the connection."""
        self._ending = True
        self._tail.clear()
        self._leave_place()
        self._stop_timer()
        self._refusal = TooLarge(code, message)
        self._held_lines += 1

    def _go_on(self) -> None:
        """Hand on what may be handed on, then decide about reading and closing."""
        while self._unread and self._reading_apart is None and not self._choked:
            self._hand_on()
        if self._refusal and not self._unread and self._reading_apart is None:
            self._number += 1
            self._submit(_Batch(self._number, [self._say(self._refusal, self._number)]), [])
            self._refusal, self._lingering = None, True
        if self._transport.is_closing():
            return
        if self._ending and not self._held_lines:
            self._end()
        full = (
            self._held_lines > self._limits.held_lines or self._held_bytes > self._limits.held_bytes
        )
        waits = self._place is not None and not self._place.done()
        self._pause(paused=(full or waits or self._choked) and not self._ending)

    def _pause(self, *, paused: bool) -> None:
        if paused == self._paused or self._transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _hand_on(self) -> None:
        """Hand on a batch of lines, and what follows it if that is to be read apart."""
        batch = _Batch(self._number + 1)
        lines: list[Line] = []
        apart: bytes | UnreadMail | None = None
        while self._unread and apart is None and len(batch.answers) < LINES_PER_UNIT:
            text = self._unread.popleft()
            self._number += 1
            if len(text) > READ_OFF_LOOP:
                apart = text
                break
            try:
                line = read_line(text)
            except SendookError as error:
                batch.answers.append(self._say(error, self._number))
            else:
                if isinstance(line, UnreadMail):
                    apart = line
                    break
                batch.answers.append(None)
                lines.append(line)
            batch.held += len(text)
        if batch.answers:
            self._submit(batch, lines)
        if apart is not None:
            alone = _Batch(
                self._number, held=len(text), large=len(text) > self._limits.large_line_bytes
            )
            self._reading_apart = asyncio.get_running_loop().create_task(
                self._read_apart(alone, apart)
            )

    async def _read_apart(self, batch: _Batch, line: bytes | UnreadMail) -> None:
        """Read a long line or a mail, then hand it on as a batch of its own."""
        lines: list[Line] = []
        try:
            read = await asyncio.to_thread(read_line, line) if isinstance(line, bytes) else line
            if isinstance(read, UnreadMail):
                mail = await self._host.lines.prepare(read.raw)
                lines.append(MailLine(mail, read.recipients, read.sender, read.key))
            else:
                lines.append(read)
            batch.answers.append(None)
        except SendookError as error:
            batch.answers.append(self._say(error, batch.first))
        except Exception as error:  # noqa: BLE001 - logged once, and its line is answered
            _log.exception("an event line failed")
            batch.answers.append(self._say(error, batch.first))
        self._reading_apart = None
        self._submit(batch, lines)
        self._go_on()

    def _submit(self, batch: _Batch, lines: list[Line]) -> None:
        self._batches.append(batch)
        if lines:
            self._host.lines.submit(lines).add_done_callback(
                lambda told: self._told(batch, told.result())
            )
        else:
            batch.done = True
            self._flush()

    # --- answers on their way out

    def _told(self, batch: _Batch, told: list[Told]) -> None:
        """Fill the holes of a batch and write what is complete."""
        results = iter(told)
        for index, answer in enumerate(batch.answers):
            if answer is None:
                said = next(results)
                if isinstance(said, BaseException) and not isinstance(said, SendookError):
                    _log.error("an event line failed", exc_info=said)
                batch.answers[index] = self._say(said, batch.first + index)
        batch.done = True
        self._flush()
        self._go_on()

    def _say(self, said: Told, number: int) -> bytes:
        """Render what is said of a line, and count it."""
        if isinstance(said, dict):
            meaning = "accepted"
        elif isinstance(said, Unavailable) or not isinstance(said, SendookError):
            meaning = "deferred"
        else:
            meaning = "refused"
            self._refused.add(number, said)
        self._host.told[meaning] += 1
        return write_answer(said, number)

    def _flush(self) -> None:
        """Write the answers that are complete, from the front, in one go."""
        ready: list[bytes] = []
        while self._batches and self._batches[0].done:
            batch = self._batches.popleft()
            ready += [answer for answer in batch.answers if answer is not None]
            self._held_lines -= len(batch.answers)
            self._held_bytes -= batch.held
            if batch.large:
                self._leave_place()
        if ready and not self._transport.is_closing():
            self._transport.write(b"".join(ready))

    def _end(self) -> None:
        """Close; a client that was cut off in the middle of a line may read why before that.

        Closing with bytes unread would reset the connection and take the answer with it.
        """
        if not self._lingering:
            self._transport.close()
        elif self._timer is None:
            self._transport.write_eof()
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._transport.close)

    # --- places for large lines

    def _want_place(self) -> None:
        """Go on reading a large line only with a place; reading pauses until there is one."""
        if self._place is None:
            self._place = asyncio.get_running_loop().create_task(self._host.large_lines.acquire())
            self._place.add_done_callback(lambda _: self._go_on())
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(
            self._limits.stalled_line, self._judge_stall
        )

    def _leave_place(self) -> None:
        if self._place is None:
            return
        if self._place.done() and not self._place.cancelled():
            self._host.large_lines.release()
        else:
            self._place.cancel()
        self._place = None
        self._stop_timer()

    def _judge_stall(self) -> None:
        """End a connection that keeps a place and sends nothing, unless it may not send."""
        self._timer = None
        if self._paused:
            self._want_place()
        elif len(self._tail) > self._limits.large_line_bytes:
            self._refuse(
                "line_stalled", f"nothing came for {self._limits.stalled_line:g} s inside the line"
            )
            self._go_on()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

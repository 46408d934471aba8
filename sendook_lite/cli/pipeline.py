"""Sends lines to a socket while answers to earlier ones come back; one answer per line, in order.

One thread and ``select``, not two threads: a thread that waits for standard input holds a lock the
interpreter needs to end, so a lost connection would hang the program.
"""

import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CHUNK = 64 * 1024
_MAX_UNANSWERED = 4096
_MAX_UNSENT = 1024 * 1024
_BEGINNING = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A line that waits for its answer: its number in the input, from 1, and how it begins."""

    number: int
    beginning: bytes


class LostError(Exception):
    """The connection ended before every line was answered.

    ``resume_at`` is the number of the first line without an answer.
    """

    def __init__(self, reason: str, resume_at: int) -> None:
        super().__init__(reason)
        self.resume_at = resume_at


class Pipeline:
    """Lines from a file descriptor to a connected socket, answers to ``take``.

    What is held is bounded: so many lines without an answer, so many bytes not yet sent, and one
    line of any length.
    """

    def __init__(
        self,
        connected: socket.socket,
        source: int,
        take: Callable[[Line, bytes], None],
        timeout: float,
    ) -> None:
        connected.setblocking(False)
        self.sent = 0
        self._socket = connected
        self._source = source
        self._take = take
        self._timeout = timeout
        self._ended = False
        self._number = 0
        self._rest: list[bytes] = []
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._waiting: deque[Line] = deque()
        self._answer: list[bytes] = []

    def run(self) -> Iterator[None]:
        """Work until every line is answered, yielding now and then.

        Raises:
            LostError: the connection ended, or the server stopped answering.
        """
        while not self._ended or self._waiting:
            readers: list[socket.socket | int] = [self._socket]
            if self._may_read():
                readers.append(self._source)
            writers = [self._socket] if self._unsent else []
            # Without a line in hand there is nothing to wait for but the input.
            timeout = self._timeout if self._waiting else None
            readable, writable, _ = select.select(readers, writers, [], timeout)
            if not readable and not writable:
                raise self._lost(f"no answer for {self._timeout:g} s")
            if self._socket in readable:
                self._read_answers()
            if writable:
                self._send()
            if self._source in readable:
                self._read_lines()
            yield

    def _may_read(self) -> bool:
        return (
            not self._ended
            and len(self._waiting) < _MAX_UNANSWERED
            and self._unsent_bytes < _MAX_UNSENT
        )

    def _read_lines(self) -> None:
        chunk = os.read(self._source, _CHUNK)
        self._ended = not chunk
        # The end of the input ends its last line, too.
        *ends, rest = chunk.split(b"\n") if chunk else (b"", b"")
        lines = []
        for end in ends:
            line = b"".join((*self._rest, end)).strip()
            self._rest = []
            self._number += 1
            if line:
                lines.append(line)
                self._waiting.append(Line(self._number, line[:_BEGINNING]))
        if rest:
            self._rest.append(rest)
        if lines:
            block = b"\n".join((*lines, b""))
            self._unsent.append(memoryview(block))
            self._unsent_bytes += len(block)
            self.sent += len(lines)

    def _send(self) -> None:
        try:
            count = self._socket.send(self._unsent[0])
        except BlockingIOError:
            return
        except OSError as error:
            self._read_last_answers()
            raise self._lost(error.strerror or "the connection broke") from error
        self._unsent_bytes -= count
        if count == len(self._unsent[0]):
            self._unsent.popleft()
        else:
            self._unsent[0] = self._unsent[0][count:]

    def _read_answers(self) -> bool:
        """Take the answers that are there; False when there was nothing to read."""
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._lost(error.strerror or "the connection broke") from error
        if not chunk:
            raise self._lost("the server ended the connection")
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            answer = b"".join((*self._answer, end))
            self._answer = []
            if not self._waiting:
                raise self._lost(answer.decode("utf-8", "replace"))
            self._take(self._waiting.popleft(), answer)
        if rest:
            self._answer.append(rest)
        return True

    def _read_last_answers(self) -> None:
        """Take what the server said before it hung up: every answer is a line less to repeat."""
        try:
            while self._read_answers():
                pass
        except LostError:
            return

    def _lost(self, reason: str) -> LostError:
        resume_at = self._waiting[0].number if self._waiting else self._number + 1
        return LostError(reason, resume_at)

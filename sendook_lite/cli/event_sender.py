"""Hands lines to the event socket and does not let go of them until the server has stored them."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from sendook_lite.cli.connection import connect
from sendook_lite.cli.failure import Failed
from sendook_lite.cli.pipeline import Line, LostError, Pipeline
from sendook_lite.cli.terminal import printable
from sendook_lite.domain.clock import Clock
from sendook_lite.inbound.listeners import Address

if TYPE_CHECKING:
    import socket

_TIMEOUT: Final = 60.0
_PAUSES: Final = (0.5, 1, 2, 5, 10)
_AT_ONCE: Final = 48 * 1024
"""Less than a pipe holds, so that a batch is written before anybody reads it."""

_TEMPORARY: Final = frozenset({"store_unavailable", "disk_nearly_full", "too_many_connections"})
_NOT_OURS: Final = frozenset({"message_not_found", "message_not_named"})


class EventSender:
    """Sends idempotent lines, again and again while the server is away or cannot store them."""

    def __init__(self, door: Address, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._connection: socket.socket | None = None
        self._told = Counter[str]()

    def send(self, lines: Sequence[dict[str, Any]]) -> None:
        """Return when the server has said its last word on every line."""
        for batch in _batches(lines):
            pauses = iter(_PAUSES)
            while (reason := self._try(batch)) is not None:
                click.echo(f"{printable(reason)} (trying again)", err=True)
                asyncio.run(self._clock.sleep(next(pauses, _PAUSES[-1])))

    def summary(self) -> str:
        """Say what became of the lines."""
        return (
            f"{self._told['told']:,} events told, {self._told['unknown']:,} of mail that is not"
            f" known here, {self._told['refused']:,} refused"
        )

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, batch: bytes) -> str | None:
        """Send a batch once; returns why it must be sent again, None when it need not."""
        answers: list[tuple[Line, bytes]] = []
        try:
            if self._connection is None:
                self._connection = connect(self._door)
            with _pipe_with(batch) as source:
                take = answers.append
                for _ in Pipeline(
                    self._connection, source, lambda *answer: take(answer), _TIMEOUT
                ).run():
                    pass
        except Failed as error:
            return error.message
        except LostError as error:
            self.close()
            return str(error)
        verdicts = [_verdict(answer) for _, answer in answers]
        for code, reason in verdicts:
            if code in _TEMPORARY:
                return reason
        for (line, _), (code, reason) in zip(answers, verdicts, strict=True):
            self._count(line, code, reason)
        return None

    def _count(self, line: Line, code: str | None, reason: str) -> None:
        if code is None:
            self._told["told"] += 1
        elif code in _NOT_OURS:
            self._told["unknown"] += 1
        else:
            self._told["refused"] += 1
            text = line.beginning.decode("utf-8", "replace")
            click.echo(f"refused: {printable(f'{code}: {reason}: {text}')}", err=True)


def _batches(lines: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Write lines out, as many at once as may be."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if batch and size + len(written) > _AT_ONCE:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(written)
        size += len(written)
    if batch:
        yield b"".join(batch)


@contextmanager
def _pipe_with(content: bytes) -> Iterator[int]:
    """Give content the shape in which a pipeline takes it: something to read, with an end."""
    reader, writer = os.pipe()
    try:
        try:
            os.write(writer, content)
        finally:
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


def _verdict(answer: bytes) -> tuple[str | None, str]:
    """Return code and reason of a refusal; no code when it is none."""
    document = orjson.loads(answer)
    if document["ok"] is True:
        return None, ""
    return str(document["code"]), str(document["error"])

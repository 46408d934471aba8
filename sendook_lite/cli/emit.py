"""``sendook-lite emit``: hands events to the event socket, one JSON object per line."""

import os
import sys

import click
import orjson

from sendook_lite.cli.connection import connect, find_door
from sendook_lite.cli.failure import DONE, REFUSED, TRY_AGAIN
from sendook_lite.cli.options import settings_options, socket_option
from sendook_lite.cli.pipeline import Line, LostError, Pipeline
from sendook_lite.cli.source import STANDARD_INPUT, open_source
from sendook_lite.cli.terminal import printable, shorten
from sendook_lite.domain.clock import SystemClock
from sendook_lite.inbound.listeners import Address

_PROGRESS_SECONDS = 0.2
_SHOWN = 200
_CLEAR_LINE = "\r\x1b[K"


@click.command
@click.argument("file", default=STANDARD_INPUT)
@click.option("--answers", is_flag=True, help="Print every answer of the server, one per line.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
@socket_option
@settings_options
def emit(
    *,
    file: str,
    address: Address | None,
    config: str | None,
    data_dir: str | None,
    answers: bool,
    timeout: float,
) -> int:
    """Hand in events from FILE, or from standard input, one JSON object per line.

    Lines are sent without waiting for the answers of earlier ones; empty lines are left out.
    A line with a "key" is stored once, however often it is sent.

    \b
    Exit codes:
      0   all lines were accepted
      1   some were refused; they stand on standard error, with the reason
      75  the connection was lost; the message says from which line on to send again
    """  # noqa: D301 - the character itself tells click to keep the lines
    tally = _Tally(answers=answers)
    with open_source(file) as source:
        door = address or find_door("events", os.environ, config=config, data_dir=data_dir)
        with connect(door) as connected:
            pipeline = Pipeline(connected, source.fileno(), tally.take, timeout)
            clock = SystemClock()
            next_progress = 0.0
            try:
                for _ in pipeline.run():
                    if sys.stderr.isatty() and clock.monotonic() >= next_progress:
                        next_progress = clock.monotonic() + _PROGRESS_SECONDS
                        click.echo(f"{_CLEAR_LINE}{pipeline.sent:,} sent", err=True, nl=False)
            except LostError as error:
                _summarize(pipeline.sent, tally)
                click.echo(f"{error}; send again from line {error.resume_at}", err=True)
                return TRY_AGAIN
    _summarize(pipeline.sent, tally)
    return REFUSED if tally.refused else DONE


class _Tally:
    """Counts answers, and shows those that say no."""

    def __init__(self, *, answers: bool) -> None:
        self.accepted = 0
        self.refused = 0
        self.shows_all = answers

    def take(self, line: Line, answer: bytes) -> None:
        """Take the answer to one line."""
        if self.shows_all:
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
        code, reason = _verdict(answer)
        if code is None:
            self.accepted += 1
            return
        self.refused += 1
        start = _CLEAR_LINE if sys.stderr.isatty() else ""
        text = printable(line.beginning.decode("utf-8", "replace"))
        click.echo(
            f"{start}line {line.number}: {printable(f'{code}: {reason}')}: {shorten(text, _SHOWN)}",
            err=True,
        )


def _verdict(answer: bytes) -> tuple[str | None, str]:
    """Return code and reason of a refusal; no code when it is none."""
    try:
        document = orjson.loads(answer)
        if document["ok"] is True:
            return None, ""
        return str(document.get("code", "refused")), str(document.get("error", ""))
    except (ValueError, TypeError, KeyError):
        return "bad_answer", "the server's answer cannot be understood"


def _summarize(sent: int, tally: _Tally) -> None:
    """Print the counts, where they do not mix with answers."""
    if sys.stderr.isatty():
        click.echo(_CLEAR_LINE, err=True, nl=False)
    click.echo(
        f"{sent:,} sent, {tally.accepted:,} accepted, {tally.refused:,} refused",
        err=tally.shows_all,
    )

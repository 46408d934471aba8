"""``sendook-lite follow``: tells the server what a mail server's log says became of mails."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from sendook_lite.cli.connection import find_door
from sendook_lite.cli.event_sender import EventSender
from sendook_lite.cli.failure import DONE
from sendook_lite.cli.log_place import LogPlace
from sendook_lite.cli.log_sources import FileSource, InputSource, JournalSource, LogSource
from sendook_lite.cli.options import settings_options, socket_option
from sendook_lite.cli.places import find_places
from sendook_lite.cli.source import STANDARD_INPUT
from sendook_lite.domain.clock import Clock, SystemClock
from sendook_lite.inbound.listeners import Address
from sendook_lite.inbound.postfix_log import PostfixLog

_USUAL_LOG: Final = Path("/var/log/mail.log")
_SAVE_SECONDS: Final = 1.0


@click.group
def follow() -> None:
    """Turn a mail server's log into events: what was delivered, what bounced."""


@follow.command
@click.argument("stdin", required=False, type=click.Choice([STANDARD_INPUT]), metavar="[-]")
@click.option("--file", metavar="FILE", help="Log to follow, through rotation.")
@click.option("--journal", is_flag=True, help="Follow the journal, with journalctl.")
@click.option("--from-start", is_flag=True, help="The first time, begin with what is there.")
@click.option("--state", metavar="FILE", help="Where the place in the log is remembered.")
@click.option(
    "--syslog-name", default="postfix", show_default=True, help="How Postfix names itself there."
)
@socket_option
@settings_options
def postfix(
    *,
    stdin: str | None,
    file: str | None,
    journal: bool,
    from_start: bool,
    state: str | None,
    syslog_name: str,
    address: Address | None,
    config: str | None,
    data_dir: str | None,
) -> int:
    """Report message.delivered and message.bounced from the log of Postfix.

    Without a source it is /var/log/mail.log, or the journal where that does not exist. With `-`,
    lines are read from standard input, to its end.

    It runs until it is stopped. The place in the log is remembered when the server has stored what
    was told, and told lines have keys: however it ends, every event is there once. Mail is matched
    by its Message-ID; mail that leaves this machine and is not known is reported by its sender.
    Deferred mail is not reported.
    """
    if sum((stdin is not None, file is not None, journal)) > 1:
        raise click.UsageError("give one of --file, --journal and -")
    places = find_places(os.environ, config=config, data_dir=data_dir)
    door = address or find_door("events", os.environ, config=config, data_dir=data_dir)
    if stdin is not None or file == STANDARD_INPUT:
        path = None
    else:
        path = Path(file) if file else _USUAL_LOG
        journal = journal or (file is None and not _USUAL_LOG.exists())
    clock = SystemClock()
    place = LogPlace(Path(state) if state else _usual_state(places.data_dir))
    log = PostfixLog(syslog_name, places.lmtp)
    with ExitStack() as open_things:
        open_things.enter_context(_ended_by_sigterm())
        source: LogSource
        if path is None:
            source = InputSource(sys.stdin.fileno(), clock)
        else:
            known = place.load("journal" if journal else str(path.absolute()))
            if known is not None:
                log.recall(known.state)
            where = None if known is None else known.place
            start = "from where it was" if where else "from its start" if from_start else "from now"
            click.echo(f"following {'the journal' if journal else path}, {start}", err=True)
            if journal:
                source = JournalSource(where, clock, from_start=from_start)
            else:
                source = FileSource(path, where, clock, from_start=from_start)
        open_things.callback(source.close)
        sender = EventSender(door, clock)
        open_things.callback(sender.close)
        try:
            _follow(source, log, place, sender, clock)
        finally:
            click.echo(sender.summary(), err=True)
    return DONE


def _follow(
    source: LogSource, log: PostfixLog, place: LogPlace, sender: EventSender, clock: Clock
) -> None:
    """Read, tell, remember; until the source or the process ends."""
    place.save(source.place(), log.remember)
    told = True
    next_save = clock.monotonic()
    try:
        while (entries := source.read()) is not None:
            told = False
            sender.send([line for entry in entries for line in log.read(entry)])
            told = True
            if clock.monotonic() >= next_save:
                place.save(source.place(), log.remember)
                next_save = clock.monotonic() + _SAVE_SECONDS
    finally:
        # What was read and not told is read again the next time.
        if told:
            place.save(source.place(), log.remember)


def _usual_state(data_dir: Path) -> Path:
    """Return where the place is kept: what systemd gives a unit, or beside the server's data."""
    return Path(os.environ.get("STATE_DIRECTORY", data_dir)) / "follow-postfix.json"


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End as if all were done when asked to: what is open is closed on the way out."""

    def end(_signal: int, _frame: Any) -> NoReturn:
        raise SystemExit(DONE)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""What the database held at each kill: copied as the killed process left it, and read there.

Old rows are purged while a campaign goes on, so each is written down at the first kill after it was
made. The product's own recovery is left to the product: the copy is opened, never the original.
"""

import json
import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sendook_lite.store.database import DATABASE_NAME
from sendook_lite.store.soundness import examine


@dataclass(slots=True)
class Attempt:
    """One attempt as it was recorded. ``seen`` is the life at whose end it was there."""

    status: int | None
    trigger: str
    seen: int
    rows: int = 1


@dataclass
class Ledger:
    """Everything that was ever found on disk."""

    mails: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Message-ID and recipient to the ids of messages."""
    events: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Event id to its type and message."""
    event_of: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Type and message, or type and inbox, to event ids."""
    lines: dict[str, str] = field(default_factory=dict)
    inboxes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Subjects of sent mail to the ids of messages."""
    handed_over: dict[str, int] = field(default_factory=dict)
    """Subjects of sent mail to the life at whose end it was known what the relay had said."""
    deliveries: dict[tuple[str, str], str] = field(default_factory=dict)
    """Event and webhook to the delivery."""
    attempts: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    replays: dict[str, str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def read(self, data_dir: Path, scratch: Path, life: int) -> None:
        """Copy what is there and write down what is new."""
        path = self.look_only(data_dir, scratch, life)
        with closing(sqlite3.connect(path)) as connection:
            self._read(connection, life)

    def look_only(self, data_dir: Path, scratch: Path, life: int = 0) -> Path:
        """Copy what is there and have it judged, whatever its schema; returns the copy."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for suffix in ("", "-wal"):
            source = data_dir / f"{DATABASE_NAME}{suffix}"
            if source.exists():
                shutil.copyfile(source, scratch / source.name)
        path = scratch / DATABASE_NAME
        self.problems += [f"life {life}: {each}" for each in examine(path).problems]
        return path

    def _new(
        self, connection: sqlite3.Connection, table: str, query: str
    ) -> list[tuple[object, ...]]:
        """Rows of a query with seq first, those only that were not there before."""
        rows = connection.execute(query, (self._last.get(table, 0),)).fetchall()
        if rows:
            self._last[table] = rows[-1][0]
        return [row[1:] for row in rows]

    def _read(self, connection: sqlite3.Connection, life: int) -> None:
        for external, address, identifier in self._new(
            connection,
            "messages",
            "SELECT messages.seq, external_message_id, address, messages.id FROM messages"
            " JOIN inboxes ON inboxes.seq = inbox_seq WHERE messages.seq > ?"
            " AND direction = 'inbound' ORDER BY messages.seq",
        ):
            self.mails[str(external), str(address)].append(str(identifier))
        for identifier, kind, message, inbox in self._new(
            connection,
            "events",
            "SELECT seq, id, type, message_id, inbox_id FROM events WHERE seq > ? AND NOT is_test"
            " ORDER BY seq",
        ):
            self.events[str(identifier)] = (str(kind), str(message) if message else None)
            self.event_of[str(kind), str(message or inbox)].append(str(identifier))
        for key, answer in connection.execute("SELECT key, answer FROM event_keys"):
            self.lines.setdefault(key, json.loads(answer)["eventId"])
        for address, identifier in self._new(
            connection, "inboxes", "SELECT seq, address, id FROM inboxes WHERE seq > ? ORDER BY seq"
        ):
            self.inboxes[str(address)].append(str(identifier))
        for subject, identifier in self._new(
            connection,
            "sent",
            "SELECT seq, json_extract(content, '$.subject'), id FROM messages WHERE seq > ?"
            " AND direction = 'outbound' ORDER BY seq",
        ):
            self.sent[str(subject)].append(str(identifier))
        for (subject,) in connection.execute(
            "SELECT json_extract(content, '$.subject') FROM messages"
            " WHERE direction = 'outbound' AND status <> 'queued'"
        ):
            self.handed_over.setdefault(subject, life)
        for identifier, event, webhook in self._new(
            connection,
            "deliveries",
            "SELECT deliveries.seq, deliveries.id, events.id, webhooks.id FROM deliveries"
            " JOIN events ON events.seq = event_seq JOIN webhooks ON webhooks.seq = webhook_seq"
            " WHERE deliveries.seq > ? ORDER BY deliveries.seq",
        ):
            self.deliveries[str(event), str(webhook)] = str(identifier)
        for delivery, number, status, trigger in self._new(
            connection,
            "attempts",
            "SELECT attempts.seq, deliveries.id, number, attempts.status, attempts.trigger"
            " FROM attempts JOIN deliveries ON deliveries.seq = delivery_seq"
            " WHERE attempts.seq > ? ORDER BY attempts.seq",
        ):
            assert isinstance(number, int)
            known = self.attempts.get((str(delivery), number))
            if known is not None:
                known.rows += 1
                continue
            assert status is None or isinstance(status, int)
            self.attempts[str(delivery), number] = Attempt(status, str(trigger), life)
        self.replays.update(connection.execute("SELECT id, state FROM replays").fetchall())

"""Recipients of mail that is sent: what became of each, and when the relay is asked again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sendook_lite.store.tx import Tx

MOST_RECIPIENTS = 150
"""Of one message: fifty in each of to, cc and bcc."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of one message; ``address`` is ``recipient`` as it is compared."""

    position: int
    recipient: str
    address: str
    status: str
    tries: int


@dataclass(frozen=True, slots=True)
class DueMail:
    """A message that is to be handed to the relay, for the recipients whose time has come."""

    message_seq: int
    message_id: str
    blob_seq: int
    from_address: str
    recipients: tuple[Recipient, ...]


def insert(
    tx: Tx, message_seq: int, recipients: Sequence[tuple[str, str]], due_at: int, expires_at: int
) -> None:
    """Add the recipients of a message, as (given, as compared), to be tried from ``due_at`` on."""
    tx.execute_many(
        "INSERT INTO submissions"
        " (message_seq, position, recipient, address, status, due_at, expires_at)"
        " VALUES (?, ?, ?, ?, 'queued', ?, ?)",
        [
            (message_seq, position, recipient, address, due_at, expires_at)
            for position, (recipient, address) in enumerate(recipients)
        ],
    )


def of_message(tx: Tx, message_seq: int) -> list[Recipient]:
    """Return the recipients of a message in their order."""
    rows = tx.all(
        "SELECT position, recipient, address, status, tries FROM submissions"
        " WHERE message_seq = ? ORDER BY position",
        (message_seq,),
    )
    return [Recipient(*row) for row in rows]


def take_due(
    tx: Tx, now: int, busy: Collection[int], limit: int
) -> tuple[list[DueMail], int | None]:
    """Return messages that are due, oldest first, and when the next one is.

    A unit of work although it writes nothing: a reader might still see what was decided already.

    Args:
        tx: the transaction.
        now: the time that due times are measured against.
        busy: the messages that are being handed over; they are left out.
        limit: how many messages are wanted.
    """
    rows = tx.all(
        "SELECT message_seq, due_at FROM submissions WHERE due_at IS NOT NULL"
        " ORDER BY due_at, message_seq LIMIT ?",
        ((len(busy) + limit) * MOST_RECIPIENTS + 1,),
    )
    wanted: dict[int, None] = {}
    next_at = None
    for message_seq, due_at in rows:
        if message_seq in busy or message_seq in wanted:
            continue
        if due_at > now or len(wanted) == limit:
            next_at = due_at
            break
        wanted[message_seq] = None
    found = [_due_mail(tx, message_seq, now) for message_seq in wanted]
    return [each for each in found if each is not None], next_at


def _due_mail(tx: Tx, message_seq: int, now: int) -> DueMail | None:
    row = tx.one(
        "SELECT messages.id, messages.blob_seq, inboxes.email FROM messages"
        " JOIN inboxes ON inboxes.seq = messages.inbox_seq WHERE messages.seq = ?",
        (message_seq,),
    )
    if row is None:
        return None
    recipients = tx.all(
        "SELECT position, recipient, address, status, tries FROM submissions"
        " WHERE message_seq = ? AND due_at <= ? ORDER BY position",
        (message_seq, now),
    )
    message_id, blob_seq, from_address = row
    found = tuple(Recipient(*each) for each in recipients)
    return DueMail(message_seq, message_id, blob_seq, from_address, found)


def expired(tx: Tx, now: int, limit: int) -> list[tuple[int, str, Recipient]]:
    """Return recipients that have waited too long, with seq and id of the message of each."""
    rows = tx.all(
        "SELECT message_seq, messages.id, position, recipient, address, submissions.status, tries"
        " FROM submissions JOIN messages ON messages.seq = message_seq"
        " WHERE due_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?",
        (now, limit),
    )
    return [(row[0], row[1], Recipient(*row[2:])) for row in rows]


def expires_at(tx: Tx, message_seq: int) -> int:
    """Return from when on a failed try of a message is the last one."""
    row = tx.one("SELECT max(expires_at) FROM submissions WHERE message_seq = ?", (message_seq,))
    return (row[0] if row else None) or 0


def postpone(tx: Tx, message_seq: int, position: int, detail: str, due_at: int) -> None:
    """Note why a recipient was not decided, and when to try again."""
    tx.execute(
        "UPDATE submissions SET tries = tries + 1, detail = ?, due_at = ?"
        " WHERE message_seq = ? AND position = ? AND due_at IS NOT NULL",
        (detail, due_at, message_seq, position),
    )


def decide(tx: Tx, message_seq: int, position: int, status: str, detail: str | None) -> None:
    """Note what became of a recipient; there is no further try."""
    tx.execute(
        "UPDATE submissions SET status = ?, detail = coalesce(?, detail), due_at = NULL"
        " WHERE message_seq = ? AND position = ?",
        (status, detail, message_seq, position),
    )


def note(tx: Tx, message_seq: int, position: int, status: str, detail: str | None) -> None:
    """Note what is known of a recipient that is still on its way."""
    tx.execute(
        "UPDATE submissions SET status = ?, detail = coalesce(?, detail)"
        " WHERE message_seq = ? AND position = ?",
        (status, detail, message_seq, position),
    )


def remove_of_message(tx: Tx, message_seq: int) -> int:
    """Remove the recipients of a message, whatever became of them; returns how many there were."""
    return tx.execute("DELETE FROM submissions WHERE message_seq = ?", (message_seq,)).rowcount


def clamp(tx: Tx, latest_due: int, latest_expiry: int) -> int:
    """Bring times back that a clock set back has put out of reach; returns how many tries."""
    tx.execute(
        "UPDATE submissions SET expires_at = ? WHERE due_at IS NOT NULL AND expires_at > ?",
        (latest_expiry, latest_expiry),
    )
    return tx.execute(
        "UPDATE submissions SET due_at = ? WHERE due_at IS NOT NULL AND due_at > ?",
        (latest_due, latest_due),
    ).rowcount

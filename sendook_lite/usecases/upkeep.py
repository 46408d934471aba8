"""Upkeep: finishes in small batches what was only marked: deletions, cancellations, purges."""

from collections.abc import Callable

from sendook_lite.store import (
    blobs,
    deliveries,
    inboxes,
    messages,
    meta,
    replays,
    threads,
    webhooks,
)
from sendook_lite.store.database import Store
from sendook_lite.store.writer import Tx
from sendook_lite.usecases.turns import Turns

BATCH_PAGES = 50
BATCH_ROWS = 200
BATCH_BYTES = 1024 * 1024
"""Pages, rows, or bytes of long rows, in a unit of work: a few milliseconds of the writer."""

Step = Callable[[Tx], bool]


class Upkeep:
    """Does what is left to do, one unit of work at a time; everything survives a restart."""

    def __init__(self, store: Store, turns: Turns) -> None:
        self._store = store
        self._turns = turns

    async def try_to_write(self) -> None:
        """Write one row, to see whether a store that failed works again.

        Raises:
            StoreFailed: it does not.
        """
        await self._store.writer.write(meta.note_alive)

    async def run(self) -> int:
        """Work until nothing is left; returns how many units of work it took."""
        units = 0
        for step in _STEPS:
            while await self._turns.take(step):
                units += 1
        return units


def cancel_deliveries(tx: Tx) -> bool:
    """Cancel some of what a webhook was owed when it was disabled; False when there is none."""
    found = webhooks.find_canceling(tx)
    if found is None:
        return False
    seq, up_to = found
    if deliveries.cancel_pending(tx, seq, up_to, BATCH_ROWS) < BATCH_ROWS:
        webhooks.end_canceling(tx, seq)
    return True


def remove_webhook(tx: Tx) -> bool:
    """Remove some rows of a deleted webhook; False when there are none."""
    seq = webhooks.find_deleted(tx)
    if seq is None:
        return False
    if deliveries.remove_of_webhook(tx, seq, BATCH_ROWS) == 0:
        replays.remove_of_webhook(tx, seq)
        webhooks.remove(tx, seq)
    return True


def remove_expired_secrets(tx: Tx) -> bool:
    """Remove secrets whose overlap is over; False when there are none."""
    return webhooks.remove_expired_secrets(tx, BATCH_ROWS) > 0


def remove_inbox(tx: Tx) -> bool:
    """Remove some mail of a deleted inbox; False when there is none."""
    seq = inboxes.find_deleted(tx)
    if seq is None:
        return False
    released = messages.remove_of_inbox(tx, seq, BATCH_ROWS, BATCH_BYTES)
    for blob in released:
        blobs.release(tx, blob)
    if not released and threads.remove_of_inbox(tx, seq, BATCH_ROWS) == 0:
        inboxes.remove(tx, seq)
    return True


def remove_blob(tx: Tx) -> bool:
    """Remove some chunks of raw mail that no message has any more; False when there are none."""
    return blobs.remove_released(tx, BATCH_BYTES // blobs.CHUNK_BYTES) > 0


def shrink_file(tx: Tx) -> bool:
    """Give some of the room that was freed back to the disk; False when there is little."""
    return meta.give_back_pages(tx, BATCH_PAGES)


_STEPS: tuple[Step, ...] = (
    cancel_deliveries,
    remove_webhook,
    remove_expired_secrets,
    remove_inbox,
    remove_blob,
    shrink_file,
)

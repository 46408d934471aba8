"""Upkeep: finishes in small batches what was only marked: deletions, cancellations, purges."""

from collections.abc import Callable

from sendook_lite.store import (
    blobs,
    deliveries,
    inboxes,
    meta,
    removal,
    replays,
    search,
    tally,
    threads,
    webhooks,
)
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.turns import Turns

BATCH_PAGES = 50
BATCH_ROWS = 200
BATCH_BYTES = 1024 * 1024
"""Pages, rows, or bytes of long rows, in a unit of work: a few milliseconds of the writer."""
COUNTED_ROWS = 2000
"""Events that are counted in a unit of work: read only, so more of them."""

UNITS_IN_A_ROW = 10

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
        """Work until nothing is left; returns how many units of work it took.

        What has much to do lets the others have their turns: filling the search index takes minutes
        after an upgrade.
        """
        units, worked = 0, True
        while worked:
            worked = False
            for step in _STEPS:
                for _ in range(UNITS_IN_A_ROW):
                    if not await self._turns.take(step):
                        break
                    units, worked = units + 1, True
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
    for of_webhook in (deliveries.remove_of_webhook, replays.remove_of_webhook):
        if of_webhook(tx, seq, BATCH_ROWS):
            return True
    webhooks.remove(tx, seq)
    return True


def count_events(tx: Tx) -> bool:
    """Count the next events of the log by the hour; False when only few were left."""
    return tally.count_events(tx, COUNTED_ROWS)


def remove_expired_secrets(tx: Tx) -> bool:
    """Remove secrets whose overlap is over; False when there are none."""
    return webhooks.remove_expired_secrets(tx, BATCH_ROWS) > 0


def remove_inbox(tx: Tx) -> bool:
    """Remove some mail of a deleted inbox; False when there is none."""
    seq = inboxes.find_deleted(tx)
    if seq is None:
        return False
    if removal.remove_of_inbox(tx, seq, BATCH_ROWS, BATCH_BYTES):
        return True
    if threads.remove_of_inbox(tx, seq, BATCH_ROWS) == 0:
        inboxes.remove(tx, seq)
    return True


def merge_threads(tx: Tx) -> bool:
    """Move some rows of a thread that was merged into another; False when there is none."""
    return threads.move_merged(tx, BATCH_ROWS)


def remove_threads(tx: Tx) -> bool:
    """Remove some rows of a thread that has no message any more; False when there is none."""
    return threads.remove_emptied(tx, BATCH_ROWS)


def remove_blob(tx: Tx) -> bool:
    """Remove some chunks of raw mail that no message has any more; False when there are none."""
    return blobs.remove_released(tx, BATCH_BYTES // blobs.CHUNK_BYTES) > 0


def shrink_file(tx: Tx) -> bool:
    """Give some of the room that was freed back to the disk; False when there is little."""
    return meta.give_back_pages(tx, BATCH_PAGES)


_STEPS: tuple[Step, ...] = (
    search.add_newer,
    count_events,
    cancel_deliveries,
    remove_webhook,
    remove_expired_secrets,
    remove_inbox,
    merge_threads,
    remove_threads,
    remove_blob,
    search.add_older,
    search.merge_some,
    shrink_file,
)

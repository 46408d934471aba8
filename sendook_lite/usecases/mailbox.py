"""What is done with stored mail: found, labelled, deleted."""

from typing import Final

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.model import Inbox, Message
from sendook_lite.store import inboxes, messages, removal, search
from sendook_lite.store.database import Store
from sendook_lite.store.page import Page
from sendook_lite.store.search import Filters
from sendook_lite.store.tx import Tx

CATCH_UP: Final = 25
"""Units of work that a search may spend on mail that is not in the index yet: 500 mails."""


class Mailbox:
    """The use cases around stored mail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(
        self, inbox: Inbox, filters: Filters, limit: int, before: str | None
    ) -> tuple[Page[Message], bool]:
        """Return messages that match, newest first, and whether all mail was looked at.

        What has just come in is added to the index first, so that it is found. Only while the index
        is filled after an upgrade, or the store cannot write, may something be missed.
        """
        reader = self._store.reader
        if not filters.indexed:
            page = await messages.list_page(reader, inbox.seq, limit, before, filters.period)
            return page, True
        complete = await self._catch_up()
        return await search.list_page(reader, inbox.seq, filters, limit, before), complete

    async def label(self, inbox_id: str, message_id: str, labels: tuple[str, ...]) -> Message:
        """Replace the labels of a message; NotFound when the inbox has none such."""
        return await self._store.writer.write(_label, inbox_id, message_id, labels)

    async def delete(self, inbox_id: str, message_id: str) -> Message:
        """Remove a message, its thread with the last one; returns what it was."""
        return await self._store.writer.write(_delete, inbox_id, message_id)

    async def _catch_up(self) -> bool:
        """Add to the index what is missing, if it is not much; False when some still is."""
        newer, older = await search.behind(self._store.reader)
        try:
            for _ in range(CATCH_UP if newer else 0):
                newer = await self._store.writer.write(search.add_newer)
                if not newer:
                    break
        except StoreFailed:
            return False
        return not (newer or older)


def _label(tx: Tx, inbox_id: str, message_id: str, labels: tuple[str, ...]) -> Message:
    inbox = inboxes.get_in(tx, inbox_id)
    message = messages.get_in(tx, inbox_id, message_id)
    search.forget(tx, inbox.seq, message.seq, message.content)
    message = messages.set_labels(tx, message, labels)
    search.add(tx, inbox.seq, message)
    return message


def _delete(tx: Tx, inbox_id: str, message_id: str) -> Message:
    inboxes.get_in(tx, inbox_id)
    message = messages.get_in(tx, inbox_id, message_id)
    removal.remove_message(tx, message.seq)
    return message

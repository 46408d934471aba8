"""Checks the inboxes that a key or a webhook is to be limited to."""

from collections.abc import Sequence

from sendook_lite.domain.errors import FieldError, Invalid
from sendook_lite.store import inboxes
from sendook_lite.store.reader import Reader


async def require_inboxes(reader: Reader, inbox_ids: Sequence[str] | None) -> None:
    """Make sure that inboxes exist.

    Raises:
        Invalid: naming the first that does not.
    """
    if not inbox_ids:
        return
    existing = await inboxes.existing(reader, inbox_ids)
    for place, identifier in enumerate(inbox_ids):
        if identifier not in existing:
            path = f"inboxIds.{place}"
            message = f"{path} names no inbox"
            raise Invalid(message, (FieldError(path, "names no inbox", identifier),))

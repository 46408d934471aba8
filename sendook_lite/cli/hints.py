"""What to do next when the server says no: a command that helps, by the code of the error."""

from collections.abc import Mapping
from typing import Final

HINTS: Final[Mapping[str, str]] = {
    "webhook_not_found": "`sendook-lite webhooks list` shows which there are",
    "delivery_not_found": "`sendook-lite deliveries list` shows which there are",
    "event_not_found": "`sendook-lite events list` shows which there are",
    "inbox_not_found": "`sendook-lite inboxes list` shows which there are",
    "message_not_found": "`sendook-lite messages list INBOX` shows which there are",
    "api_key_not_found": "`sendook-lite keys list` shows which there are",
    "replay_not_found": "`sendook-lite webhooks replays WEBHOOK` shows which there are",
    "webhook_disabled": "`sendook-lite webhooks enable ID` enables it",
    "unauthorized": "give one with --key or SENDOOK_API_KEY",
    "scope_missing": "`sendook-lite keys create NAME --scope …` makes one",
}


def with_hint(message: str, code: object) -> str:
    """Add to a message what to do about it, where that is known."""
    hint = HINTS.get(code) if isinstance(code, str) else None
    return message if hint is None else f"{message} ({hint})"

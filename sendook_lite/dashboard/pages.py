"""The table of pages: path, the function that shows it, and what a key needs to see it."""

from dataclasses import dataclass
from typing import Final

from sendook_lite.dashboard import docs, events, inboxes, messages, overview, setup, webhooks
from sendook_lite.dashboard.view import Show
from sendook_lite.domain.model import Scope


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page. Parameters named ``…_id`` are ids; malformed ones are not found.

    Attributes:
        scope: what the key behind the session needs.
        whole: closed to keys that are limited to some inboxes.
        public: shown to everybody.
    """

    path: str
    show: Show
    scope: Scope = "read"
    whole: bool = False
    public: bool = False


_WEBHOOK: Final = "/webhooks/{webhook_id}"
_INBOX: Final = "/inboxes/{inbox_id}"
_MESSAGE: Final = f"{_INBOX}/messages/{{message_id}}"

PAGES: Final[tuple[PageRoute, ...]] = (
    PageRoute("/", overview.show),
    PageRoute("/webhooks", webhooks.show_list, whole=True),
    PageRoute("/webhooks/check", webhooks.check_url, "write", whole=True),
    PageRoute(_WEBHOOK, webhooks.show_one, whole=True),
    PageRoute("/events", events.show_list),
    PageRoute("/events/{event_id}", events.show_one),
    PageRoute("/inboxes", inboxes.show_list),
    PageRoute(_INBOX, inboxes.show_one),
    PageRoute(f"{_INBOX}/threads/{{thread_id}}", messages.show_thread),
    PageRoute(_MESSAGE, messages.show_one),
    PageRoute(f"{_MESSAGE}/html", messages.show_html),
    PageRoute("/setup", setup.show, whole=True),
    PageRoute("/docs", docs.show, public=True),
)

ACTIONS: Final[tuple[PageRoute, ...]] = (
    PageRoute("/setup/test-mail", setup.send_test_mail, "write", whole=True),
)
"""What is posted to the dashboard itself; everything else that changes something is the API's."""

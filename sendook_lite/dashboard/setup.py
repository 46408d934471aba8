"""The page for getting it to run: doors, lines for the mail server, a test mail, keys."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Final

from aiohttp import web

from sendook_lite.dashboard.inboxes import served
from sendook_lite.dashboard.view import Page, View, read_form
from sendook_lite.domain.errors import SendookError
from sendook_lite.domain.ids import is_id
from sendook_lite.settings import Settings
from sendook_lite.store import suppressions

SUPPRESSIONS: Final = 50
DOMAINS: Final = 50
_QUEUE: Final = "/var/spool/postfix/"
_OK: Final = 250
_DOORS: Final = {
    "api": "API, dashboard",
    "lmtp": "Mail (LMTP)",
    "events": "Events (lines)",
    "admin": "Commands",
}


async def show(view: View) -> Page:
    """Show what is listening where, and what to do with it."""
    context = view.context
    keys = await context.access.list_all() if "admin" in view.principal.scopes else []
    lmtp = context.addresses.get("lmtp", "").removeprefix("http://")
    domains = await served(view)
    data: dict[str, Any] = {
        "doors": [(name, text, context.addresses.get(name)) for name, text in _DOORS.items()],
        "domains": domains,
        "added": (await context.domains.page(DOMAINS, None)).items,
        "postfix": postfix_lines(context.settings, domains, lmtp) if lmtp else "",
        "chroot": lmtp.startswith("unix:") and not lmtp.startswith(f"unix:{_QUEUE}"),
        "lmtp": lmtp,
        "keys": keys,
        "inboxes": (await context.inboxes.page(100, None)).items,
        "suppressions": await suppressions.list_page(view.reader, SUPPRESSIONS, None),
        "relay": context.settings.relay.url.partition("://")[0].rstrip(":"),
        "own_key": view.principal.key_id,
        "health": context.health(),
    }
    return Page("setup.html", data)


async def send_test_mail(view: View) -> web.StreamResponse:
    """Hand a mail for an inbox to our own LMTP door; tells its reply and how to know the mail."""
    form = await read_form(view.request)
    wanted = form.get("inboxId", "")
    try:
        inbox = await view.context.inboxes.get(wanted if is_id(wanted) else "")
        mark = secrets.token_hex(4)
        code, text = await view.context.push_mail(inbox.email, _test_mail(inbox.email, mark))
    except SendookError as error:
        return web.json_response({"error": error.message}, status=400)
    return web.json_response({"stored": code == _OK, "reply": f"{code} {text}", "mark": mark})


def _test_mail(recipient: str, mark: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = "Sendook Lite <setup@localhost.test>"
    mail["To"] = recipient
    mail["Subject"] = f"A test mail ({mark})"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid("test", "localhost.test")
    mail.set_content("This mail came in through the LMTP door, as every mail does.\n")
    return mail.as_bytes()


def postfix_lines(settings: Settings, domains: Sequence[str], lmtp: str) -> str:
    """Write the lines of main.cf that hand our mail over; a socket below the queue relative to it.

    Debian runs Postfix's LMTP client in a chroot there: such a path is the same inside and outside.
    """
    where = f"inet:{lmtp}"
    if lmtp.startswith("unix:"):
        where = f"unix:{lmtp.removeprefix('unix:').removeprefix(_QUEUE)}"
    lines = {
        "virtual_mailbox_domains": " ".join(domains),
        "virtual_transport": f"lmtp:{where}",
        "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated,"
        " reject_unauth_destination",
        "smtpd_recipient_restrictions": "reject_unverified_recipient",
        "unverified_recipient_reject_code": "550",
        "lmtp_destination_recipient_limit": "50",
        "message_size_limit": str(settings.inbound.max_message_bytes),
    }
    return "\n".join(f"{name} = {value}" for name, value in lines.items())

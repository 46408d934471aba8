"""The use cases over a real database, with a fake clock and a feed that remembers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

from sendook_lite.domain.alerts import CHANNELS
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.events import EVENT_TYPES, payload_of
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Settlement, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.tokens import Tokens
from sendook_lite.store import webhooks
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Row, Tx
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.sending import Sending, SendingRules
from sendook_lite.usecases.served_domains import ServedDomains
from sendook_lite.usecases.settling import Settling
from sendook_lite.usecases.submitting import Submitting
from sendook_lite.usecases.turns import Turns
from sendook_lite.usecases.upkeep import Upkeep
from tests.fakes import FakeClock, RecordingFeed, ScriptedProbe

DOMAINS = ("mail.example", "second.example")
PUBLIC_URL = "http://here.example"
MAX_BODY_BYTES = 64 * 1024
TOKENS = Tokens(b"the secret of the tests")
DISABLE_RULE = DisableRule(failures=10, after_ms=24 * 3_600_000)
RULES = IntakeRules(
    unknown_recipients="reject",
    create_per_hour=3,
    catch_all="",
    inline_attachments=1000,
    public_url=PUBLIC_URL,
)


@dataclass
class Product:
    """Everything a test of a use case asks for."""

    store: Store
    clock: FakeClock
    feed: RecordingFeed
    probe: ScriptedProbe
    publisher: Publisher
    inboxes: Inboxes
    reports: Reports
    endpoints: Endpoints
    access: Access
    upkeep: Upkeep
    settling: Settling
    no_room: Exception | None = None
    accepted: int = 0

    def intake(self, report_addresses: Sequence[str] = (), **rules: Any) -> Intake:
        return Intake(
            self.store,
            self.publisher,
            self.inboxes,
            replace(RULES, **rules),
            self.clock,
            self.ensure_room,
            ReportMail(self.reports, TOKENS, report_addresses),
        )

    def sending(self, *, relay: bool = True, sends_per_hour: int = 0, **more: Any) -> Sending:
        return Sending(
            self.store,
            self.publisher,
            self.reports,
            TOKENS,
            SendingRules(sends_per_hour, inline_attachments=1000),
            self.clock,
            Ids(self.clock),
            self.clock.now,
            self._note_accepted if relay else None,
            **more,
        )

    def submitting(self) -> Submitting:
        return Submitting(self.store, self.publisher, self.reports, TOKENS, self.clock.now)

    def _note_accepted(self) -> None:
        self.accepted += 1

    async def bodies(self, event_type: str) -> list[dict[str, Any]]:
        """The payloads of all events of a type, oldest first."""
        rows = await self.rows("SELECT body FROM events WHERE type = ? ORDER BY seq", (event_type,))
        return [payload_of(row[0]) for row in rows]

    def ensure_room(self) -> None:
        if self.no_room is not None:
            raise self.no_room

    async def webhook(self, events: Sequence[str] = EVENT_TYPES, **fields: Any) -> Webhook:
        made, _ = await self.endpoints.create(
            {"url": "https://hooks.example/in", "events": list(events), **fields}
        )
        return made

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return await self.store.reader.all(sql, parameters)

    async def count(self, table: str) -> int:
        (row,) = await self.rows(f"SELECT count(*) FROM {table}")
        return int(row[0])

    async def states(self) -> list[str]:
        return [row[0] for row in await self.rows("SELECT status FROM deliveries ORDER BY seq")]


def build(store: Store, clock: FakeClock) -> Product:
    feed = RecordingFeed()
    probe = ScriptedProbe()
    publisher = Publisher(feed, MAX_BODY_BYTES)
    return Product(
        store=store,
        clock=clock,
        feed=feed,
        probe=probe,
        publisher=publisher,
        inboxes=Inboxes(store, publisher, ServedDomains(DOMAINS)),
        reports=Reports(publisher, PUBLIC_URL),
        endpoints=Endpoints(store, feed, probe, Guard(), clock, Ids(clock), allow_http=False),
        access=Access(store, clock),
        upkeep=Upkeep(store, Turns(store.writer, clock)),
        settling=Settling(DISABLE_RULE, CHANNELS),
    )


def mail(
    subject: str = "Hello",
    *,
    message_id: str | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    to: str = "ann@mail.example",
    text: str = "Hello there.\n",
) -> bytes:
    """Write a mail; ids without angle brackets."""
    message = EmailMessage()
    message["From"] = "Bob <bob@elsewhere.example>"
    message["To"] = to
    message["Subject"] = subject
    if message_id is not None:
        message["Message-ID"] = f"<{message_id}>"
    if in_reply_to is not None:
        message["In-Reply-To"] = f"<{in_reply_to}>"
    if references:
        message["References"] = " ".join(f"<{each}>" for each in references)
    message.set_content(text)
    return message.as_bytes()


def settlement(delivery: DueDelivery, state: str = "delivered", **fields: Any) -> Settlement:
    """Say how an attempt ended, as the scheduler would."""
    pending = {"due_at": 5_000_000_000_000, "delay": 5000} if state == "pending" else {}
    return Settlement(
        **{
            "delivery": delivery,
            "started_at": 1,
            "duration_ms": 2,
            "status": 200 if state == "delivered" else 500,
            "error": None if state == "delivered" else "http_status: answered 500",
            "response": "ok",
            "state": state,
            **pending,
            **fields,
        }
    )


def webhook_in(tx: Tx, identifier: str) -> Webhook:
    return webhooks.get_in(tx, identifier)

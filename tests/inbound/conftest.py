"""What stands behind the doors in these tests: a real store and use cases, a clock that is told."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.domain.errors import Unavailable
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Secret
from sendook_lite.store import webhooks
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.served_domains import ServedDomains
from tests.fakes import FakeClock, RecordingFeed


@dataclass
class House:
    """The store and the use cases, and what tests ask of them."""

    directory: Path
    rules: dict[str, Any] = field(default_factory=dict)
    full: bool = False

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.feed = RecordingFeed()
        self.store = Store(self.directory / "data", self.clock, Ids(self.clock))
        publisher = Publisher(self.feed, 1 << 20)
        domains = ("example.com", "bücher.example")
        self.inboxes = Inboxes(self.store, publisher, ServedDomains(domains))
        rules = {
            "unknown_recipients": "reject", "create_per_hour": 60, "catch_all": "", **self.rules,
        }  # fmt: skip
        self.intake = Intake(
            self.store,
            publisher,
            self.inboxes,
            IntakeRules(
                inline_attachments=262_144,
                public_url="http://127.0.0.1:8465",
                **rules,
            ),
            self.clock,
            self.ensure_room,
        )
        reports = Reports(publisher, "http://127.0.0.1:8465")
        self.lines = EventLines(self.store, publisher, self.intake, reports, self.ensure_room)

    def ensure_room(self) -> None:
        if self.full:
            raise Unavailable("low_disk_space", "little room is left on the disk")

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])

    async def rows(self, sql: str) -> list[Any]:
        return await self.store.writer.write(lambda tx: tx.all(sql))

    async def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all events in commit order, those of inboxes left out."""
        rows = await self.rows("SELECT body FROM events WHERE type LIKE 'message.%' ORDER BY seq")
        return [json.loads(row[0]) for row in rows]

    async def raw(self) -> list[bytes]:
        """The raw mails that are stored, oldest first."""
        mails: dict[int, bytes] = {}
        for seq, data in await self.rows(
            "SELECT blob_seq, data FROM blob_chunks ORDER BY 1, number"
        ):
            mails[seq] = mails.get(seq, b"") + data
        return list(mails.values())

    async def subscribe(self, *events: str) -> None:
        """Add a webhook for some events."""
        await self.store.writer.write(
            webhooks.insert,
            {"url": "https://hook.example/", "events": events},
            Secret("whsec_x", None),
        )

    async def limit_pages(self, spare: int | None) -> None:
        """Let the database grow by so many pages and no more; None lifts the limit."""

        def limit(tx: Tx) -> None:
            (pages,) = tx.all("PRAGMA page_count")[0]
            tx.execute(f"PRAGMA max_page_count = {1 << 30 if spare is None else pages + spare}")

        await self.store.writer.write(limit)


@pytest.fixture
async def build_house(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    houses: list[House] = []

    async def build(**rules: Any) -> House:
        house = House(tmp_path, rules)
        await house.store.open()
        houses.append(house)
        await house.inboxes.create("Support", "support@example.com")
        return house

    yield build
    for house in houses:
        await house.store.close()


@pytest.fixture
async def house(build_house: Callable[..., Any]) -> House:
    built: House = await build_house()
    return built

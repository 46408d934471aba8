"""The auditor sees each kind of breach; a verdict that is always clean would prove nothing."""

from collections.abc import Callable

import pytest

from tests.chaos.audit import Verdict, judge
from tests.chaos.ledger import Attempt, Ledger
from tests.chaos.receiver import Receipt
from tests.chaos.relay import Taking
from tests.chaos.senders import Acknowledged

MAIL = ("1@chaos.example", "support@localhost.test")
WEBHOOKS = {"a": "wh_a"}
SCHEDULE = (0.5, 1.0)


def receipt(**fields: object) -> Receipt:
    values = {
        "at": 10.0, "life": 1, "webhook": "a", "delivery": "dlv_1", "attempt": 1,
        "event": "evt_1", "digest": b"1", "signed": True, "status": 200, "answered_at": 10.0,
    }  # fmt: skip
    return Receipt(**values | fields)  # type: ignore[arg-type]


def taking(**fields: object) -> Taking:
    values = {"life": 1, "subject": "sent 1", "message_id": "<1@x>", "digest": b"1"}
    return Taking(**values | fields)  # type: ignore[arg-type]


class World:
    """A mail that was acknowledged, stored, delivered once and recorded at the end of life 1.

    And another one that was sent, and known to be with the relay by the end of that life.
    """

    def __init__(self) -> None:
        self.acknowledged = Acknowledged(mails={MAIL}, sent={"sent 1"})
        self.takings = [taking()]
        self.ledger = Ledger()
        self.ledger.mails[MAIL].append("msg_1")
        self.ledger.events["evt_1"] = ("message.received", "msg_1")
        self.ledger.event_of["message.received", "msg_1"].append("evt_1")
        self.ledger.deliveries["evt_1", "wh_a"] = "dlv_1"
        self.ledger.attempts["dlv_1", 1] = Attempt(200, "scheduled", 1)
        self.receipts = [receipt()]
        self.ledger.sent["sent 1"].append("msg_0")
        self.ledger.handed_over["sent 1"] = 1
        self.ledger.events["evt_0"] = ("message.sent", "msg_0")
        self.ledger.event_of["message.sent", "msg_0"].append("evt_0")
        self.ledger.deliveries["evt_0", "wh_a"] = "dlv_0"
        self.ledger.attempts["dlv_0", 1] = Attempt(200, "scheduled", 1)
        self.receipts.append(receipt(event="evt_0", delivery="dlv_0", digest=b"0"))

    def judge(self) -> Verdict:
        return judge(
            self.acknowledged,
            self.ledger,
            self.receipts,
            self.takings,
            WEBHOOKS,
            SCHEDULE,
            lives=3,
        )


def test_a_world_in_order_is_clean() -> None:
    verdict = World().judge()
    assert verdict.clean, verdict.breaches
    assert verdict.acknowledged["mails"] == 1
    assert verdict.repeated == 0


def test_what_was_in_flight_at_a_kill_may_be_repeated() -> None:
    world = World()
    world.receipts.append(receipt(life=2))
    world.ledger.attempts["dlv_1", 1].seen = 2
    verdict = world.judge()
    assert verdict.clean, verdict.breaches
    assert verdict.repeated == 1
    assert verdict.unrecorded == [1, 0, 0]


def test_what_the_relay_took_at_a_kill_may_be_handed_over_again() -> None:
    world = World()
    world.takings.append(taking(life=2))
    world.ledger.handed_over["sent 1"] = 2
    verdict = world.judge()
    assert verdict.clean, verdict.breaches
    assert verdict.handed_again == 1


BREAKS: dict[str, Callable[[World], object]] = {
    "lost: acknowledged and not on disk": lambda world: world.ledger.mails.clear(),
    "lost: acknowledged and never delivered": lambda world: world.receipts.clear(),
    "lost: a retry by hand": lambda world: world.acknowledged.retries.append(("dlv_1", 11.0)),
    "lost: a replay": lambda world: world.acknowledged.replays.add("rpl_1"),
    "lost: a mail that never reached the relay": lambda world: world.takings.clear(),
    "handed over again without a kill": lambda world: world.takings.append(taking()),
    "handed over again though its outcome was on disk": lambda world: world.takings.append(
        taking(life=2)
    ),
    "handed over again with other bytes": lambda world: world.takings.append(
        taking(message_id="<2@x>")
    ),
    "stored twice": lambda world: world.ledger.mails[MAIL].append("msg_2"),
    "torn: an event without its deliveries": lambda world: world.ledger.deliveries.clear(),
    "torn: a message without its event": lambda world: world.ledger.event_of.clear(),
    "the database was not sound": lambda world: world.ledger.problems.append("damaged"),
    "repeated without a kill": lambda world: world.receipts.append(receipt()),
    "repeated though its outcome was on disk": lambda world: world.receipts.append(receipt(life=2)),
    "recorded twice": lambda world: setattr(world.ledger.attempts["dlv_1", 1], "rows", 2),
    "an event with different bytes": lambda world: world.receipts.append(
        receipt(attempt=2, digest=b"2")
    ),
    "not signed": lambda world: setattr(world.receipts[0], "signed", False),
    "more repeated than was in flight at the kills": lambda world: world.receipts.extend(
        receipt(delivery=f"dlv_{number}") for number in range(2, 2000)
    ),
}


@pytest.mark.parametrize("promise", BREAKS)
def test_a_breach_is_seen(promise: str) -> None:
    world = World()
    BREAKS[promise](world)
    assert world.judge().breaches[promise]


@pytest.mark.parametrize(("second_at", "early"), [(10.4, 1), (10.5, 0), (20.0, 0)])
def test_a_retry_before_its_time_is_seen(second_at: float, early: int) -> None:
    world = World()
    world.receipts[0].status = 503
    world.receipts.append(receipt(attempt=2, at=second_at))
    assert len(world.judge().breaches["a retry before its time"]) == early


def test_every_promise_is_broken_once_in_these_tests() -> None:
    assert set(World().judge().breaches) == {*BREAKS, "a retry before its time"}

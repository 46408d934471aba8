"""What the tests of lanes are made of."""

from typing import Any

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.lane import Lane
from sendook_lite.delivery.lanes import LaneLimits, Lanes
from sendook_lite.domain.endpoint_url import parse
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.signing import HmacKey

SLOW_AFTER = 5000.0
URL = "https://hooks.example/in"
ENDPOINT = Endpoint("wh_1", parse(URL), (HmacKey(b"key"),), (), 15.0)


def lanes_of(slots: int = 256) -> Lanes:
    return Lanes(LaneLimits(slots, SLOW_AFTER))


def lane_in(lanes: Lanes, webhook_seq: int = 1, **fields: Any) -> Lane:
    lane = Lane(webhook_seq, URL, ENDPOINT, **{"cap": 32, "schedule": (5.0, 25.0, 125.0), **fields})
    lanes.add(lane)
    return lane


def due(seq: int, webhook_seq: int = 1, body: bytes = b"{}") -> DueDelivery:
    return DueDelivery(
        seq, f"dlv_{seq}", webhook_seq, f"evt_{seq}", "x.y", body, 0, 0, "scheduled", 0
    )


def give(lanes: Lanes, lane: Lane, *seqs: int) -> None:
    lanes.push(lane, [due(seq, lane.webhook_seq) for seq in seqs])


def take_all(lanes: Lanes, now: float = 0) -> list[int]:
    """Take all that may be sent now; returns the deliveries' places."""
    taken = []
    while (found := lanes.take(now)) is not None:
        taken.append(found[1].seq)
    return taken


def end(lanes: Lanes, lane: Lane, *seqs: int, success: bool = True, now: float = 0) -> None:
    for seq in seqs:
        lanes.finish(lane, seq, now, success=success)


def prove(lanes: Lanes, lane: Lane, now: float = 0) -> None:
    """Have a lane that nothing is known of yet answer well until it may use its whole cap."""
    seq = -1_000_000 * lane.webhook_seq
    while lane.allowed < lane.cap or lane.state != "proven":
        seq -= 1
        give(lanes, lane, seq)
        (taken,) = take_all(lanes, now)
        end(lanes, lane, taken, now=now)
        lanes.release(lane.webhook_seq, taken, now)


def throttle(lanes: Lanes, lane: Lane, now: float = 0) -> None:
    """Have a lane fail until it is only probed."""
    lane.consecutive_failures = 4
    give(lanes, lane, -1)
    (taken,) = take_all(lanes, now)
    end(lanes, lane, taken, success=False, now=now)
    lanes.release(lane.webhook_seq, taken, now)

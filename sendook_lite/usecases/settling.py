"""Settling: what attempts brought is recorded, and with it what that means for their webhooks.

One transaction holds the attempts, the counters, the disabling and the alerts, so that none of them
can be lost, or happen twice, whenever the process dies.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sendook_lite.domain import disabling
from sendook_lite.domain.alerts import Channel, render
from sendook_lite.domain.disabling import AlertKind, DisableRule, Standing
from sendook_lite.domain.model import Settlement
from sendook_lite.store import alerts as alert_box
from sendook_lite.store import replays, settling, standings, webhooks
from sendook_lite.store.settling import Ending, Settled
from sendook_lite.store.standings import Endings, Found
from sendook_lite.store.tally import OF_ALL
from sendook_lite.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Recorded:
    """What others have to hear of after the commit.

    Attributes:
        disabled: webhooks that were disabled by it.
        alerts: how many were written.
        delivered, failed: how many deliveries ended so; for the metrics, nobody acts on it.
    """

    disabled: tuple[int, ...] = ()
    alerts: int = 0
    delivered: int = field(default=0, compare=False)
    failed: int = field(default=0, compare=False)


class Settling:
    """Knows when a webhook is disabled, and in which ways people are told."""

    def __init__(self, rule: DisableRule, channels: Collection[Channel]) -> None:
        self._rule = rule
        self._channels = tuple(channels)

    def record(self, tx: Tx, settlements: Sequence[Settlement], now: int) -> Recorded:
        """Record attempts, oldest first; a unit of work.

        ``now`` is the time that due times are measured against. It is also what the age of failures
        is measured with: a corrected wall clock disables nobody.
        """
        by_webhook: dict[int, list[Settled]] = {}
        settled = settling.settle(tx, settlements, now)
        for each in settled:
            by_webhook.setdefault(each.done.delivery.webhook_seq, []).append(each)
        _count_for_replays(tx, settled)
        endings = _tally(
            (seq, each.ended)
            for each in settled
            for seq in (OF_ALL, each.done.delivery.webhook_seq)
        )
        disabled, written = [], 0
        for webhook_seq, of_webhook in by_webhook.items():
            found = standings.find(tx, webhook_seq)
            if found is None:  # deleted meanwhile: only the sums over all know of it
                endings.pop(webhook_seq, None)
                continue
            following = self._follow(tx, webhook_seq, found, of_webhook, now)
            disabled += [webhook_seq] * following.disabled
            written += following.alerts
        standings.count_endings(tx, endings)
        return Recorded(tuple(disabled), written, *endings.get(OF_ALL, _NONE))

    def _follow(
        self, tx: Tx, webhook_seq: int, found: Found, settled: list[Settled], now: int
    ) -> "_Followed":
        """Bring the standing of a webhook up to date; a disabled one's failures count no more."""
        standing, enabled, alerts = found.standing, found.enabled, 0
        for each in settled:
            if not enabled:
                break
            before = standing
            gone = each.done.gone_url == found.url
            standing, kinds = self._judge(standing, each, now, gone=gone)
            if kinds and kinds[-1] == "disabled":
                enabled = False
            for kind in kinds:
                if kind == "disabled":
                    webhooks.disable(tx, webhook_seq, "gone" if gone else "repeated_failures")
                about = before if kind == "recovered" else standing
                self._write_alert(tx, webhook_seq, kind, about, each.done.error, now)
            alerts += len(kinds)
        succeeded = [each.done.state == "delivered" for each in settled]
        failed = not all(succeeded)
        if failed or standing != found.standing or not found.succeeded_lately(tx.now):
            standings.note(tx, webhook_seq, standing, succeeded=any(succeeded), failed=failed)
        return _Followed(found.enabled and not enabled, alerts)

    def _judge(
        self, standing: Standing, settled: Settled, now: int, *, gone: bool
    ) -> tuple[Standing, tuple[AlertKind, ...]]:
        done = settled.done
        if done.state == "delivered":
            return disabling.after_success(standing)
        if gone:
            return disabling.after_gone(standing, now)
        # Whoever retries by hand sees what comes of it, and the delivery was counted before.
        counts = settled.ended == "failed" and done.delivery.trigger != "manual"
        return disabling.after_failure(self._rule, standing, now, counts=counts)

    def _write_alert(
        self,
        tx: Tx,
        webhook_seq: int,
        kind: AlertKind,
        standing: Standing,
        error: str | None,
        now: int,
    ) -> None:
        webhook = webhooks.find_by_seq(tx, webhook_seq)
        assert webhook is not None  # noqa: S101 - its standing was found in this transaction
        alert = render(kind, tx.ids.new("alert"), tx.now, webhook, standing, error, self._rule)
        alert_box.insert(tx, webhook_seq, kind, alert, self._channels, now)


def _count_for_replays(tx: Tx, settled: Sequence[Settled]) -> None:
    """Tell replays how the deliveries that they opened have ended."""
    ended = _tally(
        (replay_seq, each.ended)
        for each in settled
        if (replay_seq := each.done.delivery.replay_seq) is not None
    )
    if ended:
        replays.count_ended(tx, ended)


def _tally(endings: Iterable[tuple[int, Ending | None]]) -> dict[int, Endings]:
    """Count endings by whose they are; None is none."""
    counts: dict[int, Endings] = {}
    for seq, ended in endings:
        if ended is not None:
            delivered, failed = counts.get(seq, _NONE)
            good = ended == "delivered"
            counts[seq] = Endings(delivered + good, failed + (not good))
    return counts


_NONE = Endings(0, 0)


class _Followed(NamedTuple):
    """What a batch meant for one webhook: whether it was disabled by it, and how many alerts."""

    disabled: bool
    alerts: int

"""The page that Prometheus reads: every name, what it means, and where its number comes from.

Nothing is kept here: the numbers are read from the parts while the page is made. Every label has a
known, small set of values; no id, address, host or URL is one. Names follow Prometheus' advice:
base units, ``_total`` on what only grows.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from sendook_lite import __version__
from sendook_lite.api.context import MetricsPage
from sendook_lite.delivery.lane import LaneState
from sendook_lite.delivery.meters import SUCCESS
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.meters import Histogram
from sendook_lite.domain.outcome import ErrorCode
from sendook_lite.metrics.parts import Parts
from sendook_lite.store.backlog import Backlog
from sendook_lite.store.database import SQLITE_VERSION

_MEANINGS: Final = ("accepted", "deferred", "refused")
_RESULTS: Final = (SUCCESS, *get_args(ErrorCode))


async def render(parts: Parts, accept: str) -> MetricsPage:
    """Render all metrics in the format that an Accept header asks for."""
    try:
        backlog = await parts.backlog.read()
    except StoreFailed:
        backlog = None  # the rest is worth all the more while the store fails
    registry = CollectorRegistry()
    registry.register(_Page(parts, backlog))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return MetricsPage(content_type, encode(registry))


class _Page(Collector):
    """Lays the parts' numbers out, once."""

    def __init__(self, parts: Parts, backlog: Backlog | None) -> None:
        self._parts = parts
        self._backlog = backlog

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance; asked, the library would collect twice."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return every family."""
        yield from self._server()
        yield from self._store()
        yield from self._deliveries()
        yield from self._lanes()
        yield from self._alerts()
        yield from self._doors()

    def _server(self) -> Iterator[Metric]:
        versions = {
            "version": __version__,
            "python": platform.python_version(),
            "sqlite": SQLITE_VERSION,
        }
        info = GaugeMetricFamily(
            "sendook_build_info", "What is running; always 1.", labels=tuple(versions)
        )
        info.add_metric(tuple(versions.values()), 1)
        yield info
        yield _gauge("sendook_ready", "Whether work can be taken now.", not self._parts.unready())

    def _store(self) -> Iterator[Metric]:
        writer = self._parts.store.writer
        yield _gauge(
            "sendook_store_failing", "Whether the last commit failed.", writer.failure is not None
        )
        yield _histogram(
            "sendook_writer_commit_seconds",
            "How long commits took, the wait for the disk included.",
            writer.commits,
        )
        yield _counter("sendook_writer_units", "Units of work that were committed.", writer.units)
        sizes = {
            name: path.stat().st_size
            for name, path in self._parts.store.files.items()
            if path.exists()
        }
        yield _gauges("sendook_store_bytes", "Size of the database's files.", "file", sizes)
        yield _gauge(
            "sendook_disk_free_bytes",
            "Room left on the disk of the data directory.",
            self._parts.space.free_bytes(),
        )

    def _deliveries(self) -> Iterator[Metric]:
        scheduler = self._parts.scheduler
        meters = scheduler.meters
        yield _counters(
            "sendook_events",
            "Events added to the log, by type.",
            "event",
            dict.fromkeys(EVENT_TYPES, 0) | self._parts.publisher.counts,
        )
        yield _counters(
            "sendook_deliveries",
            "Deliveries that ended, by how.",
            "outcome",
            {"delivered": 0, "failed": 0} | meters.ended,
        )
        yield _counters(
            "sendook_attempts",
            "Requests to endpoints, by their result: success, or the code of the error.",
            "result",
            dict.fromkeys(_RESULTS, 0) | meters.attempts,
        )
        yield _histogram(
            "sendook_attempt_duration_seconds",
            "How long requests to endpoints took, DNS and connecting included.",
            meters.durations,
        )
        if self._backlog is not None:
            yield _gauge(
                "sendook_pending_deliveries",
                "Deliveries that are still owed.",
                self._backlog.pending,
            )
            oldest = self._backlog.oldest_at
            age = 0 if oldest is None else max(0, self._parts.now() - oldest) / MS_PER_SECOND
            yield _gauge(
                "sendook_oldest_pending_seconds",
                "How long the oldest of them has been owed, those opened again aside.",
                age,
            )

    def _lanes(self) -> Iterator[Metric]:
        scheduler = self._parts.scheduler
        states = dict.fromkeys(get_args(LaneState), 0) | scheduler.lane_states()
        yield _gauges(
            "sendook_lanes",
            "Lanes of enabled webhooks, by state.",
            "state",
            {str(state): number for state, number in states.items()},
        )
        facts = scheduler.facts()
        suspect = facts["suspectInFlight"]
        yield _gauges(
            "sendook_requests_in_flight",
            "Requests to endpoints under way: to those that answer well, and to suspects.",
            "endpoints",
            {"trusted": facts["inFlight"] - suspect, "suspect": suspect},
        )
        yield _gauge(
            "sendook_unsettled_outcomes",
            "Outcomes that wait for their commit.",
            facts["unsettled"],
        )

    def _alerts(self) -> Iterator[Metric]:
        alerting = self._parts.alerting
        family = CounterMetricFamily(
            "sendook_alerts",
            "Alerts, by channel and whether they were told or given up.",
            labels=("channel", "outcome"),
        )
        for channel in alerting.channels:
            family.add_metric((channel, "told"), alerting.told[channel])
            family.add_metric((channel, "given_up"), alerting.given_up[channel])
        yield family
        facts = alerting.facts()
        yield _gauges(
            "sendook_webhooks",
            "Webhooks in trouble: told of and without a success since, or disabled.",
            "state",
            {"failing": facts["failingWebhooks"], "disabled": facts["disabledWebhooks"]},
        )

    def _doors(self) -> Iterator[Metric]:
        parts = self._parts
        yield _counters(
            "sendook_inbound_mail",
            "Mail over LMTP, once for each recipient, by what the mail server was told.",
            "outcome",
            dict.fromkeys(_MEANINGS, 0) | parts.lmtp.told,
        )
        yield _counter(
            "sendook_lmtp_sessions_begun", "Sessions that began.", parts.lmtp.sessions_begun
        )
        yield _gauge("sendook_lmtp_sessions", "Sessions there are now.", parts.lmtp.sessions)
        yield _counters(
            "sendook_event_lines",
            "Lines on the event socket, by what they were answered.",
            "outcome",
            dict.fromkeys(_MEANINGS, 0) | parts.event_socket.told,
        )
        yield _gauge(
            "sendook_event_socket_connections",
            "Connections to the event socket there are now.",
            parts.event_socket.connections,
        )
        yield _gauge("sendook_event_streams", "Readers that follow the log now.", len(parts.tails))
        yield _counters(
            "sendook_relay_mail",
            "Mail handed to the relay, by what became of it.",
            "outcome",
            parts.relayed(),
        )
        family = CounterMetricFamily(
            "sendook_http_requests",
            "Requests to the API that were answered, by method, route and class of the status.",
            labels=("method", "route", "status"),
        )
        for labels, number in sorted(parts.requests.items()):
            family.add_metric(labels, number)
        yield family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=float(value))


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counter(name: str, meaning: str, value: int) -> Metric:
    return CounterMetricFamily(name, meaning, value=value)


def _counters(name: str, meaning: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _histogram(name: str, meaning: str, values: Histogram) -> Metric:
    """Lay out a histogram; a bucket holds all values up to its bound."""
    buckets, below = [], 0
    for bound, count in zip((*values.bounds, float("inf")), values.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else f"{bound:g}", float(below)))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=values.total)

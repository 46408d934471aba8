"""The metrics of a running server: what they say is so, and what promtool asks of them holds."""

import json
import re
import socket
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until
from tests.metrics.page_lint import Family, faults, fetch, page, read_page

ROOT = Path(__file__).parents[2]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
NOT_ALWAYS_THERE = {"sendook_relay_mail_total"}
"""Names without a sample where there is no relay."""

EXPECTED = {
    "sendook_alerts_total", "sendook_attempt_duration_seconds", "sendook_attempts_total",
    "sendook_build_info", "sendook_deliveries_total", "sendook_disk_free_bytes",
    "sendook_event_lines_total", "sendook_event_socket_connections", "sendook_event_streams",
    "sendook_events_total", "sendook_http_requests_total", "sendook_inbound_mail_total",
    "sendook_lanes", "sendook_lmtp_sessions", "sendook_lmtp_sessions_begun_total",
    "sendook_oldest_pending_seconds", "sendook_pending_deliveries", "sendook_ready",
    "sendook_relay_mail_total", "sendook_requests_in_flight", "sendook_store_bytes",
    "sendook_store_failing", "sendook_unsettled_outcomes", "sendook_webhooks",
    "sendook_writer_commit_seconds", "sendook_writer_units_total",
}  # fmt: skip


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server to which every door was used, with an endpoint that takes and one that refuses."""
    server = Server(
        tmp_path_factory.mktemp("metrics") / "data",
        SENDOOK_DELIVERY__RETRY_SCHEDULE="[]",
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
    ).start()
    with Endpoint() as good, Endpoint(lambda _: 503) as bad:
        server.inbox()
        server.webhook(good.url, "message.sent", "message.received")
        server.webhook(bad.url, "message.sent")
        push(server, 7)
        for recipient in ("support@localhost.test", "nobody@localhost.test", "x@elsewhere.test"):
            server.run("ingest", "--recipient", recipient, stdin=b"From: a@b.example\n\nHello\n")
        with server.events_socket() as connection:
            connection.sendall(b"{}\n")
            assert not json.loads(connection.makefile("rb").readline())["ok"]
        server.error("GET", "/v1/messages-of-nobody")
        wait_until(lambda: page(server)["sendook_pending_deliveries"].value() == 0)
        yield server
    assert server.stop() == 0


def test_the_numbers_are_those_of_what_happened(busy: Server) -> None:
    now = page(busy)
    assert now["sendook_events_total"].value(event="message.sent") == 7
    assert now["sendook_events_total"].value(event="message.received") == 1
    assert now["sendook_events_total"].value(event="inbox.created") == 1
    assert now["sendook_deliveries_total"].value(outcome="delivered") == 8
    assert now["sendook_deliveries_total"].value(outcome="failed") == 7
    assert now["sendook_attempts_total"].value(result="success") == 8
    assert now["sendook_attempts_total"].value(result="http_status") == 7
    assert now["sendook_attempt_duration_seconds"].value("_count") == 15
    assert now["sendook_attempt_duration_seconds"].value("_sum") > 0
    assert now["sendook_oldest_pending_seconds"].value() == 0
    assert now["sendook_lanes"].value(state="proven") == 1
    assert now["sendook_lanes"].value(state="throttled") == 1
    assert now["sendook_lanes"].value(state="cold") == 0
    assert now["sendook_inbound_mail_total"].value(outcome="accepted") == 1
    assert now["sendook_inbound_mail_total"].value(outcome="refused") == 2
    assert now["sendook_lmtp_sessions_begun_total"].value() == 3
    assert now["sendook_event_lines_total"].value(outcome="accepted") == 7
    assert now["sendook_event_lines_total"].value(outcome="refused") == 1
    assert now["sendook_alerts_total"].value(channel="log", outcome="told") == 1
    assert now["sendook_webhooks"].value(state="failing") == 1
    assert now["sendook_webhooks"].value(state="disabled") == 0
    assert now["sendook_writer_commit_seconds"].value("_count") > 0
    assert now["sendook_writer_units_total"].value() > 0
    assert now["sendook_ready"].value() == 1
    assert now["sendook_store_failing"].value() == 0
    assert now["sendook_store_bytes"].value(file="database") > 0
    assert now["sendook_disk_free_bytes"].value() > 0
    assert now["process_resident_memory_bytes"].value() > 0
    assert now["process_open_fds"].value() > 0
    (version,) = now["sendook_build_info"].labels("version")
    assert re.match(r"\d+\.\d+", version)


def test_requests_are_counted_by_the_pattern_of_their_route(busy: Server) -> None:
    for number in range(3):
        busy.error("GET", f"/v1/webhooks/wh_{number:026}")
    requests = page(busy)["sendook_http_requests_total"]
    route = "/v1/webhooks/{webhook_id}"
    assert requests.value(method="GET", route=route, status="4xx") == 3
    assert requests.value(method="GET", route="unknown", status="4xx") >= 1
    assert requests.value(method="POST", route="/v1/inboxes", status="2xx") == 1


def test_what_is_owed_shows_with_its_age(busy: Server) -> None:
    hook = busy.webhook("http://127.0.0.1:9/", "message.bounced", retrySchedule=[600])
    push(busy, 3, "message.bounced")
    wait_until(lambda: page(busy)["sendook_attempts_total"].value(result="connect_refused") >= 2)
    wait_until(lambda: page(busy)["sendook_pending_deliveries"].value() == 3)
    wait_until(lambda: page(busy)["sendook_oldest_pending_seconds"].value() > 0)
    busy.call("DELETE", f"/v1/webhooks/{hook['id']}")
    wait_until(lambda: page(busy)["sendook_pending_deliveries"].value() == 0)


def test_what_is_open_now_is_seen(busy: Server) -> None:
    lmtp = socket.socket(socket.AF_UNIX)
    lmtp.connect(str(busy.data_dir / "lmtp.sock"))
    with lmtp, busy.events_socket():
        lmtp.recv(100)
        wait_until(lambda: page(busy)["sendook_event_socket_connections"].value() == 1)
        assert page(busy)["sendook_lmtp_sessions"].value() == 1
    wait_until(lambda: page(busy)["sendook_lmtp_sessions"].value() == 0)


def test_promtool_would_find_nothing_to_complain_of(busy: Server) -> None:
    now = page(busy)
    assert faults(now) == []
    assert {name for name in now if name.startswith("sendook_")} == EXPECTED
    empty = {name for name, family in now.items() if not family.samples}
    assert empty <= NOT_ALWAYS_THERE


def test_the_lint_finds_what_is_wrong() -> None:
    wrong = read_page(
        "# HELP sendook_waits_ms How long somebody waited.\n"
        "# TYPE sendook_waits_ms counter\nsendook_waits_ms 1\n"
        "# HELP sendook_size_total How large something is.\n"
        "# TYPE sendook_size_total gauge\nsendook_size_total 1\n"
        "# HELP other_things Short\n# TYPE other_things gauge\nother_things 1\n"
    )
    assert len(faults(wrong)) == 4


def test_no_label_grows_with_what_is_stored(busy: Server) -> None:
    """Ids, addresses, hosts and URLs must not become labels: each would be a series for ever."""
    for family in page(busy).values():
        for _, labels in family.samples:
            for name, value in labels:
                assert name in {
                    "event", "outcome", "result", "le", "state", "channel", "method", "route",
                    "status", "file", "endpoints", "version", "python", "sqlite",
                }  # fmt: skip
                assert not re.search(r"_0[0-9a-z]{25}|@|127\.0\.0\.1", value)


def test_openmetrics_is_given_to_who_asks_for_it(busy: Server) -> None:
    text = fetch(busy.url, OPENMETRICS)
    names = {family.name for family in text_string_to_metric_families(text)}
    assert "sendook_events" in names


def test_many_readers_at_once_are_answered(busy: Server) -> None:
    pages: list[dict[str, Family]] = []
    readers = [threading.Thread(target=lambda: pages.append(page(busy))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(pages) == 8


# --- what is built on the names


def names_used(text: str) -> set[str]:
    return set(re.findall(r"\b(?:sendook|process)_[a-z_]+", text))


def exported(families: dict[str, Family]) -> set[str]:
    names = set(families)
    for name, family in families.items():
        if family.kind == "histogram":
            names |= {f"{name}{suffix}" for suffix in ("_bucket", "_sum", "_count")}
    return names


def expressions(document: Any) -> list[str]:
    """Collect every query of a Grafana dashboard."""
    if isinstance(document, dict):
        own = [document["expr"]] if isinstance(document.get("expr"), str) else []
        return own + [each for value in document.values() for each in expressions(value)]
    if isinstance(document, list):
        return [each for value in document for each in expressions(value)]
    return []


def test_alert_rules_use_names_that_exist_and_say_what_to_do(busy: Server) -> None:
    text = (ROOT / "contrib/prometheus/alerts.yml").read_text()
    rules = re.findall(r"- alert: (\w+)\n((?:        .*\n|\n)+)", text)
    assert len(rules) >= 10
    known = exported(page(busy))
    for name, body in rules:
        used = names_used(re.search(r"expr: (.*?)\n        (?:for|labels):", body, re.DOTALL)[1])  # type: ignore[index]
        assert used, name
        assert used <= known, name
        for part in ("severity:", "summary:", "description:"):
            assert part in body, name


def test_the_dashboard_uses_names_that_exist(busy: Server) -> None:
    document = json.loads((ROOT / "contrib/grafana/dashboard.json").read_text())
    queries = expressions(document)
    assert len(queries) >= 15
    used = names_used(" ".join(queries))
    assert used <= exported(page(busy))
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))


def test_every_name_is_explained_in_the_documentation(busy: Server) -> None:
    text = (ROOT / "docs/metrics.md").read_text()
    told = set(re.findall(r"`(sendook_[a-z_]+)", text))
    assert told == {name for name in page(busy) if name.startswith("sendook_")}


def test_a_stranger_is_refused_and_told_why(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENDOOK_METRICS__ALLOW='["192.0.2.0/24"]').start()
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(server.url)
    with refused.value as answer:
        assert answer.code == 403
        assert json.load(answer)["code"] == "metrics_forbidden"
    server.kill()

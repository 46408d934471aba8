"""Webhooks: where they may lead, what changes forget, and what a test leaves behind."""

from typing import Any

import pytest

from sendook_lite.domain.disabling import Standing
from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.events import payload_of
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.outcome import Outcome
from sendook_lite.store import standings, webhooks
from sendook_lite.usecases.endpoints import Endpoints
from tests.fakes import CountingBytes
from tests.usecases.product import Product


async def test_a_webhook_is_made_enabled_and_with_a_secret_of_its_own(product: Product) -> None:
    fields = {
        "url": "https://hooks.example/in?x=1",
        "events": ["message.received"],
        "description": "mine",
        "inbox_ids": ["inbox_1"],
        "headers": [["X-Mine", "yes"]],
        "retry_schedule": [1, 2.5],
        "timeout": 3.5,
        "rate_limit": 0.5,
    }
    webhook, secret = await product.endpoints.create(fields)
    assert secret.value.startswith("whsec_")
    assert secret.expires_at is None
    assert (webhook.url, webhook.status) == (fields["url"], "enabled")
    assert webhook.headers == (("X-Mine", "yes"),)
    assert (webhook.retry_schedule, webhook.timeout, webhook.rate_limit) == ((1, 2.5), 3.5, 0.5)
    assert await product.endpoints.get(webhook.id) == webhook
    assert await product.endpoints.secrets(webhook.id) == [secret]
    assert product.feed.changed == [webhook.seq]
    _, other = await product.endpoints.create(fields)
    assert other != secret


def endpoints(product: Product, *networks: str, allow_http: bool = False) -> Endpoints:
    return Endpoints(
        product.store,
        product.feed,
        product.probe,
        Guard(networks),
        product.clock,
        Ids(product.clock),
        allow_http=allow_http,
        random_bytes=CountingBytes(),
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "Invalid webhook URL"),
        ("ftp://hooks.example/", "Invalid webhook URL"),
        ("https://user:pass@hooks.example/", "Invalid webhook URL"),
        ("http://hooks.example/", "delivery.allow_http"),
        ("https://127.0.0.1/", "delivery.allow_networks"),
        ("https://0x7f.1/", "delivery.allow_networks"),
        ("https://[::ffff:10.0.0.1]/", "delivery.allow_networks"),
        ("https://localhost/", "delivery.allow_networks"),
    ],
)
async def test_a_url_that_may_not_be_called_is_refused_with_its_field(
    product: Product, url: str, message: str
) -> None:
    webhook = await product.webhook()
    for use in (
        product.endpoints.create({"url": url, "events": ["message.sent"]}),
        product.endpoints.change(webhook.id, {"url": url}),
    ):
        with pytest.raises(Invalid, match=message) as caught:
            await use
        assert [error.path for error in caught.value.errors] == ["url"]
    assert await product.count("webhooks") == 1


async def test_what_the_settings_open_is_open(product: Product) -> None:
    opened = endpoints(product, "192.168.1.0/24", allow_http=True)
    webhook, _ = await opened.create({"url": "http://192.168.1.7:8080/x", "events": []})
    assert webhook.url == "http://192.168.1.7:8080/x"


async def fail_three_times(product: Product, webhook: Webhook) -> None:
    standing = Standing(failed_attempts=3, failed_deliveries=2, first_failed_at=1, told="half_way")
    await product.store.writer.write(
        standings.note, webhook.seq, standing, succeeded=False, failed=True
    )


@pytest.mark.parametrize(
    ("changes", "failures", "status", "reason"),
    [
        ([{"description": "x"}], 3, "enabled", None),
        ([{"url": "https://other.example/"}], 0, "enabled", None),
        ([{"status": "enabled"}], 3, "enabled", None),
        ([{"status": "disabled"}], 3, "disabled", "manual"),
        ([{"status": "disabled"}, {"status": "disabled"}], 3, "disabled", "manual"),
        ([{"status": "disabled"}, {"description": "x"}], 3, "disabled", "manual"),
        ([{"status": "disabled"}, {"status": "enabled"}], 0, "enabled", None),
        ([{}], 3, "enabled", None),
    ],
)
async def test_enabling_or_a_new_url_forgets_the_failures_and_nothing_else_does(
    product: Product,
    changes: list[dict[str, Any]],
    failures: int,
    status: str,
    reason: str | None,
) -> None:
    webhook = await product.webhook()
    await fail_three_times(product, webhook)
    for fields in changes:
        changed = await product.endpoints.change(webhook.id, fields)
    assert (changed.consecutive_failures, changed.status) == (failures, status)
    assert changed.disabled_reason == reason
    assert product.feed.changed == [webhook.seq] * (1 + len(changes))


async def test_another_reason_for_being_disabled_is_kept(product: Product) -> None:
    webhook = await product.webhook()
    gone = {"status": "disabled", "disabled_reason": "gone"}
    await product.store.writer.write(webhooks.update, webhook, gone)
    changed = await product.endpoints.change(webhook.id, {"status": "disabled"})
    assert changed.disabled_reason == "gone"


async def test_a_deleted_webhook_is_gone_at_once(product: Product) -> None:
    webhook = await product.webhook()
    assert (await product.endpoints.delete(webhook.id)).id == webhook.id
    for use in (
        product.endpoints.get(webhook.id),
        product.endpoints.change(webhook.id, {"status": "disabled"}),
        product.endpoints.delete(webhook.id),
        product.endpoints.secrets(webhook.id),
        product.endpoints.attempts(webhook.id, 1),
        product.endpoints.test(webhook.id),
    ):
        with pytest.raises(NotFound):
            await use
    assert product.feed.changed == [webhook.seq] * 2


FAILED = Outcome(None, "connect_refused", "nobody listens", b"", 3.4)


@pytest.mark.parametrize(
    ("outcome", "status", "error", "state"),
    [
        (Outcome(204, None, None, b"", 12.6), 204, None, "delivered"),
        (Outcome(410, "http_status", "answered 410", b"go", 1), 410,
         "http_status: answered 410", "failed"),
        (FAILED, None, "connect_refused: nobody listens", "failed"),
    ],
)  # fmt: skip
async def test_a_test_is_one_attempt_that_counts_for_nothing(
    product: Product,
    outcome: Outcome,
    status: int | None,
    error: str | None,
    state: str,
) -> None:
    webhook = await product.webhook(["inbox.created"])
    product.probe.outcomes.append(outcome)
    attempt, succeeded = await product.endpoints.test(webhook.id)
    assert succeeded is outcome.success
    assert (attempt.status, attempt.error, attempt.trigger) == (status, error, "test")
    assert (attempt.number, attempt.webhook_id) == (1, webhook.id)
    assert attempt.duration_ms == round(outcome.duration_ms)
    payload = payload_of(product.probe.sent[0].body)
    assert payload["test"] == "test"
    assert await product.endpoints.attempts(webhook.id, 10) == [attempt]
    assert await product.states() == [state]
    assert await product.endpoints.get(webhook.id) == webhook
    assert product.feed.offered == []
    assert await product.rows("SELECT is_test FROM events") == [(1,)]


async def test_a_webhook_deleted_while_it_is_tested_is_not_found(product: Product) -> None:
    webhook = await product.webhook()

    async def probe(webhook: Webhook, secrets: Any, delivery: DueDelivery) -> Outcome:
        assert secrets
        assert delivery.trigger == "test"
        await product.endpoints.delete(webhook.id)
        await product.upkeep.run()
        return FAILED

    tested = endpoints(product)
    tested._probe = probe
    with pytest.raises(NotFound):
        await tested.test(webhook.id)
    assert await product.count("events") == 0

"""Publishing: who is subscribed hears of it, at once after any change of the subscriptions."""

from typing import Any

import pytest

from sendook_lite.domain.events import payload_of
from sendook_lite.domain.model import Secret
from sendook_lite.store import events, webhooks
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.publish import Published, Publisher
from tests.fakes import RecordingFeed
from tests.usecases.product import Product


async def publish(product: Product, kind: str = "message.received", **fields: Any) -> Published:
    return await product.store.writer.write(
        product.publisher.publish, kind, fields.pop("payload", {}), **fields
    )


def heard(published: Published) -> list[int]:
    return [each.webhook_seq for each in published.fresh]


async def test_only_who_asked_for_an_event_is_owed_it(product: Product) -> None:
    both = await product.webhook(["message.received", "message.sent"])
    sent = await product.webhook(["message.sent"])
    one = await product.webhook(["message.sent"], inbox_ids=["inbox_1"])
    assert heard(await publish(product)) == [both.seq]
    assert heard(await publish(product, "message.sent")) == [both.seq, sent.seq]
    found = heard(await publish(product, "message.sent", inbox_id="inbox_1"))
    assert found == [both.seq, sent.seq, one.seq]
    assert heard(await publish(product, "inbox.created")) == []


async def test_a_change_of_subscriptions_counts_from_the_next_event_on(product: Product) -> None:
    assert heard(await publish(product)) == []
    webhook = await product.webhook()
    assert heard(await publish(product)) == [webhook.seq]
    change = product.endpoints.change
    for fields, hears in (
        ({"events": ["message.sent"]}, False),
        ({"events": ["message.received"]}, True),
        ({"status": "disabled"}, False),
        ({"status": "enabled"}, True),
        ({"inbox_ids": ["inbox_1"]}, False),
        ({"inbox_ids": []}, True),
    ):
        await change(webhook.id, fields)
        assert bool(heard(await publish(product))) is hears, fields
    await product.endpoints.delete(webhook.id)
    assert heard(await publish(product)) == []


async def test_a_subscription_that_was_rolled_back_is_not_remembered(product: Product) -> None:
    def subscribe_publish_and_break(tx: Tx) -> None:
        fields = {"url": "https://x.example", "events": ["message.received"]}
        webhooks.insert(tx, fields, Secret("whsec_x", None))
        assert heard(product.publisher.publish(tx, "message.received", {}))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await product.store.writer.write(subscribe_publish_and_break)
    assert heard(await publish(product)) == []


async def test_what_is_owed_carries_the_bytes_of_the_log(product: Product) -> None:
    await product.webhook()
    published = await publish(product, payload={"text": "ü"}, inbox_id="inbox_1", message_id="m")
    stored = await events.get(product.store.reader, published.event.id)
    assert stored == published.event
    assert published.fresh[0].body == stored.body
    assert payload_of(stored.body) == {"text": "ü"}


async def test_a_body_is_cut_to_its_limit(product: Product) -> None:
    small = Publisher(product.feed, 4096)
    published = await product.store.writer.write(
        small.publish, "message.received", {"text": "x" * 10_000}
    )
    assert len(published.event.body) <= 4096
    assert payload_of(published.event.body)["truncated"] is True


def test_only_what_is_owed_to_somebody_is_announced() -> None:
    feed = RecordingFeed()
    Publisher(feed, 4096).announce()
    assert feed.offered == []


async def test_fresh_deliveries_are_announced_in_order(product: Product) -> None:
    first = await publish(product)
    await product.webhook()
    second, third = await publish(product), await publish(product)
    product.publisher.announce(first, second, third)
    assert product.feed.offered == [*second.fresh, *third.fresh]

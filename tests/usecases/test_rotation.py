"""Rotating the secrets of webhooks: which ones sign when, and what is refused."""

import base64

import pytest

from sendook_lite.domain.errors import Conflict, Invalid, NotFound
from sendook_lite.domain.model import Secret, Webhook
from sendook_lite.domain.signing import prepare_secret
from sendook_lite.store import webhooks
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.endpoints import MAX_PREVIOUS_SECRETS
from tests.fakes import START
from tests.usecases.product import Product

DAY = 24 * 3600
FIELDS = {"url": "https://x.example", "events": ["message.received"]}
CUSTOM = "whsec_" + "QUFB" * 8


async def made(product: Product, signing: str = "hmac") -> tuple[Webhook, Secret]:
    return await product.endpoints.create({**FIELDS, "signing": signing})


async def in_use(product: Product, webhook: Webhook) -> list[tuple[str, int | None]]:
    """The secrets that sign now, as the API and as the lane sees them."""
    shown = await product.endpoints.secrets(webhook.id)

    def loaded(tx: Tx) -> list[Secret]:
        return webhooks.secrets_in(tx, webhook.seq)

    assert await product.store.writer.write(loaded) == shown
    return [(each.value, each.expires_at) for each in shown]


@pytest.mark.parametrize("signing", ["hmac", "ed25519"])
async def test_the_former_secret_signs_beside_the_new_one_until_its_grace_is_over(
    product: Product, signing: str
) -> None:
    webhook, first = await made(product, signing)
    rotated = await product.endpoints.rotate_secret(webhook.id, DAY)
    end = START + DAY * 1000
    assert (rotated[1].value, rotated[1].expires_at) == (first.value, end)
    assert rotated[0].value != first.value
    assert rotated[0].expires_at is None
    assert await product.endpoints.secrets(webhook.id) == rotated
    assert product.feed.changed == [webhook.seq] * 2
    product.clock.wall = end - 1
    assert len(await in_use(product, webhook)) == 2
    product.clock.wall = end
    assert await in_use(product, webhook) == [(rotated[0].value, None)]
    assert (await product.endpoints.get(webhook.id)).public_key == rotated[0].public_key
    assert (rotated[0].public_key is None) is (signing == "hmac")


async def test_a_grace_ends_with_a_whole_second_and_never_early(product: Product) -> None:
    webhook, _ = await made(product)
    product.clock.wall = START + 1
    _, old = await product.endpoints.rotate_secret(webhook.id, 10)
    assert old.expires_at == START + 11_000


async def test_without_grace_every_earlier_secret_ends_at_once(product: Product) -> None:
    webhook, _ = await made(product)
    await product.endpoints.rotate_secret(webhook.id, DAY)
    product.clock.wall += 1234
    (only,) = await product.endpoints.rotate_secret(webhook.id, 0)
    assert await in_use(product, webhook) == [(only.value, None)]


async def test_a_later_rotation_shortens_an_earlier_grace_and_never_lengthens_it(
    product: Product,
) -> None:
    webhook, first = await made(product)
    second = (await product.endpoints.rotate_secret(webhook.id, 100))[0]
    third = (await product.endpoints.rotate_secret(webhook.id, 200))[0]
    assert await in_use(product, webhook) == [
        (third.value, None),
        (second.value, START + 200_000),
        (first.value, START + 100_000),
    ]
    fourth = (await product.endpoints.rotate_secret(webhook.id, 50))[0]
    assert await in_use(product, webhook) == [
        (fourth.value, None),
        *((each.value, START + 50_000) for each in (third, second, first)),
    ]


async def test_too_many_earlier_secrets_are_a_conflict_until_one_is_gone(
    product: Product,
) -> None:
    webhook, _ = await made(product)
    for _ in range(MAX_PREVIOUS_SECRETS):
        rotated = await product.endpoints.rotate_secret(webhook.id, DAY)
    with pytest.raises(Conflict, match="5 earlier secrets") as caught:
        await product.endpoints.rotate_secret(webhook.id, DAY)
    assert caught.value.code == "too_many_secrets"
    assert await product.endpoints.secrets(webhook.id) == rotated
    # One that comes back is not one more.
    back = await product.endpoints.rotate_secret(webhook.id, DAY, rotated[-1].value)
    assert len(back) == MAX_PREVIOUS_SECRETS + 1
    assert len(await product.endpoints.rotate_secret(webhook.id, 0)) == 1
    assert len(await product.endpoints.rotate_secret(webhook.id, DAY)) == 2


async def test_a_secret_of_ones_own_may_be_given_and_an_earlier_one_may_come_back(
    product: Product,
) -> None:
    webhook, first = await made(product)
    rotated = await product.endpoints.rotate_secret(webhook.id, DAY, CUSTOM)
    assert [each.value for each in rotated] == [CUSTOM, first.value]
    back = await product.endpoints.rotate_secret(webhook.id, DAY, first.value)
    assert [each.value for each in back] == [first.value, CUSTOM]


@pytest.mark.parametrize("signing", ["hmac", "ed25519"])
async def test_the_current_secret_cannot_be_its_own_successor(
    product: Product, signing: str
) -> None:
    webhook, first = await made(product, signing)
    with pytest.raises(Invalid, match="is the current secret already") as caught:
        await product.endpoints.rotate_secret(webhook.id, DAY, first.value)
    assert [(each.path, each.value) for each in caught.value.errors] == [("secret", None)]
    assert await in_use(product, webhook) == [(first.value, None)]


PRIVATE = prepare_secret("ed25519", None, bytes).value


@pytest.mark.parametrize(
    ("signing", "secret", "message"),
    [
        ("hmac", PRIVATE, "does not begin with whsec_"),
        ("hmac", "whsec_" + base64.b64encode(bytes(23)).decode(), "this one has 23"),
        ("hmac", "", "does not begin with whsec_"),
        ("ed25519", CUSTOM, "does not begin with whsk_"),
        ("ed25519", "whsk_" + "QUFB" * 8, "this one has 24"),
    ],
)
async def test_a_secret_of_the_wrong_kind_is_refused_at_creation_and_rotation(
    product: Product, signing: str, secret: str, message: str
) -> None:
    webhook, first = await made(product, signing)
    for use in (
        product.endpoints.create({**FIELDS, "signing": signing}, secret),
        product.endpoints.rotate_secret(webhook.id, DAY, secret),
    ):
        with pytest.raises(Invalid, match=message) as caught:
            await use
        assert [(each.path, each.value) for each in caught.value.errors] == [("secret", None)]
    assert await in_use(product, webhook) == [(first.value, None)]
    assert await product.count("webhooks") == 1


async def test_the_way_of_signing_is_chosen_for_good(product: Product) -> None:
    for signing, other in (("hmac", "ed25519"), ("ed25519", "hmac")):
        webhook, _ = await made(product, signing)
        changed = await product.endpoints.change(webhook.id, {"signing": signing})
        assert changed.signing == signing
        with pytest.raises(Invalid, match=f"signing cannot be changed.* with {signing}"):
            await product.endpoints.change(webhook.id, {"signing": other, "description": "x"})
        assert (await product.endpoints.get(webhook.id)).description is None


async def test_expired_secrets_are_removed_and_those_of_others_stay(product: Product) -> None:
    webhook, _ = await made(product)
    other, _ = await made(product)
    for hook, grace in ((webhook, 10), (webhook, 20), (other, 30)):
        await product.endpoints.rotate_secret(hook.id, grace)
    for seconds, left in ((0, 5), (9, 5), (10, 4), (19, 4), (20, 3), (30, 2)):
        product.clock.wall = START + seconds * 1000
        await product.upkeep.run()
        assert await product.count("webhook_secrets") == left
    assert await product.rows("SELECT 1 FROM webhook_secrets WHERE expires_at IS NOT NULL") == []


async def test_a_webhook_that_is_gone_has_no_secret_to_rotate(product: Product) -> None:
    webhook, _ = await made(product)
    await product.endpoints.delete(webhook.id)
    with pytest.raises(NotFound):
        await product.endpoints.rotate_secret(webhook.id, DAY)
    assert product.feed.changed == [webhook.seq] * 2

"""Inboxes: their addresses are judged, each change is an event, and names become addresses."""

from typing import Any

import pytest

from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.events import payload_of
from sendook_lite.store import inboxes
from sendook_lite.usecases.inboxes import InvalidDomain, local_part
from sendook_lite.usecases.served_domains import ServedDomains
from tests.usecases.product import Product


async def test_every_change_is_an_event_with_the_inbox_in_it(product: Product) -> None:
    await product.webhook()
    box = await product.inboxes.create("Ann", "Ann@Mail.example")
    product.clock.wall += 5
    renamed = await product.inboxes.rename(box.id, "Ann B.")
    assert (renamed.name, renamed.email) == ("Ann B.", "Ann@Mail.example")
    assert renamed.updated_at == box.updated_at + 5
    assert await product.inboxes.get(box.id) == renamed
    gone = await product.inboxes.delete(box.id)
    assert gone == renamed
    offered = product.feed.offered
    assert [each.event_type for each in offered] == [
        "inbox.created", "inbox.updated", "inbox.deleted",
    ]  # fmt: skip
    assert [payload_of(each.body).get("name") for each in offered] == ["Ann", "Ann B.", "Ann B."]
    assert payload_of(offered[0].body)["email"] == "Ann@Mail.example"


async def test_an_inbox_that_was_deleted_is_gone_at_once_and_its_address_free(
    product: Product,
) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    await product.inboxes.delete(box.id)
    for use in (
        product.inboxes.get(box.id),
        product.inboxes.rename(box.id, "x"),
        product.inboxes.delete(box.id),
    ):
        with pytest.raises(NotFound):
            await use
    assert await inboxes.find_address(product.store.reader, "ann@mail.example") is None
    again = await product.inboxes.create("Ann", "ann@mail.example")
    assert again.id != box.id


async def test_a_name_can_be_taken_away(product: Product) -> None:
    box = await product.inboxes.create("Ann", None)
    assert (await product.inboxes.rename(box.id, None)).name is None


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("nonsense", "expected name@domain"),
        ("a b@mail.example", "expected name@domain"),
        ("@mail.example", "expected name@domain"),
        ("bounces@mail.example", "reserved"),
        ("Bounces@mail.example", "reserved"),
        ("ann+tag@mail.example", "no \\+detail"),
        ("taken@mail.example", "already exists"),
        ("TAKEN@MAIL.example", "already exists"),
    ],
)
async def test_an_address_that_cannot_be_taken_is_refused_with_its_field(
    product: Product, email: str, message: str
) -> None:
    await product.inboxes.create(None, "taken@mail.example")
    with pytest.raises(Invalid, match=message) as caught:
        await product.inboxes.create("x", email)
    (field,) = caught.value.errors
    assert (field.path, field.value) == ("email", email)
    assert await product.count("inboxes") == 1


async def test_an_address_of_another_domain_is_refused(product: Product) -> None:
    with pytest.raises(InvalidDomain, match="Invalid domain name"):
        await product.inboxes.create(None, "ann@other.example")


@pytest.mark.parametrize(
    ("name", "email"),
    [
        (None, "inbox@mail.example"),
        ("Dr. Ann", "dr-ann@mail.example"),
        ("Zoë  Müller", "zoe-muller@mail.example"),
        ("李", "inbox@mail.example"),
        ("Bounces", "bounces-inbox@mail.example"),
    ],
)
async def test_without_an_address_one_is_made_from_the_name(
    product: Product, name: str | None, email: str
) -> None:
    assert (await product.inboxes.create(name, None)).email == email
    second = (await product.inboxes.create(name, None)).email
    assert second != email
    assert second.startswith(email.partition("@")[0] + "-")


def test_a_long_name_becomes_a_short_local_part() -> None:
    assert len(local_part("ab " * 200)) <= 64 - 8
    assert not local_part("a" * 55 + " b").endswith("-")


@pytest.mark.parametrize(
    ("domains", "served"),
    [
        (("Mail.Example",), {"mail.example"}),
        (("bücher.example",), {"xn--bcher-kva.example"}),
    ],
)
def test_domains_are_compared_in_one_form(domains: Any, served: Any) -> None:
    known = ServedDomains(domains)
    assert all(each in known for each in served)
    assert domains[0] not in known
    assert known.first == domains[0]

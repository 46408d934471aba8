"""Domains: served as soon as they are verified, across restarts, until they are deleted."""

import pytest

from sendook_lite.domain.dns_records import RecordRules
from sendook_lite.domain.errors import Conflict, Invalid, NotFound
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.inboxes import InvalidDomain
from sendook_lite.usecases.intake import DomainNotServed
from sendook_lite.usecases.served_domains import ServedDomains
from tests.fakes import FakeDns
from tests.usecases.product import DOMAINS, Product, mail

RULES = RecordRules("mx.here.example")


class House:
    """Domains, and what they change."""

    def __init__(self, product: Product, *, trust: bool = False) -> None:
        self.product = product
        self.dns = FakeDns()
        served = product.inboxes.served
        self.cases = Domains(product.store, served, self.dns, RULES, trust=trust)

    def publish(self, name: str, host: str = "mx.here.example") -> None:
        self.dns.records[name, "MX"] = (f"10 {host}",)

    async def takes(self, address: str) -> bool:
        intake = self.product.intake(unknown_recipients="create", create_per_hour=100)
        try:
            await intake.judge_recipient(address)
        except DomainNotServed:
            return False
        return True


@pytest.fixture
def house(product: Product) -> House:
    return House(product)


async def test_a_domain_is_served_once_its_records_are_right(house: House) -> None:
    made = await house.cases.create("New.Example")
    assert (made.domain.name, made.domain.verified_at) == ("new.example", None)
    assert [finding.status for _, finding in made.records] == ["pending"] * 3
    assert not await house.takes("ann@new.example")
    with pytest.raises(InvalidDomain):
        await house.product.inboxes.create("Ann", "ann@new.example")
    found = await house.cases.verify("new.example")
    assert [finding.status for _, finding in found.records] == ["missing"] * 3
    assert not await house.takes("ann@new.example")
    house.publish("new.example")
    found = await house.cases.verify(made.domain.id)
    assert found.domain.verified_at is not None
    assert [finding.status for _, finding in found.records] == ["verified", "missing", "missing"]
    assert found == await house.cases.get("NEW.example")
    assert await house.takes("ann@new.example")
    box = await house.product.inboxes.create("Ann", "ann@new.example")
    assert box.domain_id == made.domain.id
    assert await house.product.inboxes.get(box.id) == box
    intake = house.product.intake()
    stored = await intake.receive(await intake.prepare(mail()), "Ann+x@NEW.example", "b@x.example")
    assert stored.message_id


async def test_a_verified_domain_stays_so_while_the_dns_is_disturbed(house: House) -> None:
    house.publish("new.example")
    await house.cases.create("new.example")
    verified = (await house.cases.verify("new.example")).domain.verified_at
    house.dns.silent = {"new.example"}
    await house.product.clock.advance(5)
    found = await house.cases.verify("new.example")
    assert found.records[0][1].status == "failed"
    assert "timeout" in (found.records[0][1].advice or "")
    assert found.domain.verified_at == verified
    assert await house.takes("ann@new.example")


async def test_what_is_verified_is_served_again_after_a_restart(house: House) -> None:
    house.publish("new.example")
    await house.cases.create("new.example")
    await house.cases.create("other.example")
    await house.cases.verify("new.example")
    served = ServedDomains(DOMAINS)
    again = Domains(house.product.store, served, house.dns, RULES, trust=False)
    assert "new.example" not in served
    await again.load()
    assert "new.example" in served
    assert "other.example" not in served


async def test_a_deleted_domain_is_not_served_and_its_inboxes_stay(house: House) -> None:
    house.publish("new.example")
    made = await house.cases.create("new.example")
    await house.cases.verify("new.example")
    box = await house.product.inboxes.create("Ann", "ann@new.example")
    gone = await house.cases.delete("new.example")
    assert gone.domain.id == made.domain.id
    assert not await house.takes("ann@new.example")
    assert (await house.product.inboxes.get(box.id)).domain_id is None
    with pytest.raises(NotFound, match="Domain"):
        await house.cases.get(made.domain.id)
    with pytest.raises(InvalidDomain):
        await house.product.inboxes.create(None, "eve@new.example")
    # Added and verified again, it takes mail for the same inbox.
    await house.cases.create("new.example")
    await house.cases.verify("new.example")
    assert await house.takes("ann@new.example")


async def test_a_domain_of_the_settings_is_served_whatever_becomes_of_its_row(house: House) -> None:
    made = await house.cases.create(DOMAINS[0])
    box = await house.product.inboxes.create("Ann", f"ann@{DOMAINS[0]}")
    assert box.domain_id == made.domain.id
    await house.cases.delete(DOMAINS[0])
    assert await house.takes(f"ann@{DOMAINS[0]}")


async def test_a_domain_is_there_once_and_must_be_one(house: House) -> None:
    await house.cases.create("bücher.example")
    for name in ("BÜCHER.example", "xn--bcher-kva.example."):
        with pytest.raises(Conflict):
            await house.cases.create(name)
    with pytest.raises(Invalid) as told:
        await house.cases.create("no domain")
    assert told.value.errors[0].path == "name"


async def test_where_domains_are_trusted_the_dns_has_no_say(product: Product) -> None:
    house = House(product, trust=True)
    made = await house.cases.create("new.example")
    assert made.domain.verified_at is not None
    assert await house.takes("ann@new.example")
    assert house.dns.asked == []
    found = await house.cases.verify("new.example")
    assert found.records[0][1].status == "missing"
    assert found.domain.verified_at is not None


async def test_findings_of_another_record_than_the_settings_want_now_do_not_count(
    house: House,
) -> None:
    house.publish("new.example")
    await house.cases.create("new.example")
    await house.cases.verify("new.example")
    moved = Domains(
        house.product.store,
        house.product.inboxes.served,
        house.dns,
        RecordRules("mx2.here.example"),
        trust=False,
    )
    found = await moved.get("new.example")
    assert found.records[0][1].status == "pending"


async def test_domains_are_listed_newest_first(house: House) -> None:
    names = [f"d{number}.example" for number in range(3)]
    ids = [(await house.cases.create(name)).id for name in names]
    page = await house.cases.page(2, None)
    assert ([each.id for each in page.items], page.more) == (ids[:0:-1], True)
    page = await house.cases.page(2, ids[1])
    assert ([each.id for each in page.items], page.more) == (ids[:1], False)

"""The numbers that deliveries are promised with; ``numbers.py`` lists them all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sendook_lite.api.pages import ListQuery
from sendook_lite.app.core import endpoints_with
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Secret
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.signing import new_secret
from sendook_lite.settings import Settings
from sendook_lite.store.database import Store
from tests.delivery.far_end import HANG, House
from tests.delivery.numbers import NUMBERS, Number
from tests.fakes import FakeClock

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "sendook_lite"


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.promise)
def test_every_number_stands_where_it_is_said_and_has_a_test(number: Number) -> None:
    assert (PACKAGE / number.file).read_text().count(number.text) == 1
    file, _, test = number.test.partition("::")
    assert f"def {test}(" in (TESTS / file).read_text()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A scheduler with the settings as they are when nobody says anything."""
    clock = FakeClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    house = House(store, clock)
    await house.start()
    yield house
    await house.kill()
    await store.close()


async def test_an_attempt_has_fifteen_seconds(house: House) -> None:
    webhook = await house.webhook()
    own = await house.webhook(timeout=3)
    prepare = endpoints_with(Settings().delivery.timeout)
    secret = [Secret(new_secret(bytes), None)]
    assert (prepare(webhook, secret).timeout, prepare(own, secret).timeout) == (15, 3)


async def test_an_answer_is_slow_after_five_seconds(house: House) -> None:
    house.far.answers["/in"] = HANG
    await house.webhook()
    for taken, slow in ((4999, 0), (5000, 1)):
        await house.publish()
        house.far.release(Outcome(200, None, None, b"", taken))
        await house.rest()
        assert house.scheduler.facts()["slowAnswers"] == slow


async def test_new_endpoints_together_hold_half_of_the_slots(house: House) -> None:
    for number in range(70):
        house.far.answers[f"/{number}"] = HANG
        await house.webhook(f"/{number}")
    await house.publish(2)
    await house.until(lambda: len(house.far.flying) >= 128)
    await house.rest()
    assert len(house.far.flying) == 128


async def test_a_proven_endpoint_has_thirty_two_requests_in_flight(house: House) -> None:
    await house.webhook()
    await house.publish(80)
    house.far.answers["/in"] = HANG
    await house.publish(50)
    await house.rest()
    assert len(house.far.flying) == 32


def test_a_list_has_a_hundred_and_at_most_five_hundred() -> None:
    assert ListQuery.model_validate({}).limit == 100
    assert ListQuery.model_validate({"limit": "500"}).limit == 500
    with pytest.raises(ValueError, match="500"):
        ListQuery.model_validate({"limit": "501"})

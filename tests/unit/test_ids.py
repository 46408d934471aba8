"""Ids: a prefix for the kind, ordered by time, and told from nonsense."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from sendook_lite.domain.ids import ORGANIZATION_ID, Ids, is_id
from tests.fakes import CountingBytes, FakeClock


def test_an_id_names_its_kind_and_can_be_repeated_by_a_test() -> None:
    first, second = (Ids(FakeClock(), CountingBytes()).new("evt") for _ in range(2))
    assert first == second
    assert first.startswith("evt_")
    assert is_id(first)


def test_ids_are_ordered_by_time_and_never_equal() -> None:
    clock = FakeClock()
    ids = Ids(clock)
    made = []
    for _ in range(50):
        clock.wall += 1
        made.append(ids.new("msg"))
    assert made == sorted(made)
    assert len({ids.new("msg") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("count", [0, 1, 15, 16, 1000])
def test_many_ids_are_minted_at_once(count: int) -> None:
    made = Ids(FakeClock()).some("dlv", count)
    assert len(set(made)) == count
    assert all(each.startswith("dlv_") and is_id(each) for each in made)
    assert len({each[:-16] for each in made}) <= 1


@given(st.integers(0, 2**48 - 1))
def test_an_id_is_a_ulid_of_its_time(now: int) -> None:
    clock = FakeClock()
    clock.wall = now
    made = Ids(clock).new("evt").removeprefix("evt_")
    assert str(ULID.from_str(made)) == made
    assert ULID.from_str(made).milliseconds == now


def test_every_digit_of_the_random_part_is_as_likely_as_the_others() -> None:
    ids = Ids(FakeClock(), lambda size: bytes(number % 256 for number in range(size)))
    digits = Counter("".join(ids.new("evt")[-16:] for _ in range(256)))
    assert len(digits) == 32
    assert set(digits.values()) == {256 * 16 // 32}


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("evt_01KJM1CVT0000000000000000A", True),
        ("thread_01KJM1CVT0000000000000000A", True),
        (ORGANIZATION_ID, True),
        ("evt_01KJM1CVT0000000000000000", False),
        ("evt_01KJM1CVT0000000000000000AA", False),
        ("evt_01kjm1cvt0000000000000000a", False),
        ("evt_01KJM1CVT000000000000000IL", False),
        ("01KJM1CVT0000000000000000A", False),
        ("evt_01KJM1CVT0000000000000000A\n", False),
        ("", False),
    ],
)
def test_only_what_has_the_form_of_an_id_is_one(
    text: str,
    valid: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    assert is_id(text) is valid

"""Ids: a prefix for the kind, ordered by time, and told from nonsense."""

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


@given(
    now=st.integers(0, 2**48 - 1), random=st.lists(st.binary(min_size=10, max_size=10), min_size=1)
)
def test_an_id_is_the_ulid_of_its_time_and_its_randomness(now: int, random: list[bytes]) -> None:
    clock = FakeClock()
    clock.wall = now
    ids = Ids(clock, lambda size: b"".join(random * size)[:size])
    expected = [str(ULID(now.to_bytes(6, "big") + each)) for each in (random * 64)[:64]]
    made = [ids.new("evt").removeprefix("evt_") for _ in range(64)]
    assert sorted(made) == sorted(expected)


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

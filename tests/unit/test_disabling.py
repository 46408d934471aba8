"""The disabling rule: both halves of it, every stage once, and forgetting what is over."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.disabling import (
    STAGES,
    AlertKind,
    DisableRule,
    Stage,
    Standing,
    Told,
    after_failure,
    after_gone,
    after_success,
    judge,
    stages_to_tell,
)

HOUR = 3_600_000
RULE = DisableRule(failures=10, after_ms=24 * HOUR)
AT_ONCE = DisableRule(failures=3, after_ms=0)


@pytest.mark.parametrize(
    ("rule", "failed", "age", "stage"),
    [
        (RULE, 1, 0, "first_failure"),
        (RULE, 1, 1000 * HOUR, "first_failure"),
        (RULE, 4, 24 * HOUR, "first_failure"),
        (RULE, 5, 12 * HOUR - 1, "first_failure"),
        (RULE, 5, 12 * HOUR, "half_way"),
        (RULE, 9, 1000 * HOUR, "half_way"),
        (RULE, 1000, 24 * HOUR - 1, "half_way"),
        (RULE, 1000, 12 * HOUR - 1, "first_failure"),
        (RULE, 10, 24 * HOUR, "disabled"),
        (RULE, 1000, -HOUR, "first_failure"),
        (AT_ONCE, 1, 0, "first_failure"),
        (AT_ONCE, 2, 0, "half_way"),
        (AT_ONCE, 3, 0, "disabled"),
        (AT_ONCE, 3, -HOUR, "disabled"),
        (DisableRule(1, 0), 1, 0, "disabled"),
    ],
)
def test_both_the_count_and_the_age_have_to_be_reached(
    rule: DisableRule, failed: int, age: int, stage: Stage
) -> None:
    assert judge(rule, failed, 5 * HOUR, 5 * HOUR + age) == stage


@pytest.mark.parametrize(
    ("told", "reached", "stages"),
    [
        (None, "first_failure", ("first_failure",)),
        (None, "half_way", ("first_failure", "half_way")),
        (None, "disabled", STAGES),
        ("first_failure", "first_failure", ()),
        ("first_failure", "half_way", ("half_way",)),
        ("first_failure", "disabled", ("half_way", "disabled")),
        ("half_way", "first_failure", ()),
        ("half_way", "half_way", ()),
        ("half_way", "disabled", ("disabled",)),
        ("forgiven", "half_way", ("first_failure", "half_way")),
    ],
)
def test_every_stage_is_told_once_and_in_order(
    told: Told | None, reached: Stage, stages: tuple[Stage, ...]
) -> None:
    assert stages_to_tell(told, reached) == stages


def test_an_attempt_that_is_tried_again_is_no_failed_delivery() -> None:
    assert after_failure(AT_ONCE, Standing(), 7, counts=False) == (Standing(1), ())


def test_the_age_is_that_of_the_first_failure() -> None:
    standing, _ = after_failure(RULE, Standing(), 7, counts=True)
    standing, _ = after_failure(RULE, standing, 9, counts=True)
    assert standing == Standing(2, 2, 7, "first_failure")


@pytest.mark.parametrize("told", ["first_failure", "half_way", "disabled", "forgiven"])
def test_whoever_was_told_of_failures_is_told_of_their_end(told: Told) -> None:
    assert after_success(Standing(3, 2, 1, told)) == (Standing(), ("recovered",))


def test_a_success_that_nobody_waits_for_is_not_told() -> None:
    assert after_success(Standing(3)) == (Standing(), ())


def test_an_endpoint_that_is_gone_is_disabled_with_one_alert() -> None:
    assert after_gone(Standing(), 5) == (Standing(1, 1, 5, "disabled"), ("disabled",))
    assert after_gone(Standing(4, 2, 3, "half_way"), 5) == (
        Standing(5, 3, 3, "disabled"),
        ("disabled",),
    )


Happening = tuple[Literal["success", "failed", "retried"], int]
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["success", "failed", "failed", "retried"]), st.integers(0, 50)),
    max_size=60,
)
RULES = st.builds(DisableRule, st.integers(1, 8), st.integers(0, 120))


def walk(rule: DisableRule, happenings: list[Happening]) -> list[list[AlertKind]]:
    """Return the alerts after each happening; ends when disabled."""
    standing, now, told = Standing(), 0, []
    for what, later in happenings:
        now += later
        kinds: tuple[AlertKind, ...]
        if what == "success":
            standing, kinds = after_success(standing)
        else:
            standing, kinds = after_failure(rule, standing, now, counts=what == "failed")
        told.append(list(kinds))
        if "disabled" in kinds:
            break
    return told


@given(RULES, HAPPENINGS)
def test_disabled_exactly_when_enough_have_failed_for_long_enough(
    rule: DisableRule, happenings: list[Happening]
) -> None:
    told = walk(rule, happenings)
    now = 0
    failed_at: list[int] = []
    for (what, later), kinds in zip(happenings, told, strict=False):
        now += later
        if what == "success":
            failed_at.clear()
        elif what == "failed":
            failed_at.append(now)
        enough = len(failed_at) >= rule.failures and now - failed_at[0] >= rule.after_ms
        assert ("disabled" in kinds) == (enough and what == "failed")


@given(RULES, HAPPENINGS)
def test_between_two_successes_no_stage_is_told_twice_and_none_is_passed_over(
    rule: DisableRule, happenings: list[Happening]
) -> None:
    since: list[AlertKind] = []
    for (what, _), kinds in zip(happenings, walk(rule, happenings), strict=False):
        if what == "success":
            assert kinds == (["recovered"] if since else [])
            since = []
        else:
            since += kinds
            assert since == list(STAGES[: len(since)])
            assert since or what == "retried"

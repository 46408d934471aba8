"""What follows an attempt: the table of outcomes, and Retry-After in all its forms."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.model import Trigger
from sendook_lite.domain.outcome import ErrorCode, Outcome
from sendook_lite.domain.retry import MAX_RETRY_AFTER, Verdict, decide
from sendook_lite.domain.retry_after import parse_retry_after
from tests.fakes import START

SCHEDULE = (5.0, 25.0, 125.0)
# START, the time of all attempts here, is Sunday, 2026-03-01T09:10:00Z.


def answered(status: int, retry_after: str | None = None) -> Outcome:
    return Outcome(status, "http_status", f"answered {status}", b"", 1.0, retry_after)


def broken(error: ErrorCode) -> Outcome:
    return Outcome(None, error, "it broke", b"", 1.0)


def judge(
    outcome: Outcome,
    tries: int = 1,
    trigger: Trigger = "scheduled",
    schedule: tuple[float, ...] = SCHEDULE,
) -> Verdict:
    return decide(outcome, tries, schedule, trigger, START)


@pytest.mark.parametrize("tries", [1, 4, 9])
@pytest.mark.parametrize("trigger", get_args(Trigger))
def test_a_success_is_delivered_whatever_came_before(tries: int, trigger: Trigger) -> None:
    done = Outcome(204, None, None, b"", 1.0, "60")
    assert judge(done, tries, trigger) == Verdict("delivered")


@pytest.mark.parametrize(
    ("tries", "verdict"),
    [
        (1, Verdict("retry", 5.0)),
        (2, Verdict("retry", 25.0)),
        (3, Verdict("retry", 125.0)),
        (4, Verdict("failed")),
        (5, Verdict("failed")),
    ],
)
@pytest.mark.parametrize("trigger", ["scheduled", "replay"])
def test_each_failure_waits_for_the_next_delay_until_there_is_none(
    tries: int, verdict: Verdict, trigger: Trigger
) -> None:
    assert judge(answered(500), tries, trigger) == verdict


@pytest.mark.parametrize("status", [100, 301, 400, 401, 403, 404, 409, 418, 500, 501, 599])
def test_any_other_status_is_retried_and_cannot_ask_to_wait(status: int) -> None:
    assert judge(answered(status, "600")) == Verdict("retry", 5.0)


@pytest.mark.parametrize("error", sorted(set(get_args(ErrorCode)) - {"blocked_address"}))
def test_any_other_error_is_retried(error: ErrorCode) -> None:
    assert judge(broken(error)) == Verdict("retry", 5.0)


def test_a_blocked_address_fails_at_once() -> None:
    assert judge(broken("blocked_address")) == Verdict("failed")


def test_an_empty_schedule_means_one_attempt() -> None:
    assert judge(answered(503, "60"), schedule=()) == Verdict("failed")


@pytest.mark.parametrize("trigger", ["scheduled", "replay", "manual"])
def test_gone_fails_at_once_and_takes_the_webhook_with_it(trigger: Trigger) -> None:
    assert judge(answered(410, "60"), 1, trigger) == Verdict("failed", gone=True)


def test_gone_in_answer_to_a_test_changes_nothing() -> None:
    assert judge(answered(410), trigger="test") == Verdict("failed")


@pytest.mark.parametrize("trigger", ["manual", "test"])
def test_manual_attempts_and_tests_are_not_retried(trigger: Trigger) -> None:
    assert judge(answered(503, "60"), 1, trigger) == Verdict("failed")


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [
        ("60", 60.0),
        ("3", 5.0),
        ("0", 5.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 100, 3600.0),
        ("-60", 5.0),
        ("1.5", 5.0),
        ("soon", 5.0),
        ("", 5.0),
        ("Sun, 01 Mar 2026 09:11:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 09:09:00 GMT", 5.0),
    ],
)
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_puts_the_next_attempt_off_by_an_hour_at_most(
    status: int, retry_after: str, delay: float
) -> None:
    verdict = judge(answered(status, retry_after))
    assert (verdict.state, verdict.delay) == ("retry", delay)


def test_a_delay_of_the_schedule_may_be_longer_than_an_hour() -> None:
    long = 7 * 24 * 3600.0
    assert judge(answered(503, "60"), schedule=(long,)).delay == long


def test_retry_after_does_not_earn_another_attempt() -> None:
    assert judge(answered(503, "60"), 4) == Verdict("failed")


@pytest.mark.parametrize(
    ("tries", "trigger", "verdict"),
    [
        (1, "scheduled", Verdict("retry", 60.0, pause=60.0)),
        (4, "scheduled", Verdict("failed", pause=60.0)),
        (1, "manual", Verdict("failed", pause=60.0)),
        (1, "test", Verdict("failed")),
    ],
)
def test_a_429_pauses_the_whole_lane(tries: int, trigger: Trigger, verdict: Verdict) -> None:
    assert judge(answered(429, "60"), tries, trigger) == verdict


def test_a_pause_is_what_was_asked_for_and_not_the_schedule() -> None:
    assert judge(answered(429, "60"), 3) == Verdict("retry", 125.0, pause=60.0)
    assert judge(answered(429), 3) == Verdict("retry", 125.0)


def test_a_pause_is_an_hour_at_most() -> None:
    assert judge(answered(429, "86400")) == Verdict("retry", 3600.0, pause=3600.0)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_only_a_429_pauses_the_lane(status: int) -> None:
    assert judge(answered(status, "60")).pause == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("Sun, 01 Mar 2026 09:10:30 GMT", 30.0),
        ("Sunday, 01-Mar-26 09:10:30 GMT", 30.0),
        ("Sun Mar  1 09:10:30 2026", 30.0),
        ("Thu Mar 12 09:10:00 2026", 11 * 86_400.0),
        ("Wednesday, 01-Apr-26 09:10:00 GMT", 31 * 86_400.0),
        ("Sun, 01 Mar 2026 09:10:60 GMT", 59.0),
        # 50 years ahead is the last year that two digits can mean; 77 was 49 years ago.
        ("Sunday, 01-Mar-76 09:10:00 GMT", 18_263 * 86_400.0),
        ("Tuesday, 01-Mar-77 09:10:00 GMT", None),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Sun, 01 Mar 2026 09:10:00 GMT", None),
        ("Sun, 31 Feb 2027 09:10:00 GMT", None),
        ("Sun, 01 Mar 2026 25:10:00 GMT", None),
        ("Sun, 01 Mar 0000 09:10:00 GMT", None),
        ("Sun, 01 Mar 2027 09:10:00 CET", None),
        ("Sun, 01 Mrz 2027 09:10:00 GMT", None),
        ("Sun, 1 Mar 2027 09:10:00 GMT", None),
        ("2027-03-01T09:10:00Z", None),
        ("\u0661\u0662\u0660", None),
        ("1e3", None),
        ("+5", None),
    ],
)
def test_retry_after_is_seconds_or_one_of_three_dates(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, START) == seconds


@given(st.text(max_size=100))
def test_no_header_breaks_the_reader(text: str) -> None:
    assert (parse_retry_after(text, START) or 0.0) >= 0


schedules = st.lists(st.floats(0, 7 * 24 * 3600), max_size=20).map(tuple)
headers = st.one_of(st.none(), st.integers(-10, 10_000_000).map(str), st.text(max_size=20))
failures = st.one_of(
    st.builds(answered, st.integers(100, 599).filter(lambda n: not 200 <= n < 300), headers),
    st.sampled_from(get_args(ErrorCode)).map(broken),
)


@given(schedules, st.lists(failures, min_size=21, max_size=21), st.sampled_from(get_args(Trigger)))
def test_no_delivery_has_more_attempts_than_its_schedule_and_the_first(
    schedule: tuple[float, ...], outcomes: list[Outcome], trigger: Trigger
) -> None:
    attempts = 0
    for outcome in outcomes:
        attempts += 1
        if judge(outcome, attempts, trigger, schedule).state == "failed":
            break
    else:
        pytest.fail("it would go on for ever")
    assert attempts <= len(schedule) + 1


@given(schedules, failures, st.integers(1, 21), st.sampled_from(get_args(Trigger)))
def test_no_retry_is_early_and_none_is_put_off_beyond_an_hour(
    schedule: tuple[float, ...], outcome: Outcome, tries: int, trigger: Any
) -> None:
    verdict = judge(outcome, tries, trigger, schedule)
    assert 0 <= verdict.pause <= MAX_RETRY_AFTER
    if verdict.state == "retry":
        planned = schedule[tries - 1]
        assert planned <= verdict.delay <= max(planned, 3600)
    else:
        assert verdict.delay == 0

"""Decides when an endpoint that fails is disabled, and what is told on the way there. Pure.

The rule: at least so many deliveries ended ``failed`` since the last success, and the first of them
is older than so long. How far an endpoint is on this way is the lesser of the two shares.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

Stage = Literal["first_failure", "half_way", "disabled"]
AlertKind = Literal["first_failure", "half_way", "disabled", "recovered"]
Told = Literal["first_failure", "half_way", "disabled", "forgiven"]
"""The last stage that was told since the last success. ``forgiven``: the failures were forgotten by
hand, so every stage may be told again, and the recovery is still to be told."""

STAGES: Final[tuple[Stage, ...]] = ("first_failure", "half_way", "disabled")


@dataclass(frozen=True, slots=True)
class DisableRule:
    """When an endpoint is disabled; ``after_ms`` 0: as soon as the count is reached."""

    failures: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint has done since its last success.

    Attributes:
        failed_attempts: requests in a row that failed.
        failed_deliveries: deliveries that ended failed.
        first_failed_at: when the first of these did, in ms; None while there is none.
        told: what people know of it.
    """

    failed_attempts: int = 0
    failed_deliveries: int = 0
    first_failed_at: int | None = None
    told: Told | None = None


def judge(rule: DisableRule, failed_deliveries: int, first_failed_at: int, now: int) -> Stage:
    """Say how far an endpoint that has failed is on the way to being disabled."""
    age = max(0, now - first_failed_at)  # a clock that was set back makes nothing younger than new
    if failed_deliveries >= rule.failures and age >= rule.after_ms:
        return "disabled"
    if 2 * failed_deliveries >= rule.failures and 2 * age >= rule.after_ms:
        return "half_way"
    return "first_failure"


def stages_to_tell(told: Told | None, reached: Stage) -> tuple[Stage, ...]:
    """Return the stages up to the one reached that nobody was told of, in their order."""
    known = 0 if told is None or told == "forgiven" else STAGES.index(told) + 1
    return STAGES[known : STAGES.index(reached) + 1]


_GOOD: Final = Standing()


def after_success(standing: Standing) -> tuple[Standing, tuple[AlertKind, ...]]:
    """Forget the failures; whoever was told of them is told of their end."""
    return _GOOD, () if standing.told is None else ("recovered",)


def after_failure(
    rule: DisableRule, standing: Standing, now: int, *, counts: bool
) -> tuple[Standing, tuple[Stage, ...]]:
    """Count a failed attempt; ``counts`` when its delivery ended failed with it."""
    standing = replace(standing, failed_attempts=standing.failed_attempts + 1)
    if not counts:
        return standing, ()
    first = now if standing.first_failed_at is None else standing.first_failed_at
    standing = replace(
        standing, failed_deliveries=standing.failed_deliveries + 1, first_failed_at=first
    )
    stages = stages_to_tell(standing.told, judge(rule, standing.failed_deliveries, first, now))
    return (replace(standing, told=stages[-1]) if stages else standing), stages


def after_gone(standing: Standing, now: int) -> tuple[Standing, tuple[Stage, ...]]:
    """Disable an endpoint that said itself that it wants no event ever again."""
    return (
        replace(
            standing,
            failed_attempts=standing.failed_attempts + 1,
            failed_deliveries=standing.failed_deliveries + 1,
            first_failed_at=now if standing.first_failed_at is None else standing.first_failed_at,
            told="disabled",
        ),
        ("disabled",),
    )

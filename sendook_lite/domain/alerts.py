"""What people and programs are told when an endpoint fails, is disabled, or has recovered. Pure.

An alert is rendered once, when it happens, and told as it is, however late. It never holds a
secret, the value of a header, or what an endpoint answered.
"""

from typing import Any, Final, Literal, get_args

from sendook_lite.domain.clock import iso
from sendook_lite.domain.disabling import AlertKind, DisableRule, Standing
from sendook_lite.domain.endpoint_url import parse as parse_url
from sendook_lite.domain.model import Webhook

Channel = Literal["log", "webhook", "email"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)

Alert = dict[str, Any]


def render(
    kind: AlertKind,
    identifier: str,
    now: int,
    webhook: Webhook,
    standing: Standing,
    error: str | None,
    rule: DisableRule,
) -> Alert:
    """Say what happened.

    Args:
        kind: what it is about.
        identifier: the alert's own id, by which one that is told twice is recognised.
        now: when it happened, in ms.
        webhook: as it is now, disabled or not.
        standing: with the failures that it is about; those before a recovery.
        error: of the last failed attempt.
        rule: by which the webhook is disabled.
    """
    failing = kind in ("first_failure", "half_way")
    disables_at = None
    if failing and rule.after_ms and standing.first_failed_at is not None:
        disables_at = iso(standing.first_failed_at + rule.after_ms)
    optional = {
        "firstFailedAt": None
        if standing.first_failed_at is None
        else iso(standing.first_failed_at),
        "lastError": error,
        "disablesAt": disables_at,
    }
    message = _message(kind, webhook, standing, error, rule, disables_at)
    return {
        "alert": f"webhook.{kind}",
        "id": identifier,
        "createdAt": iso(now),
        "webhook": {
            "id": webhook.id,
            "url": webhook.url,
            **({} if webhook.description is None else {"description": webhook.description}),
            "status": webhook.status,
            **(
                {}
                if webhook.disabled_reason is None
                else {"disabledReason": webhook.disabled_reason}
            ),
        },
        "failedDeliveries": standing.failed_deliveries,
        **{name: value for name, value in optional.items() if value is not None},
        "message": message,
        "text": message,  # where Slack, Mattermost and their kind look for it
    }


def _message(
    kind: AlertKind,
    webhook: Webhook,
    standing: Standing,
    error: str | None,
    rule: DisableRule,
    disables_at: str | None,
) -> str:
    """Say in one or two sentences what happened and what to do about it."""
    # Only the host: what follows it in a URL is often as good as a password.
    who = f"Webhook {webhook.id} ({parse_url(webhook.url).host})"
    failed = _count(standing.failed_deliveries, "delivery", "deliveries")
    replay = f"POST /v1/webhooks/{webhook.id}/replay"
    enable = f'PATCH /v1/webhooks/{webhook.id} {{"status": "enabled"}}'
    limit = _count(rule.failures, "failed delivery", "failed deliveries")
    when = "" if disables_at is None else f", though not before {disables_at}"
    if kind == "recovered":
        return f"{who} takes events again. Send what it has missed with {replay}."
    if kind == "disabled" and webhook.disabled_reason == "gone":
        return (
            f"{who} was disabled because its endpoint answered 410 Gone. If that was a mistake,"
            f" enable it with {enable} and send what it has missed with {replay}."
        )
    if kind == "disabled":
        return (
            f"{who} was disabled: {failed} failed without a success in between, the last one with"
            f' "{error}". Mend the endpoint, enable it with {enable} and send what it has missed'
            f" with {replay}."
        )
    state = "has begun to fail" if kind == "first_failure" else "is half way to being disabled"
    return (
        f'{who} {state}: {failed} failed without a success since, the last one with "{error}".'
        f" Mend the endpoint; after {limit} without a success it is disabled{when}."
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

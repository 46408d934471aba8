"""Writes the mail that tells people of an alert: plain text, the same however often it is sent."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from sendook_lite.domain.alerts import Alert
from sendook_lite.domain.clock import MS_PER_SECOND, parse_iso

_SUBJECTS: Final = {
    "webhook.first_failure": "A webhook has begun to fail",
    "webhook.half_way": "A webhook will be disabled soon",
    "webhook.disabled": "A webhook was disabled",
    "webhook.recovered": "A webhook works again",
}

_COUNTED: Final = {
    "webhook.disabled": "disabled",
    "webhook.half_way": "to be disabled soon",
    "webhook.first_failure": "began to fail",
    "webhook.recovered": "work again",
}


def compose(alerts: Sequence[Alert], sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Write the mail of one alert, or of several that are told together, oldest first."""
    newest = alerts[-1]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = _subject(alerts)
    happened_at = datetime.fromtimestamp(parse_iso(newest["createdAt"]) / MS_PER_SECOND, UTC)
    mail["Date"] = format_datetime(happened_at)
    # The same in every try, so that a mail that comes twice is shown once.
    mail["Message-ID"] = f"<{newest['id']}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5: no answers by machines
    texts = ["\n".join([alert["message"], "", *_facts(alert), ""]) for alert in alerts]
    mail.set_content("\n\n".join(texts), cte="quoted-printable")
    return mail


def _subject(alerts: Sequence[Alert]) -> str:
    """Say what happened to a webhook, or how often what happened."""
    if len(alerts) == 1:
        return f"{_SUBJECTS[alerts[0]['alert']]} ({alerts[0]['webhook']['id']})"
    counts = Counter(alert["alert"] for alert in alerts)
    parts = [f"{counts[kind]} {words}" for kind, words in _COUNTED.items() if counts[kind]]
    webhooks = len({alert["webhook"]["id"] for alert in alerts})
    return f"{webhooks} webhook{'s' if webhooks > 1 else ''}: {', '.join(parts)}"


def _facts(alert: Alert) -> list[str]:
    """Lay out what is known, a line each."""
    webhook = alert["webhook"]
    facts = {
        "URL": webhook["url"],
        "Description": webhook.get("description"),
        "Status": " ".join(
            part for part in (webhook["status"], webhook.get("disabledReason")) if part
        ),
        "Failed deliveries": alert["failedDeliveries"],
        "First failure": alert.get("firstFailedAt"),
        "Last error": alert.get("lastError"),
        "Disabled not before": alert.get("disablesAt"),
    }
    return [f"{name + ':':<21}{value}" for name, value in facts.items() if value is not None]

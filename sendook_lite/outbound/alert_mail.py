"""Writes the mail that tells people of an alert: plain text, the same however often it is sent."""

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


def compose(alert: Alert, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Write the mail of an alert."""
    webhook = alert["webhook"]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = f"{_SUBJECTS[alert['alert']]} ({webhook['id']})"
    happened_at = datetime.fromtimestamp(parse_iso(alert["createdAt"]) / MS_PER_SECOND, UTC)
    mail["Date"] = format_datetime(happened_at)
    # The same in every try, so that a mail that comes twice is shown once.
    mail["Message-ID"] = f"<{alert['id']}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5: no answers by machines
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
    lines = [f"{name + ':':<21}{value}" for name, value in facts.items() if value is not None]
    mail.set_content("\n".join([alert["message"], "", *lines, ""]), cte="quoted-printable")
    return mail

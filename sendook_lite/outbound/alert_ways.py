"""The ways in which an alert is told: a line in the log, a POST to the operator, a mail."""

import json
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar

from sendook_lite.domain.alerts import Alert, Channel
from sendook_lite.domain.errors import SendookError, Unavailable
from sendook_lite.domain.submission import Mailing
from sendook_lite.outbound.alert_mail import compose
from sendook_lite.outbound.alerting import Digest, Tell
from sendook_lite.outbound.relay import Relay, build_relay, hand_over
from sendook_lite.settings import Settings

WEBHOOK_SECONDS: Final = 15.0
"""How long the operator's URL may take, everything included."""

log = structlog.get_logger(__name__)


class NotTold(Unavailable):
    """An alert could not be told in one way."""

    def __init__(self, message: str) -> None:
        super().__init__("not_told", message)


async def tell_log(alert: Alert) -> None:
    """Write an alert to the log; without the URL, of which every part may be a password."""
    tell = log.info if alert["alert"] == "webhook.recovered" else log.warning
    tell(
        alert["message"],
        alert=alert["alert"],
        webhook=alert["webhook"]["id"],
        failed_deliveries=alert["failedDeliveries"],
    )


class WebhookWay:
    """Posts alerts to the operator's own URL, which no guard keeps from private networks.

    Not signed: what would sign for it is a secret that the settings do not have. A secret path in
    the URL does the same.
    """

    def __init__(
        self,
        url: str,
        version: str,
        seconds: float = WEBHOOK_SECONDS,
        ca_file: str | None = None,
    ) -> None:
        self._url = url
        self._ca_file = ca_file
        self._seconds = seconds
        self._headers = {
            "content-type": "application/json",
            "user-agent": f"Sendook-Lite/{version}",
            "accept-encoding": "identity",
        }

    async def tell(self, alert: Alert) -> None:
        """Post an alert; any 2xx will do, of whose body nothing is read.

        Raises:
            NotTold: there was no such answer.
        """
        timeout = ClientTimeout(total=self._seconds)
        try:
            # Read anew for each alert: there are few, and the file may have been mended meanwhile.
            trust = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else True
        except OSError as error:
            raise NotTold("delivery.ca_file cannot be read, or holds no certificate") from error
        try:
            async with (
                ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
                session.post(
                    self._url,
                    ssl=trust,
                    data=json.dumps(alert),
                    headers=self._headers,
                    allow_redirects=False,
                ) as answer,
            ):
                status = answer.status
        except TimeoutError as error:
            raise NotTold(f"no answer within {self._seconds:g} s") from error
        except ClientConnectorError as error:
            raise NotTold(f"cannot connect to {error.host}:{error.port}") from error
        except (ClientError, OSError, ValueError) as error:
            # Their texts may hold the URL.
            raise NotTold("the connection broke, or the answer was not HTTP") from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise NotTold(f"answered {status}")


class MailWay:
    """Sends alerts as plain mails through the relay, one mail to all recipients."""

    def __init__(self, relay: Relay, sender: str, recipients: Sequence[str]) -> None:
        self._relay = relay
        self._sender = sender
        self._recipients = tuple(recipients)

    async def tell(self, alerts: Sequence[Alert]) -> None:
        """Send a mail of one or several alerts; a recipient who is refused keeps it from no other.

        Raises:
            RelayFailed: the relay took it for nobody.
        """
        mail = compose(alerts, self._sender, self._recipients)
        mailing = Mailing(mail.as_bytes(), self._sender, self._recipients)
        refused = await hand_over(self._relay, mailing)
        for recipient, reason in refused.items():
            log.warning("the relay refused a recipient", recipient=recipient, reason=reason)


def ways_to_tell(settings: Settings, version: str) -> dict[Channel, Tell | Digest]:
    """Return the ways that are configured; the log is always one.

    Raises:
        SendookError: the relay's URL cannot be used.
    """
    alerts, domain = settings.alerts, settings.inbound.domains[0]
    ways: dict[Channel, Tell | Digest] = {"log": tell_log}
    if alerts.webhook:
        ca_file = settings.delivery.ca_file or None
        ways["webhook"] = WebhookWay(alerts.webhook, version, ca_file=ca_file).tell
    try:
        relay = build_relay(settings.relay.url, domain)
    except ValueError as error:
        raise SendookError("bad_settings", str(error)) from None
    if alerts.email and relay is None:
        log.warning(
            "alerts.email names addresses, but nobody is told by mail: relay.url is not set"
        )
    elif relay is not None and alerts.email:
        sender = alerts.from_address or f"sendook-lite@{domain}"
        ways["email"] = Digest(MailWay(relay, sender, alerts.email).tell)
    return ways

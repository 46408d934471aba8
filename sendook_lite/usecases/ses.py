"""Notifications of Amazon SES, by way of SNS, become events; mail that SES received is stored."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import orjson
import structlog

from sendook_lite.domain import ses, sns
from sendook_lite.domain.addresses import normalise, split
from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Forbidden, Invalid, SendookError, Unavailable
from sendook_lite.domain.tokens import REPORT_LOCAL_PART
from sendook_lite.usecases.event_lines import EventLines, Line, MailLine, OutcomeLine
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.reports import ReportedOutcome

MOST_CERTIFICATES: Final = 8
"""SNS has one at a time for each region, and renews it now and then."""

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets what is at a URL; raises Unavailable when it cannot."""

log = structlog.get_logger(__name__)


class Ses:
    """Takes messages of SNS, of the topics that are named in the settings."""

    def __init__(
        self,
        lines: EventLines,
        report_mail: ReportMail,
        topic_arns: Collection[str],
        fetch: Fetch,
        clock: Clock,
    ) -> None:
        self._lines = lines
        self._report_mail = report_mail
        self._topic_arns = frozenset(topic_arns)
        self._fetch = fetch
        self._clock = clock
        self._certificates: OrderedDict[str, bytes] = OrderedDict()
        self._fetching = asyncio.Lock()

    async def take(self, document: dict[str, Any]) -> None:
        """Do what a message asks for; return when it is on disk.

        Raises:
            Invalid: it is no message of SNS.
            Forbidden: it is not of our topics, not proven, or stale. Nothing was fetched for a
                foreign topic.
            Unavailable: it cannot be judged or stored now; SNS will try again.
        """
        message = sns.read_message(document)
        if message.topic_arn not in self._topic_arns:
            raise Forbidden("the topic is not in ses.topic_arns", "foreign_topic")
        now = self._clock.now()
        sns.check_age(message, now)
        sns.verify(message, await self._certificate(message.certificate_url), now)
        match message.kind:
            case sns.SUBSCRIPTION:
                sns.check_host(message.subscribe_url)
                await self._fetch(message.subscribe_url)
                log.info("subscribed to a topic", topic=message.topic_arn)
            case sns.UNSUBSCRIPTION:
                log.warning("a topic will tell nothing any more", topic=message.topic_arn)
            case _:
                await self._take_notification(message)

    async def _certificate(self, url: str) -> bytes:
        """Return a certificate, fetched once however many messages wait for it."""
        sns.check_certificate_url(url)
        if url not in self._certificates:
            async with self._fetching:
                if url not in self._certificates:
                    self._keep(url, await self._fetch(url))
        self._certificates.move_to_end(url)
        return self._certificates[url]

    def _keep(self, url: str, certificate: bytes) -> None:
        self._certificates[url] = certificate
        if len(self._certificates) > MOST_CERTIFICATES:
            self._certificates.popitem(last=False)

    async def _take_notification(self, message: sns.SnsMessage) -> None:
        try:
            document = orjson.loads(message.message)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            # SES says hello to a new topic in plain words.
            log.info("a topic said", topic=message.topic_arn, text=message.message[:200])
            return
        try:
            told = ses.read_notification(document)
        except Invalid as error:
            log.warning("a notification was not understood", reason=error.message)
            return
        key = f"sns:{message.message_id}"
        if isinstance(told, ses.SesMail):
            for line in await self._mail_lines(told, key):
                await self._store([line])  # alone: a batch with mail is stored whole or not at all
        else:
            await self._store([self._report_line(each, key) for each in told])

    async def _mail_lines(self, told: ses.SesMail, key: str) -> list[Line]:
        """Prepare a mail for each of its recipients, so that one who is unknown harms no other."""
        if told.raw is None:
            log.warning(
                "SES received a mail without handing it over: use the SNS action, with content",
                action=told.action,
                recipients=told.recipients,
            )
            return []
        mail = await self._lines.prepare(told.raw)
        return [
            MailLine(mail, (recipient,), told.sender, f"{key}:{recipient}")
            for recipient in told.recipients
        ]

    async def _store(self, lines: list[Line]) -> None:
        """Store lines; what is refused for good is logged, for SNS would only bring it again."""
        if not lines:
            return
        for told in await self._lines.submit(lines):
            if isinstance(told, Unavailable) or (
                isinstance(told, BaseException) and not isinstance(told, SendookError)
            ):
                raise told
            if isinstance(told, SendookError):
                log.info("a notification is of no mail here", reason=told.message)

    def _report_line(self, report: ses.SesReport, key: str) -> OutcomeLine:
        """Turn a report into a line.

        Our return path in ``sender`` names a mail of ours for sure: SES gives mail a Message-ID of
        its own, and returns ours only where it is told to include headers.
        """
        local, detail, _ = split(normalise(report.sender or ""))
        ours = self._report_mail.subject(local, detail)
        outcome = ReportedOutcome(
            event_type=report.event_type,
            recipient=report.recipient,
            message_id=ours,
            message_id_header=report.message_id,
            sender=None if local == REPORT_LOCAL_PART else report.sender,
            status=report.status,
            permanent=report.permanent,
            diagnostic=report.diagnostic,
            remote_mta=report.remote_mta,
            reported_at=report.at,
        )
        return OutcomeLine(outcome, f"{key}:{report.recipient}")

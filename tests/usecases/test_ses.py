"""Messages of SNS on a real store; the network is a dictionary."""

import asyncio
from typing import Any

import orjson
import pytest

from sendook_lite.domain.errors import Forbidden, StoreFailed, Unavailable
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.ses import MOST_CERTIFICATES, Ses
from tests import sns_topic
from tests.unit.test_ses import AT, BOUNCE, MAIL
from tests.usecases.product import TOKENS, Product, mail

BOUNCED = {"eventType": "Bounce", "mail": MAIL, "bounce": BOUNCE}


class Network:
    """What can be fetched; remembers what was."""

    def __init__(self, now: int) -> None:
        self.fetched: list[str] = []
        self.certificate = sns_topic.certificate(now)
        self.down = False

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("fetch_failed", "the connection failed")
        return self.certificate


@pytest.fixture
def network(product: Product) -> Network:
    return Network(product.clock.now())


@pytest.fixture
def ses(product: Product, network: Network) -> Ses:
    lines = EventLines(
        product.store, product.publisher, product.intake(), product.reports, product.ensure_room
    )
    return Ses(
        lines, ReportMail(product.reports, TOKENS), (sns_topic.TOPIC,), network.fetch, product.clock
    )


async def payloads(product: Product) -> list[dict[str, Any]]:
    rows = await product.rows("SELECT body FROM events ORDER BY seq")
    return [orjson.loads(row[0])["payload"] for row in rows]


def now(product: Product) -> int:
    return product.clock.now()


async def test_a_notification_becomes_an_event_for_each_recipient(
    product: Product, ses: Ses
) -> None:
    await ses.take(sns_topic.signed(BOUNCED, now(product)))
    first, second = await payloads(product)
    assert first["from"] == "ann@mail.example"
    assert first["delivery"] == {
        "recipient": "zoe@c.example",
        "action": "failed",
        "status": "5.1.1",
        "permanent": True,
        "diagnostic": "smtp; 550 5.1.1 user unknown",
        "reportedAt": AT,
    }
    assert second["delivery"]["recipient"] == "max@c.example"


async def test_our_return_path_names_the_mail_and_one_that_is_made_up_does_not(
    product: Product, ses: Ses
) -> None:
    inbox = await product.inboxes.create(None, "ann@mail.example")
    wanted = Wanted(to=("zoe@c.example", "max@c.example"), text="Hello")
    message = (await product.sending().send("key_1", inbox.id, wanted)).message
    forged = f"bounces+{'0' * 42}@mail.example"
    for number, source in enumerate((forged, TOKENS.return_path(message.id, "mail.example"))):
        told = {**BOUNCED, "mail": {**MAIL, "source": source, "headers": []}}
        await ses.take(sns_topic.signed(told, now(product), MessageId=str(number)))
    bounced = [each for each in await payloads(product) if "delivery" in each]
    assert [each["id"] for each in bounced] == [message.id, message.id]
    assert {each["address"]: each["status"] for each in bounced[-1]["recipients"]} == {
        "zoe@c.example": "bounced",
        "max@c.example": "bounced",
    }
    # A delivery report that comes by mail, or the same by another topic, tells nothing new.
    told = {**BOUNCED, "mail": {**MAIL, "source": TOKENS.return_path(message.id, "mail.example")}}
    await ses.take(sns_topic.signed(told, now(product), MessageId="another"))
    assert len([each for each in await payloads(product) if "delivery" in each]) == 2


@pytest.mark.parametrize(
    ("kind", "suppressed"), [("Permanent", ["zoe@c.example"]), ("Transient", [])]
)
async def test_only_a_permanent_bounce_suppresses_whatever_its_code(
    product: Product, ses: Ses, kind: str, suppressed: list[str]
) -> None:
    inbox = await product.inboxes.create(None, "ann@mail.example")
    wanted = Wanted(to=("zoe@c.example",), text="Hello")
    message = (await product.sending().send("key_1", inbox.id, wanted)).message
    bounce = {**BOUNCE, "bounceType": kind, "bouncedRecipients": BOUNCE["bouncedRecipients"][:1]}
    source = TOKENS.return_path(message.id, "mail.example")
    told = {"eventType": "Bounce", "mail": {**MAIL, "source": source}, "bounce": bounce}
    await ses.take(sns_topic.signed(told, now(product)))
    rows = await product.rows("SELECT address FROM suppressions")
    assert [row[0] for row in rows] == suppressed


async def test_what_comes_again_changes_nothing(product: Product, ses: Ses) -> None:
    message = sns_topic.signed(BOUNCED, now(product))
    await asyncio.gather(*(ses.take(message) for _ in range(3)))
    await ses.take(sns_topic.signed(BOUNCED, now(product), version="2"))
    assert await product.count("events") == 2
    await ses.take(sns_topic.signed(BOUNCED, now(product), MessageId="another"))
    assert await product.count("events") == 4


async def test_a_certificate_is_fetched_once_and_few_are_kept(
    product: Product, ses: Ses, network: Network
) -> None:
    message = sns_topic.signed("hello", now(product))
    await asyncio.gather(*(ses.take(message) for _ in range(5)))
    assert network.fetched == [sns_topic.CERTIFICATE_URL]
    for number in range(MOST_CERTIFICATES):
        url = sns_topic.CERTIFICATE_URL.replace("0123", f"{number:04d}")
        await ses.take(sns_topic.signed("hello", now(product), SigningCertURL=url))
    await ses.take(message)
    assert network.fetched.count(sns_topic.CERTIFICATE_URL) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:theirs"},
        {"SigningCertURL": "https://evil.example/SimpleNotificationService-0af1.pem"},
        {"Timestamp": "2020-01-01T00:00:00.000Z"},
    ],
)
async def test_for_what_is_not_ours_or_stale_nothing_is_fetched(
    product: Product, ses: Ses, network: Network, change: dict[str, str]
) -> None:
    with pytest.raises(Forbidden):
        await ses.take(sns_topic.signed(BOUNCED, now(product), **change))
    assert network.fetched == []
    assert await product.count("events") == 0


async def test_a_forged_notification_changes_nothing(product: Product, ses: Ses) -> None:
    forged = {**sns_topic.signed("hello", now(product)), "Message": orjson.dumps(BOUNCED).decode()}
    with pytest.raises(Forbidden, match="does not prove"):
        await ses.take(forged)
    assert await product.count("events") == 0


async def test_a_subscription_is_confirmed_by_fetching_its_url(
    product: Product, ses: Ses, network: Network
) -> None:
    await ses.take(sns_topic.confirmation(now(product)))
    assert network.fetched == [sns_topic.CERTIFICATE_URL, sns_topic.SUBSCRIBE_URL]
    await ses.take(sns_topic.confirmation(now(product), "UnsubscribeConfirmation"))
    assert network.fetched == [sns_topic.CERTIFICATE_URL, sns_topic.SUBSCRIBE_URL]


async def test_a_subscription_elsewhere_is_not_confirmed(
    product: Product, ses: Ses, network: Network
) -> None:
    elsewhere = sns_topic.confirmation(now(product), SubscribeURL="https://evil.example/")
    with pytest.raises(Forbidden):
        await ses.take(elsewhere)
    assert network.fetched == [sns_topic.CERTIFICATE_URL]


async def test_while_the_network_or_the_store_fails_it_is_to_come_again(
    product: Product, ses: Ses, network: Network
) -> None:
    message = sns_topic.signed(BOUNCED, now(product))
    network.down = True
    with pytest.raises(Unavailable):
        await ses.take(message)
    network.down = False
    product.no_room = StoreFailed("the disk is full")
    with pytest.raises(StoreFailed):
        await ses.take(message)
    product.no_room = None
    await ses.take(message)
    assert await product.count("events") == 2


async def test_a_mail_that_ses_received_is_stored_for_those_it_is_for(
    product: Product, ses: Ses
) -> None:
    inbox = await product.inboxes.create(None, "ann@mail.example")
    received = {
        "notificationType": "Received",
        "mail": {**MAIL, "source": "bob@elsewhere.example"},
        "receipt": {
            "recipients": ["nobody@mail.example", "ann@mail.example", "x@foreign.example"],
            "action": {"type": "SNS", "encoding": "UTF-8"},
        },
        "content": mail("From afar").decode(),
    }
    message = sns_topic.signed(received, now(product))
    await ses.take(message)
    await ses.take(message)
    stored = [each for each in await payloads(product) if "subject" in each]
    assert [each["subject"] for each in stored] == ["From afar"]
    assert stored[0]["inboxId"] == inbox.id
    assert stored[0]["envelopeFrom"] == "bob@elsewhere.example"


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "[]",
        {"eventType": "Bounce"},
        {"eventType": "Send", "mail": MAIL, "send": {}},
        {
            "notificationType": "Received",
            "mail": MAIL,
            "receipt": {"recipients": ["ann@mail.example"], "action": {"type": "S3"}},
        },
        {**BOUNCED, "mail": {**MAIL, "source": "bounces+token@mail.example"}},
    ],
)
async def test_what_tells_nothing_here_is_taken_so_that_it_does_not_come_again(
    product: Product, ses: Ses, message: Any
) -> None:
    await ses.take(sns_topic.signed(message, now(product)))
    assert await product.count("events") == 0

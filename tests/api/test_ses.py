"""``POST /ses``, as SNS posts to it."""

from io import BytesIO
from typing import Any

import orjson

from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.tokens import Tokens
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.ses import Ses
from tests import sns_topic
from tests.api.conftest import PUBLIC_URL, Api
from tests.unit.test_ses import BOUNCE, MAIL

NOW = SystemClock().now()
MESSAGE = sns_topic.signed({"notificationType": "Bounce", "mail": MAIL, "bounce": BOUNCE}, NOW)
PLAIN = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}


async def fetch(_url: str) -> bytes:
    return sns_topic.certificate(NOW)


class Room:
    """Whether there is room on the disk."""

    failure: Exception | None = None

    def ensure(self) -> None:
        if self.failure is not None:
            raise self.failure


async def serve(api: Api, room: Room | None = None) -> str:
    """Serve an API that takes notifications; returns where."""
    context = api.context
    publisher = api.intake._publisher
    reports = Reports(publisher, PUBLIC_URL)
    ensure = (room or Room()).ensure
    lines = EventLines(context.store, publisher, api.intake, reports, ensure)
    report_mail = ReportMail(reports, Tokens(b"the secret of the tests"))
    return await api.serve(ses=Ses(lines, report_mail, (sns_topic.TOPIC,), fetch, context.clock))


async def post(api: Api, url: str, body: Any) -> tuple[int, dict[str, Any]]:
    data = orjson.dumps(body) if isinstance(body, dict) else body
    async with api.session.post(f"{url}/ses", data=data, headers=PLAIN) as answer:
        return answer.status, await answer.json()


async def test_a_signed_notification_needs_no_key(api: Api) -> None:
    url = await serve(api)
    assert await post(api, url, MESSAGE) == (200, {"received": True})
    logged = await api.get("/v1/events?type=message.bounced")
    assert [event["payload"]["delivery"]["recipient"] for event in logged] == [
        "zoe@c.example", "max@c.example",
    ]  # fmt: skip


async def test_refusals_are_told_with_their_codes(api: Api) -> None:
    url = await serve(api)
    forged = {**MESSAGE, "Message": "other"}
    foreign = sns_topic.signed("hello", NOW, TopicArn="arn:aws:sns:eu-west-1:1:theirs")
    for body, status, code in (
        (forged, 403, "invalid_signature"),
        (foreign, 403, "foreign_topic"),
        (b"nonsense", 400, "invalid_json"),
        ({"eventType": "Bounce"}, 400, "not_sns"),
        (BytesIO(b" " * (1024 * 1024 + 1)), 413, "body_too_large"),
    ):
        answered, document = await post(api, url, body)
        assert (answered, document["code"]) == (status, code)
    assert await api.get("/v1/events") == []


async def test_without_topics_nobody_is_believed(api: Api) -> None:
    status, document = await post(api, api.url, MESSAGE)
    assert (status, document["code"]) == (403, "foreign_topic")


async def test_a_failing_store_asks_for_it_again(api: Api) -> None:
    room = Room()
    url = await serve(api, room)
    room.failure = StoreFailed("the disk is full")
    status, document = await post(api, url, MESSAGE)
    assert (status, document["code"]) == (503, "store_unavailable")
    room.failure = None
    assert (await post(api, url, MESSAGE))[0] == 200
    assert len(await api.get("/v1/events")) == 2

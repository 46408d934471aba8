"""What another implementation of SNS signs is believed here."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws

from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.errors import Forbidden
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.ses import Ses
from tests.unit.test_ses import BOUNCE, MAIL
from tests.usecases.product import TOKENS, Product

CREDENTIALS = {
    "region_name": "eu-west-1",
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
}


@pytest.fixture
def published() -> Iterator[dict[str, Any]]:
    """A bounce as it comes out of a topic."""
    with mock_aws():
        sns, sqs = (boto3.client(name, **CREDENTIALS) for name in ("sns", "sqs"))
        topic = sns.create_topic(Name="mail")["TopicArn"]
        queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        bounce = {"notificationType": "Bounce", "mail": MAIL, "bounce": BOUNCE}
        sns.publish(TopicArn=topic, Message=json.dumps(bounce))
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        yield json.loads(message["Body"])


async def fetch(url: str) -> bytes:
    return (await asyncio.to_thread(requests.get, url, timeout=10)).content


async def test_a_message_that_moto_signed_is_taken_and_a_changed_one_is_not(
    product: Product, published: dict[str, Any]
) -> None:
    product.clock.wall = SystemClock().now() + 1000  # its certificate is made now
    lines = EventLines(
        product.store, product.publisher, product.intake(), product.reports, product.ensure_room
    )
    ses = Ses(
        lines, ReportMail(product.reports, TOKENS), (published["TopicArn"],), fetch, product.clock
    )
    await ses.take(published)
    assert await product.count("events") == 2
    with pytest.raises(Forbidden, match="does not prove"):
        await ses.take({**published, "MessageId": "another"})
    assert await product.count("events") == 2

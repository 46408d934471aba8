import base64
from typing import Any

import pytest

from sendook_lite.domain import sns
from sendook_lite.domain.errors import Forbidden, Invalid
from tests import sns_topic
from tests.fakes import START

DAY = 24 * 3600 * 1000


def verify(document: dict[str, Any], now: int = START) -> None:
    sns.verify(sns.read_message(document), sns_topic.certificate(START), now)


def test_what_is_signed_is_written_as_amazon_documents_it() -> None:
    notification = sns_topic.signed("hi", START, Subject="s", MessageId="m", TopicArn="t")
    assert sns.read_message(notification).canonical == (
        b"Message\nhi\nMessageId\nm\nSubject\ns\nTimestamp\n2026-03-01T09:10:00.000Z\n"
        b"TopicArn\nt\nType\nNotification\n"
    )
    without_subject = sns_topic.signed("hi", START)
    assert b"Subject" not in sns.read_message(without_subject).canonical
    confirmation = sns_topic.confirmation(START, SubscribeURL="https://u", Token="k")
    assert b"\nSubscribeURL\nhttps://u\nTimestamp\n" in sns.read_message(confirmation).canonical
    assert b"\nToken\nk\nTopicArn\n" in sns.read_message(confirmation).canonical


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_prove_a_message(version: str) -> None:
    verify(sns_topic.signed("hällo", START, version=version, Subject="s"))
    verify(sns_topic.confirmation(START, version=version))
    verify(sns_topic.confirmation(START, "UnsubscribeConfirmation", version=version))


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "other"},
        {"Subject": "added"},
        {"MessageId": "other"},
        {"Timestamp": "2026-03-01T09:10:01.000Z"},
        {"TopicArn": "other"},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"Signature": base64.b64encode(b"x" * 256).decode()},
    ],
)
def test_a_changed_message_is_not_proven(change: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="does not prove"):
        verify({**sns_topic.signed("hi", START), **change})


def test_a_certificate_counts_only_while_it_is_valid() -> None:
    for now in (START - 2 * DAY, START + 2 * DAY):
        with pytest.raises(Forbidden, match="does not prove"):
            verify(sns_topic.signed("hi", START), now)
    message = sns.read_message(sns_topic.signed("hi", START))
    with pytest.raises(Forbidden, match="does not prove"):
        sns.verify(message, b"no certificate", START)


@pytest.mark.parametrize(
    "change",
    [
        {"Type": None},
        {"Type": "Other"},
        {"MessageId": None},
        {"Message": 5},
        {"Signature": "not base64!"},
        {"Timestamp": "yesterday"},
        {"SigningCertURL": ""},
        {"Type": "SubscriptionConfirmation"},
    ],
)
def test_what_is_no_message_of_sns_is_told_so(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sns.read_message({**sns_topic.signed("hi", START), **change})


@pytest.mark.parametrize(
    "host",
    [
        "sns.us-east-1.amazonaws.com",
        "sns.us-gov-west-1.amazonaws.com",
        "sns.cn-north-1.amazonaws.com.cn",
    ],
)
def test_certificates_come_from_sns(host: str) -> None:
    sns.check_certificate_url(f"https://{host}/SimpleNotificationService-0af1.pem")


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0af1.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0af1.pem",
        "https://evil.example#sns.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem",
        "https://evil.example\\@sns.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0af1.pem",
        "https://s3.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0af1.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/x/SimpleNotificationService-0af1.pem",
        "https://[sns.us-east-1.amazonaws.com]/SimpleNotificationService-0af1.pem",
        "",
    ],
)
def test_certificates_come_from_nowhere_else(url: str) -> None:
    with pytest.raises(Forbidden):
        sns.check_certificate_url(url)


def test_a_message_has_a_day_to_come_and_may_be_a_little_ahead() -> None:
    message = sns.read_message(sns_topic.signed("hi", START))
    for now in (START, START + DAY, START - 15 * 60 * 1000):
        sns.check_age(message, now)
    for now in (START + DAY + 1, START - 15 * 60 * 1000 - 1):
        with pytest.raises(Forbidden, match="too far"):
            sns.check_age(message, now)

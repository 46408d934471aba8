"""The relay: where it is, who may be told, and that nothing is sent in the open unasked."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sendook_lite.domain.submission import Mailing
from sendook_lite.outbound.relay import (
    CaptureRelay,
    RelayFailed,
    SmtpRelay,
    build_relay,
    hand_over,
)
from sendook_lite.outbound.relay_address import RelayAddress, parse_relay
from tests.delivery.servers import Authority, closed_port
from tests.mailbox import Mailbox


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "us@here.example"
    message["To"] = "ann@there.example"
    message["Subject"] = "Grüße"
    message.set_content("Schöne Grüße\n.\nfrom us\n")
    return message


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("smtp://mx.example", RelayAddress("smtp", "mx.example", 25)),
        ("smtp://mx.example:2525/", RelayAddress("smtp", "mx.example", 2525)),
        ("smtp+starttls://u:p@mx.example",
         RelayAddress("smtp+starttls", "mx.example", 587, "u", "p")),
        ("smtps://us%40here.example:p%2F%3A%20%25@mx.example",
         RelayAddress("smtps", "mx.example", 465, "us@here.example", "p/: %")),
        ("smtp://[::1]:25", RelayAddress("smtp", "::1", 25)),
    ],
)  # fmt: skip
def test_a_relay_is_named_by_a_url(url: str, address: RelayAddress) -> None:
    assert parse_relay(url) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://u:secret@mx.example", "must begin with"),
        ("smtp://u:secret@", "no host"),
        ("smtp://u:secret@mx.example:port", "port"),
        ("smtp://u:secret@mx.example:70000", "port"),
        ("smtp://u:secret/@mx.example", "port"),
        ("smtp://mx.example/secret", "behind the port"),
        ("smtp://mx.example?secret", "behind the port"),
    ],
)
def test_what_cannot_be_used_is_refused_without_repeating_it(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_relay(url)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(parse_relay("smtp://u:secret@mx.example"))


def test_no_url_is_no_relay() -> None:
    assert build_relay("", "here.example") is None
    assert isinstance(build_relay("capture:", "here.example"), CaptureRelay)
    assert isinstance(build_relay("smtp://mx.example", "here.example"), SmtpRelay)


async def send(url: str, *recipients: str) -> dict[str, str]:
    relay = build_relay(url, "here.example")
    assert relay is not None
    mailing = Mailing(mail().as_bytes(), "us@here.example", recipients)
    return await hand_over(relay, mailing)


async def test_a_mail_arrives_whole_with_its_envelope() -> None:
    with Mailbox() as box:
        url = f"smtp://127.0.0.1:{box.port}"
        assert await send(url, "ann@there.example", "eve@there.example") == {}
    (kept,) = box.kept
    assert (kept.sender, kept.tls) == ("us@here.example", False)
    assert kept.recipients == ["ann@there.example", "eve@there.example"]
    assert kept.mail["Subject"] == "Grüße"
    assert kept.mail.get_content().splitlines() == ["Schöne Grüße", ".", "from us"]
    assert box.greeting == "here.example"


async def test_one_recipient_who_is_refused_keeps_it_from_no_other() -> None:
    with Mailbox(refused=("eve@there.example",)) as box:
        url = f"smtp://127.0.0.1:{box.port}"
        refused = await send(url, "ann@there.example", "eve@there.example")
    assert refused == {"eve@there.example": "550 5.1.1 nobody of that name"}
    assert box.kept[0].recipients == ["ann@there.example"]


async def test_when_everybody_is_refused_it_has_failed() -> None:
    with (
        Mailbox(refused=("eve@there.example",)) as box,
        pytest.raises(RelayFailed, match="nobody of that name"),
    ):
        await send(f"smtp://127.0.0.1:{box.port}", "eve@there.example")
    assert box.kept == []


async def test_a_relay_that_is_down_has_failed() -> None:
    with pytest.raises(RelayFailed, match=r"127\.0\.0\.1"):
        await send(f"smtp://127.0.0.1:{closed_port()}", "ann@there.example")


@pytest.mark.parametrize("security", ["smtp+starttls", "smtps"])
async def test_a_login_goes_through_tls_to_a_relay_that_can_prove_its_name(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    context = authority.context("localhost")
    upgraded = security == "smtp+starttls"
    box = Mailbox(starttls=context) if upgraded else Mailbox(tls=context)
    with box:
        url = f"{security}://localhost:{box.port}"
        with pytest.raises(RelayFailed, match=r"(?i)certificate"):
            await send(url, "ann@there.example")
        monkeypatch.setenv("SSL_CERT_FILE", authority.file)
        await send(url, "ann@there.example")
    (kept,) = box.kept
    assert kept.tls


@pytest.mark.parametrize(("password", "taken"), [("p%3Aq", 1), ("wrong", 0)])
async def test_user_and_password_are_those_of_the_url(password: str, taken: int) -> None:
    with Mailbox(login=("us@here.example", "p:q")) as box:
        url = f"smtp://us%40here.example:{password}@127.0.0.1:{box.port}"
        if taken:
            await send(url, "ann@there.example")
            assert box.kept[0].user == "us@here.example"
        else:
            with pytest.raises(RelayFailed) as caught:
                await send(url, "ann@there.example")
            assert "wrong" not in caught.value.message
    assert len(box.kept) == taken


async def test_a_relay_without_starttls_is_given_no_password() -> None:
    with (
        Mailbox(login=("u", "p")) as box,
        pytest.raises(RelayFailed, match=r"(?i)starttls"),
    ):
        await send(f"smtp+starttls://u:p@127.0.0.1:{box.port}", "ann@there.example")
    assert box._user is None


async def test_capturing_tells_only_what_would_be_sent() -> None:
    with capture_logs() as logs:
        assert await send("capture:", "ann@there.example") == {}
    assert logs == [
        {
            "event": "a mail was captured",
            "recipients": ["ann@there.example"],
            "log_level": "info",
        }
    ]

"""What the relay says, and how long to wait for it."""

import pytest

from sendook_lite.domain.submission import (
    BACKOFF_SECONDS,
    GIVE_UP_AFTER_MS,
    Mailing,
    Reply,
    backoff,
    rank,
)
from sendook_lite.outbound.smtp_connection import xtext


@pytest.mark.parametrize(
    ("reply", "taken", "refused", "enhanced"),
    [
        (Reply(250, "2.0.0 ok"), True, False, "2.0.0"),
        (Reply(251, "forwarded"), True, False, None),
        (Reply(450, "4.2.0 greylisted"), False, False, "4.2.0"),
        (Reply(550, "5.1.1 <a@b> unknown"), False, True, "5.1.1"),
        (Reply(554, "no"), False, True, None),
        (Reply(0, "the relay closed the connection"), False, False, None),
        (Reply(550, "5.1.1234 no"), False, True, None),
    ],
)
def test_a_reply_is_one_of_three(
    reply: Reply, *, taken: bool, refused: bool, enhanced: str | None
) -> None:
    assert (reply.taken, reply.refused, reply.enhanced) == (taken, refused, enhanced)


def test_waits_grow_to_an_hour_and_mail_is_given_up_after_three_days() -> None:
    assert [backoff(tries) for tries in range(1, 8)] == [60, 180, 600, 1800, 3600, 3600, 3600]
    assert backoff(0) == BACKOFF_SECONDS[0]
    assert GIVE_UP_AFTER_MS == 72 * 3600 * 1000


def test_what_is_known_of_a_recipient_has_an_order() -> None:
    order = ["queued", "sent", "delayed", "rejected", "delivered", "bounced", "complained"]
    assert [rank(status) for status in order] == sorted(rank(status) for status in order)
    assert rank("nonsense") == -1


@pytest.mark.parametrize(
    ("raw", "ascii_only"),
    [
        (b"A: b\r\n\r\n\xc3", True),
        (b"A: b\n\n\xc3", True),
        (b"A: \xc3\r\n\r\nb", False),
        (b"A: \xc3", False),
    ],
)
def test_only_the_header_needs_to_be_ascii(raw: bytes, *, ascii_only: bool) -> None:
    assert Mailing(raw, "a@x", ("b@x",)).header_is_ascii is ascii_only


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("a@x.example", "a@x.example"),
        ("a+b=c@x", "a+2Bb+3Dc@x"),
        ('"a b"@x', '"a+20b"@x'),
        ("ä@x", "\\x{E4}@x"),
        ("\r\n", "+0D+0A"),
    ],
)
def test_addresses_are_encoded_for_delivery_reports(text: str, encoded: str) -> None:
    assert xtext(text) == encoded

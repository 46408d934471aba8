"""Events: the bytes that are sent, and who wants them."""

import orjson
import pytest

from sendook_lite.domain.events import EVENT_TYPES, payload_of, render_body, wants


def test_there_are_nine_events_with_plain_names() -> None:
    assert len(set(EVENT_TYPES)) == 9
    assert {name.partition(".")[0] for name in EVENT_TYPES} == {"inbox", "message"}


def test_a_body_has_its_fields_in_a_fixed_order() -> None:
    body = render_body(
        "message.received",
        "evt_1",
        1_772_356_200_000,
        {"text": "ü"},
        inbox_id="inbox_1",
        message_id="msg_1",
    )
    assert body.decode() == (
        '{"event":"message.received","eventId":"evt_1","createdAt":"2026-03-01T09:10:00.000Z",'
        '"inboxId":"inbox_1","messageId":"msg_1","payload":{"text":"ü"}}'
    )
    assert payload_of(body) == {"text": "ü"}


def test_what_an_event_is_not_about_is_absent() -> None:
    fields = orjson.loads(render_body("inbox.created", "evt_1", 0, {}))
    assert list(fields) == ["event", "eventId", "createdAt", "payload"]


@pytest.mark.parametrize(
    ("subscribed", "inbox_ids", "inbox_id", "wanted"),
    [
        ({"message.sent"}, set(), "inbox_1", True),
        ({"message.sent"}, set(), None, True),
        ({"message.sent"}, {"inbox_1"}, "inbox_1", True),
        ({"message.sent"}, {"inbox_1"}, "inbox_2", False),
        ({"message.sent"}, {"inbox_1"}, None, False),
        ({"message.received"}, set(), "inbox_1", False),
        (set(), set(), "inbox_1", False),
    ],
)
def test_a_subscription_names_events_and_maybe_inboxes(
    subscribed: set[str],
    inbox_ids: set[str],
    inbox_id: str | None,
    wanted: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    assert wants(subscribed, inbox_ids, "message.sent", inbox_id) is wanted

"""The limit of a webhook body: what is given up first, and that the rest stays whole."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.body_limit import fit
from sendook_lite.domain.events import render_body

LIMIT = 4096


def body_of(payload: dict[str, Any]) -> bytes:
    identifier = "x" * 32
    return render_body(
        "message.complained", identifier, 0, payload, inbox_id=identifier, message_id=identifier
    )


def message(**fields: Any) -> dict[str, Any]:
    return {"id": "msg_1", "text": "short", "fullText": "short", "html": "<p>", **fields}


def test_what_fits_is_left_alone() -> None:
    payload = message()
    assert fit(payload, LIMIT) is payload


def test_inline_attachments_go_first_and_nothing_else() -> None:
    attachment = {"name": "a", "size": 9000, "url": "http://x", "content": "x" * 9000}
    cut = fit(message(attachments=[attachment]), LIMIT)
    assert cut["attachments"] == [{"name": "a", "size": 9000, "url": "http://x"}]
    assert (cut["text"], cut["truncated"]) == ("short", True)


def test_then_the_ends_of_texts_go_and_a_short_text_leaves_its_room_to_the_others() -> None:
    cut = fit(message(html="h" * 9000, fullText="f" * 9000), LIMIT)
    assert cut["text"] == "short"
    assert "f" * 1000 in cut["fullText"]
    assert "h" * 1000 in cut["html"]
    assert LIMIT - 512 <= len(body_of(cut)) <= LIMIT


def test_then_headers_and_the_ends_of_long_lists_go() -> None:
    payload = message(headers={"X": "y" * 5000}, to=["a@b.example"] * 500, text="t" * 5000)
    cut = fit(payload, LIMIT)
    assert "headers" not in cut
    assert cut["to"] == ["a@b.example"] * 50
    assert 0 < len(cut["text"]) < 5000
    assert len(body_of(cut)) <= LIMIT


def test_the_payload_that_came_in_is_not_changed() -> None:
    payload = message(text="t" * 9000, attachments=[{"content": "x" * 9000}])
    before = orjson.dumps(payload)
    fit(payload, LIMIT)
    assert orjson.dumps(payload) == before


@pytest.mark.parametrize("text", ["ü" * 9000, "\n" * 9000, "\x01" * 9000, "🎉" * 9000, '"' * 9000])
def test_a_limit_counts_the_bytes_that_are_sent(text: str) -> None:
    cut = fit({"text": text}, LIMIT)
    assert text.startswith(cut["text"])
    assert LIMIT - 600 < len(body_of(cut)) <= LIMIT


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.text(max_size=50).map(lambda text: text * 100),
            "fullText": st.text(max_size=50).map(lambda text: text * 200),
            "html": st.text(max_size=50).map(lambda text: text * 300),
            "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=2000), max_size=5),
            "attachments": st.lists(
                st.fixed_dictionaries({"name": st.text(max_size=5), "content": st.text()}),
                max_size=5,
            ),
            "to": st.lists(st.just("someone@somewhere.example"), max_size=200),
        },
    )
)
def test_no_payload_is_ever_above_the_limit(payload: dict[str, Any]) -> None:
    cut = fit(payload, LIMIT)
    assert len(body_of(cut)) <= LIMIT
    for name in ("text", "fullText", "html"):
        assert payload.get(name, "").startswith(cut.get(name, ""))

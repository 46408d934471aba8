"""Searching, labelling and deleting mail over the API, and threads page by page."""

from urllib.parse import quote

import pytest

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store import messages, search
from sendook_lite.store.tx import Tx
from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, PUBLIC_URL, Api
from tests.api.test_reading import ADDRESS, mail


async def make_box(api: Api, *subjects: str) -> tuple[str, list[str]]:
    """Make an inbox with a mail for every subject; returns the path of its messages, their ids."""
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    ids = [
        await api.receive(ADDRESS, mail(subject, number=n).as_bytes())
        for n, subject in enumerate(subjects)
    ]
    return f"/v1/inboxes/{inbox['id']}/messages", ids


async def test_mail_is_found_by_words_and_filters(api: Api) -> None:
    path, (lunch, invoice, tokyo) = await make_box(api, "Lunch", "Invoice 77", "東京都の天気")
    await api.call("PATCH", f"{path}/{invoice}", {"labels": [" To Do ", "x"]})
    for asked, expected in {
        "query=invoice": [invoice],
        "query=INV": [invoice],
        f"query={quote('京都')}": [tokyo],
        "query=text": [tokyo, invoice, lunch],
        "query=text&label=x": [invoice],
        f"label={quote('to do')}": [invoice],
        "label=to": [],
        "from=bob@example.org&query=lunch": [lunch],
        "from=EXAMPLE.ORG&limit=2": [tokyo, invoice],
        "from=example.com": [],
        "since=2020-01-01T00:00:00Z": [tokyo, invoice, lunch],
        "until=2020-01-01T00:00:00Z": [],
        "since=2020-01-01&until=2999-01-01&query=lunch": [lunch],
        "query=": [tokyo, invoice, lunch],
        "query=%00%22%27*": [],
        "query=%ED%A0%80": [],
        "query=%FF": [],
    }.items():
        reply = await api.call("GET", f"{path}?{asked}")
        assert reply.status == 200, reply.raw
        assert [each["id"] for each in reply.json] == expected, asked
        assert "Sendook-Search" not in reply.headers


async def test_a_search_goes_on_at_its_link(api: Api) -> None:
    path, ids = await make_box(api, "One", "Two", "Three")
    reply = await api.call("GET", f"{path}?query=text&limit=2&from=example.org")
    assert [each["id"] for each in reply.json] == ids[:0:-1]
    link = reply.headers["Link"]
    assert link.endswith('>; rel="next"')
    rest = await api.get(link[1 : link.index(">")].removeprefix(PUBLIC_URL))
    assert [each["id"] for each in rest] == ids[:1]


async def test_a_search_says_when_it_may_have_missed_something(api: Api) -> None:
    path, ids = await make_box(api, "One")
    await api.get(f"{path}?query=one")

    def as_migrated(tx: Tx) -> None:
        tx.execute("UPDATE search_state SET oldest = 2, newest = 1")

    await api.context.store.writer.write(as_migrated)
    reply = await api.call("GET", f"{path}?query=text")
    assert reply.headers["Sendook-Search"] == "incomplete"
    assert "Sendook-Search" not in (await api.call("GET", path)).headers
    while await api.context.store.writer.write(search.add_older):
        pass
    reply = await api.call("GET", f"{path}?query=text")
    assert "Sendook-Search" not in reply.headers
    assert [each["id"] for each in reply.json] == ids


async def test_a_search_answers_while_the_store_cannot_write(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ids = await make_box(api, "One")
    await api.get(f"{path}?query=one")
    await api.receive(ADDRESS, mail("Two", number=7).as_bytes())

    async def fail(*_: object) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(api.context.store.writer, "write", fail)
    reply = await api.call("GET", f"{path}?query=text")
    assert reply.headers["Sendook-Search"] == "incomplete"
    assert [each["id"] for each in reply.json] == ids


@pytest.mark.parametrize("parameter", ["since=yesterday", "until=1", "limit=0", "before=x"])
async def test_what_is_asked_for_wrongly_is_told(api: Api, parameter: str) -> None:
    path, _ = await make_box(api)
    assert_envelope(await api.call("GET", f"{path}?{parameter}"), 400, "validation_failed")


async def test_labels_are_replaced_and_judged(api: Api) -> None:
    path, (message,) = await make_box(api, "One")
    reply = await api.call("PATCH", f"{path}/{message}", {"labels": [" urgent ", "To do"]})
    assert reply.status == 200
    assert reply.json["labels"] == ["urgent", "To do"]
    assert reply.json == await api.get(f"{path}/{message}")
    many = [f"label {n}" for n in range(20)]
    assert (await api.call("PATCH", f"{path}/{message}", {"labels": many})).json["labels"] == many
    for wrong in ([*many, "one more"], [""], [" "], ["x" * 101], ["a", "a"], ["a\nb"], [1], "a"):
        reply = await api.call("PATCH", f"{path}/{message}", {"labels": wrong})
        assert_envelope(reply, 400, "validation_failed")
    assert_envelope(await api.call("PATCH", f"{path}/{message}", {}), 400)
    assert (await api.get(f"{path}/{message}"))["labels"] == many
    reply = await api.call("PATCH", f"{path}/{message}", {"labels": ["x" * 100]})
    assert reply.json["labels"] == ["x" * 100]
    assert (await api.call("PATCH", f"{path}/{message}", {"labels": []})).json["labels"] == []
    reply = await api.call("PATCH", f"{path}/msg_{ABSENT}", {"labels": []})
    assert_envelope(reply, 404, "message_not_found")


async def test_a_deleted_message_is_answered_and_gone(api: Api) -> None:
    path, (message, other) = await make_box(api, "One", "Two")
    shown = await api.get(f"{path}/{message}")
    reply = await api.call("DELETE", f"{path}/{message}")
    assert (reply.status, reply.json) == (200, shown)
    for method, rest in (("GET", ""), ("GET", "/raw"), ("DELETE", "")):
        reply = await api.call(method, f"{path}/{message}{rest}")
        assert_envelope(reply, 404, "message_not_found")
    assert [each["id"] for each in await api.get(path)] == [other]
    threads = path.replace("/messages", "/threads")
    assert [each["messages"] for each in await api.get(threads)] == [[other]]
    assert_envelope(await api.call("GET", f"{threads}/{shown['threadId']}"), 404)


async def test_a_long_thread_comes_in_pages_oldest_first(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, (first,) = await make_box(api, "One")
    ids = [first]
    for number in range(1, 5):
        raw = mail("Re: One", number=number, reply_to=0).as_bytes()
        ids.append(await api.receive(ADDRESS, raw))
    thread = (await api.get(f"{path}/{first}"))["threadId"]
    where = path.replace("/messages", f"/threads/{thread}")
    whole = await api.call("GET", where)
    assert [each["id"] for each in whole.json["messages"]] == ids
    assert "truncated" not in whole.json
    assert "Link" not in whole.headers
    seen, next_page, pages = [], f"{where}?limit=2", 0
    while next_page:
        reply = await api.call("GET", next_page)
        seen += [each["id"] for each in reply.json["messages"]]
        link = reply.headers.get("Link", "<>")
        assert reply.json.get("truncated", False) == (link != "<>")
        next_page = link[1 : link.index(">")].removeprefix(PUBLIC_URL)
        pages += 1
    assert (seen, pages) == (ids, 3)
    monkeypatch.setattr(messages, "PAGE_BYTES", 1)
    reply = await api.call("GET", where)
    assert [each["id"] for each in reply.json["messages"]] == ids[:1]
    assert reply.json["truncated"] is True

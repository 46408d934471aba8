"""Messages, threads, events and deliveries, as they are read."""

import base64
from email.message import EmailMessage

import aiohttp
import pytest
from structlog.testing import capture_logs

from sendook_lite.api.downloads import content_disposition, media_type
from sendook_lite.store.tx import Tx
from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, PUBLIC_URL, Api

ADDRESS = "ann@localhost.test"


def mail(subject: str = "Hello", *, number: int = 1, reply_to: int | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Bob <bob@example.org>"
    message["To"] = ADDRESS
    message["Subject"] = subject
    message["Message-ID"] = f"<{number}@example.org>"
    if reply_to is not None:
        message["In-Reply-To"] = f"<{reply_to}@example.org>"
    message.set_content(f"Text {number}\n")
    return message


async def test_messages_are_listed_and_shown(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    ids = [await api.receive(ADDRESS, mail(number=n).as_bytes()) for n in range(3)]
    path = f"/v1/inboxes/{inbox['id']}/messages"
    listed = await api.get(path)
    assert [message["id"] for message in listed] == ids[::-1]
    assert await api.get(f"{path}/{ids[0]}") == listed[2]
    assert listed[2]["subject"] == "Hello"
    page = await api.call("GET", f"{path}?limit=2&unknown=ignored")
    assert [message["id"] for message in page.json] == ids[:0:-1]
    assert page.headers["Link"].startswith(f"<{PUBLIC_URL}{path}?")
    assert [m["id"] for m in await api.get(f"{path}?before={ids[1]}")] == ids[:1]


async def test_a_message_is_reached_only_through_its_own_inbox(api: Api) -> None:
    await api.make("/v1/inboxes", {"email": ADDRESS})
    other = await api.make("/v1/inboxes", {})
    message = await api.receive(ADDRESS, mail().as_bytes())
    path = f"/v1/inboxes/{other['id']}"
    for rest in ("", "/raw", f"/attachments/att_{ABSENT}"):
        reply = await api.call("GET", f"{path}/messages/{message}{rest}")
        assert_envelope(reply, 404, "message_not_found")


@pytest.mark.parametrize("size", [10, 300_000])
async def test_raw_is_byte_for_byte_what_came(api: Api, size: int) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    raw = mail().as_bytes().replace(b"Text 1", b"x" * size) + b"\x00\xff no text"
    message = await api.receive(ADDRESS, raw)
    path = f"/v1/inboxes/{inbox['id']}/messages/{message}/raw"
    reply = await api.call("GET", path)
    assert reply.raw == raw
    assert reply.headers["Content-Type"] == "message/rfc822"
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{message}.eml"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Length"] == str(len(raw))
    head = await api.call("HEAD", path)
    assert (head.status, head.raw, head.headers["Content-Length"]) == (200, b"", str(len(raw)))


async def test_a_raw_message_that_ends_early_ends_the_connection(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    message = await api.receive(ADDRESS, mail().as_bytes())

    def lose(tx: Tx) -> None:
        tx.execute("DELETE FROM blob_chunks")

    await api.context.store.writer.write(lose)
    path = f"/v1/inboxes/{inbox['id']}/messages/{message}/raw"
    with capture_logs() as logged, pytest.raises(aiohttp.ClientPayloadError):
        await api.call("GET", path)
    assert len(logged) == 1


async def test_an_attachment_is_to_be_saved_and_never_shown(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    message = mail()
    data = b"<script>alert(1)</script>"
    message.add_attachment(data, maintype="text", subtype="html", filename="Grüße \U0001f600.html")
    identifier = await api.receive(ADDRESS, message.as_bytes())
    path = f"/v1/inboxes/{inbox['id']}/messages/{identifier}"
    (attachment,) = (await api.get(path))["attachments"]
    assert attachment["url"] == f"{PUBLIC_URL}{path}/attachments/{attachment['id']}"
    assert base64.b64decode(attachment["content"]) == data
    reply = await api.call("GET", f"{path}/attachments/{attachment['id']}")
    assert reply.raw == data
    assert reply.headers["Content-Disposition"] == (
        'attachment; filename="Gr__e _.html";'
        " filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%98%80.html"
    )
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Security-Policy"].startswith("sandbox")
    absent = await api.call("GET", f"{path}/attachments/att_{ABSENT}")
    assert_envelope(absent, 404, "attachment_not_found")


async def test_an_attachment_whose_bytes_are_gone_is_not_found(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    message = mail()
    message.add_attachment(b"x", maintype="image", subtype="png", filename="a.png")
    identifier = await api.receive(ADDRESS, message.as_bytes())
    path = f"/v1/inboxes/{inbox['id']}/messages/{identifier}"
    (attachment,) = (await api.get(path))["attachments"]

    def spoil(tx: Tx) -> None:
        tx.execute("UPDATE blob_chunks SET data = ?", (b"no mail",))

    await api.context.store.writer.write(spoil)
    reply = await api.call("GET", f"{path}/attachments/{attachment['id']}")
    assert_envelope(reply, 404, "attachment_not_found")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", 'attachment; filename="a.txt"'),
        ("", 'attachment; filename="attachment"'),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
        ("a\\b", 'attachment; filename="a_b"'),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        ("a\r\nb: c", "attachment; filename=\"a__b_ c\"; filename*=UTF-8''a__b%3A%20c"),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("\ud800.txt", 'attachment; filename="_.txt"'),
        ("x" * 300, f'attachment; filename="{"x" * 200}"'),
        ("x" * 300 + ".tar", f'attachment; filename="{"x" * 196}.tar"'),
        ("x." + "y" * 300, f'attachment; filename="x.{"y" * 198}"'),
    ],
)  # fmt: skip
def test_a_name_is_made_safe(name: str, header: str) -> None:
    assert content_disposition(name) == header


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("image/PNG", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("text/html, text/plain", "application/octet-stream"),
    ],
)
def test_a_declared_type_is_made_safe(declared: str, sent: str) -> None:
    assert media_type(declared) == sent


async def test_threads_are_listed_with_ids_and_shown_with_messages(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    other = await api.make("/v1/inboxes", {})
    first = await api.receive(ADDRESS, mail("One", number=1).as_bytes())
    alone = await api.receive(ADDRESS, mail("Two", number=2).as_bytes())
    answer = await api.receive(ADDRESS, mail("Re: One", number=3, reply_to=1).as_bytes())
    path = f"/v1/inboxes/{inbox['id']}/threads"
    newest, oldest = await api.get(path)
    assert (newest["messages"], oldest["messages"]) == ([alone], [first, answer])
    shown = await api.get(f"{path}/{oldest['id']}")
    assert [message["id"] for message in shown["messages"]] == [first, answer]
    assert [message["subject"] for message in shown["messages"]] == ["One", "Re: One"]
    page = await api.call("GET", f"{path}?limit=1")
    assert (page.json, f"before={newest['id']}" in page.headers["Link"]) == ([newest], True)
    elsewhere = f"/v1/inboxes/{other['id']}/threads"
    assert await api.get(elsewhere) == []
    reply = await api.call("GET", f"{elsewhere}/{oldest['id']}")
    assert_envelope(reply, 404, "thread_not_found")


async def test_the_mail_of_an_inbox_that_is_gone_is_gone(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {"email": ADDRESS})
    message = await api.receive(ADDRESS, mail().as_bytes())
    path = f"/v1/inboxes/{inbox['id']}"
    await api.call("DELETE", path)
    for rest in ("messages", f"messages/{message}", f"messages/{message}/raw", "threads"):
        assert_envelope(await api.call("GET", f"{path}/{rest}"), 404, "inbox_not_found")


async def test_events_are_read_in_order_and_resumed(api: Api) -> None:
    await api.make("/v1/webhooks", {"url": "https://a.com", "events": ["inbox.created"]})
    inboxes = [await api.make("/v1/inboxes", {}) for _ in range(3)]
    await api.call("PATCH", f"/v1/inboxes/{inboxes[0]['id']}", {"name": "A"})
    events = await api.get("/v1/events")
    assert [event["event"] for event in events] == ["inbox.created"] * 3 + ["inbox.updated"]
    assert events[0]["deliveries"] == {"delivered": 0, "pending": 1, "failed": 0, "canceled": 0}
    assert events[3]["deliveries"]["pending"] == 0
    assert events[0]["payload"] == inboxes[0]
    assert await api.get(f"/v1/events/{events[0]['id']}") == events[0]

    page = await api.call("GET", "/v1/events?limit=2")
    assert page.json == events[:2]
    assert f"after={events[1]['id']}" in page.headers["Link"]
    rest = await api.call("GET", f"/v1/events?after={events[1]['id']}")
    assert rest.json == events[2:]
    assert "Link" not in rest.headers
    assert "Sendook-After" not in rest.headers
    assert await api.get(f"/v1/events?after={events[3]['id']}") == []
    assert await api.get("/v1/events?type=inbox.updated") == events[3:]
    of_first = await api.get(f"/v1/events?inboxId={inboxes[0]['id']}")
    assert of_first == [events[0], events[3]]
    assert await api.get("/v1/events?inboxId=nonsense") == []


@pytest.mark.parametrize("after", [f"evt_{ABSENT}", "nonsense", "%00%FF"])
async def test_an_event_that_is_gone_starts_at_the_oldest_and_says_so(api: Api, after: str) -> None:
    await api.make("/v1/inboxes", {})
    reply = await api.call("GET", f"/v1/events?after={after}")
    assert [event["event"] for event in reply.json] == ["inbox.created"]
    assert reply.headers["Sendook-After"] == "expired"


async def test_a_page_of_long_events_ends_early(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendook_lite.store.events.PAGE_BYTES", 10)
    for _ in range(2):
        await api.make("/v1/inboxes", {})
    reply = await api.call("GET", "/v1/events")
    assert len(reply.json) == 1
    assert "Link" in reply.headers


async def test_deliveries_are_listed_filtered_and_shown_with_attempts(api: Api) -> None:
    wanted = {"url": "https://a.com", "events": ["inbox.created"]}
    one, two = [await api.make("/v1/webhooks", wanted) for _ in range(2)]
    await api.make("/v1/inboxes", {})
    tested = (await api.call("POST", f"/v1/webhooks/{one['id']}/test")).json
    (event,) = await api.get("/v1/events")
    everything = await api.get("/v1/deliveries")
    assert [each["status"] for each in everything] == ["delivered", "pending", "pending"]
    assert await api.get("/v1/deliveries?status=pending") == everything[1:]
    assert await api.get("/v1/deliveries?status=failed") == []
    assert [d["webhookId"] for d in await api.get(f"/v1/deliveries?webhookId={two['id']}")] == [
        two["id"]
    ]
    assert await api.get(f"/v1/deliveries?eventId={event['id']}") == everything[1:]
    assert await api.get("/v1/deliveries?webhookId=nonsense&eventId=x") == []
    page = await api.call("GET", "/v1/deliveries?limit=1&status=pending")
    assert "status=pending" in page.headers["Link"]
    assert await api.get(f"/v1/deliveries?before={everything[1]['id']}") == everything[2:]
    shown = await api.get(f"/v1/deliveries/{everything[0]['id']}")
    assert shown == {**everything[0], "attempts": [tested["attempt"]]}
    waiting = await api.get(f"/v1/deliveries/{everything[1]['id']}")
    assert waiting["attempts"] == []
    assert "dueAt" in waiting

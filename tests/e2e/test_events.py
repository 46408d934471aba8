"""Nine events, each fired by something real; and the event socket under load."""

import json

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until

ALL = [
    "inbox.created", "inbox.deleted", "inbox.updated", "message.sent", "message.received",
    "message.delivered", "message.bounced", "message.complained", "message.rejected",
]  # fmt: skip


def exchange(server: Server, lines: list[bytes]) -> list[dict[str, object]]:
    """Send lines in one go and read one answer for each."""
    with server.events_socket() as connection:
        connection.settimeout(60)
        connection.sendall(b"".join(line + b"\n" for line in lines))
        with connection.makefile("rb") as answers:
            return [json.loads(answers.readline()) for _ in lines]


def test_all_nine_events_can_be_subscribed_and_fire(server: Server, endpoint: Endpoint) -> None:
    webhook = server.webhook(endpoint.url, *ALL)
    assert webhook["events"] == ALL
    inbox = server.inbox()
    server.call("PATCH", f"/v1/inboxes/{inbox['id']}", {"name": "Renamed"})
    server.run(
        "ingest", "--recipient", "support@localhost.test", stdin=b"From: a@b.example\n\nHello\n"
    )
    lines = [
        {"event": event, "from": "support@localhost.test", "recipient": "x@y.example"}
        for event in ALL
        if event.startswith("message.") and event != "message.received"
    ]
    answers = exchange(server, [json.dumps(line).encode() for line in lines])
    assert all(answer["ok"] for answer in answers)
    server.call("DELETE", f"/v1/inboxes/{inbox['id']}")
    wait_until(lambda: len(endpoint.received) == len(ALL))
    assert {one.headers["x-sendook-event"] for one in endpoint.received} == set(ALL)
    (bounced,) = endpoint.of("message.bounced")
    assert bounced.event["payload"]["delivery"]["recipient"] == "x@y.example"
    assert bounced.event["inboxId"] == inbox["id"]
    assert "messageId" not in bounced.event
    (renamed,) = endpoint.of("inbox.updated")
    assert renamed.event["payload"]["name"] == "Renamed"


def test_a_thousand_pipelined_lines_are_answered_in_order_and_fire_once(
    server: Server, endpoint: Endpoint
) -> None:
    server.webhook(endpoint.url, "message.delivered")
    lines = []
    for number in range(1000):
        line = {
            "event": "message.delivered",
            "from": "app@elsewhere.example",
            "recipient": f"user{number}@example.org",
            "key": f"line-{number}",
        }
        broken = number % 97 == 13
        lines.append(b'{"event": nonsense' if broken else json.dumps(line).encode())
    answers = exchange(server, lines)
    good = [number for number in range(1000) if number % 97 != 13]
    assert [number for number, answer in enumerate(answers) if answer["ok"]] == good
    refused = answers[13]
    assert refused["code"] == "invalid_json"
    assert str(refused["error"]).startswith("line 14:")
    # The same lines again: nothing new, the same answers.
    again = exchange(server, lines)
    assert [again[number] for number in good] == [answers[number] for number in good]
    wait_until(lambda: len(endpoint.received) >= len(good))
    reached = [one.event["payload"]["to"][0] for one in endpoint.received]
    assert sorted(reached) == sorted(f"user{number}@example.org" for number in good)


def test_an_event_about_a_received_message_carries_the_message(
    server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received", "message.complained")
    server.run(
        "ingest", "--recipient", "support@localhost.test", stdin=b"From: a@b.example\n\nHello\n"
    )
    wait_until(lambda: endpoint.received)
    message_id = endpoint.received[0].event["messageId"]
    (answer,) = exchange(
        server, [json.dumps({"event": "message.complained", "messageId": message_id}).encode()]
    )
    assert answer["ok"]
    wait_until(lambda: endpoint.of("message.complained"))
    (complained,) = endpoint.of("message.complained")
    assert complained.event["messageId"] == message_id
    assert complained.event["payload"]["id"] == message_id

"""Mail through the API leaves by a real Postfix, and what became of it comes back from there."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import PROGRAM, Server, wait_until
from tests.mta.postfix import OWNER, Postfix

OUTCOMES = ["message.sent", "message.delivered", "message.bounced", "message.rejected"]


@pytest.fixture
def server(tmp_path: Path, postfix: Postfix) -> Iterator[Server]:
    """A server before and behind that Postfix."""
    server = Server(
        tmp_path / "data",
        SENDOOK_SERVER__SOCKET_DIR=str(postfix.sockets),
        SENDOOK_SERVER__SOCKET_GROUP=OWNER,
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
        SENDOOK_RELAY__URL=f"smtp://127.0.0.1:{postfix.submission}",
    ).start()
    yield server
    assert server.stop() == 0


def send(server: Server, inbox: dict[str, Any], *to: str, **fields: Any) -> dict[str, Any]:
    body = {"to": list(to), "subject": "Hello", "text": "It works.", **fields}
    return dict(server.call("POST", f"/v1/inboxes/{inbox['id']}/messages/send", body))


def outcomes(endpoint: Endpoint) -> list[str]:
    return [one.event["event"] for one in list(endpoint.received)]


def shown(server: Server, message: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/inboxes/{message['inboxId']}/messages/{message['id']}"
    return dict(server.call("GET", path))


def test_a_message_is_sent_and_then_delivered(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, *OUTCOMES)
    message = send(server, inbox, "ann@people.test")
    wait_until(lambda: "message.delivered" in outcomes(endpoint))
    assert outcomes(endpoint) == ["message.sent", "message.delivered"]
    detail = endpoint.received[1].event["payload"]["delivery"]
    assert (detail["recipient"], detail["status"]) == ("ann@people.test", "2.0.0")
    assert shown(server, message)["status"] == "delivered"
    assert "It works." in postfix.mailbox.read_text()


def test_an_unknown_recipient_bounces_and_is_suppressed(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, *OUTCOMES)
    message = send(server, inbox, "stranger@people.test")
    wait_until(lambda: "message.bounced" in outcomes(endpoint))
    assert outcomes(endpoint) == ["message.sent", "message.bounced"]
    detail = endpoint.received[1].event["payload"]["delivery"]
    assert (detail["recipient"], detail["status"]) == ("stranger@people.test", "5.1.1")
    assert detail["permanent"] is True
    assert shown(server, message)["status"] == "bounced"
    assert not postfix.queue()


def test_each_recipient_has_an_outcome_of_its_own(server: Server, endpoint: Endpoint) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, *OUTCOMES)
    message = send(server, inbox, "ann@people.test", bcc=["stranger@people.test"])
    wait_until(lambda: len(outcomes(endpoint)) > 2)
    assert sorted(outcomes(endpoint)) == ["message.bounced", "message.delivered", "message.sent"]
    recipients = {each["address"]: each["status"] for each in shown(server, message)["recipients"]}
    assert recipients == {"ann@people.test": "delivered", "stranger@people.test": "bounced"}


def test_a_reply_lands_in_the_thread_of_what_it_answers(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    sent = send(server, inbox, "ann@people.test")
    wait_until(lambda: shown(server, sent)["status"] == "delivered")
    answered = next(
        line.split(": ", 1)[1]
        for line in reversed(postfix.mailbox.read_text().splitlines())
        if line.lower().startswith("message-id: ")
    )
    code, said = postfix.send("support@localhost.test", Subject="Re: Hello", In_Reply_To=answered)
    assert code == 0, said
    wait_until(lambda: endpoint.received)
    reply = endpoint.received[0].event["payload"]
    assert reply["threadId"] == sent["threadId"]
    path = f"/v1/inboxes/{inbox['id']}/messages/{reply['id']}/reply"
    again = server.call("POST", path, {"text": "Thank you."})
    assert again["threadId"] == sent["threadId"]
    assert again["subject"] == "Re: Hello"
    thread = server.call("GET", f"/v1/inboxes/{inbox['id']}/threads/{sent['threadId']}")
    assert [each["id"] for each in thread["messages"]] == [sent["id"], reply["id"], again["id"]]


def test_the_log_and_the_reports_together_tell_an_outcome_once(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, *OUTCOMES)
    command = [PROGRAM, "follow", "postfix", "--file", str(postfix.log_file)]
    environment = {**server.environment, "SENDOOK_SERVER__DATA_DIR": str(server.data_dir)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as follower:
        place = server.data_dir / "follow-postfix.json"
        wait_until(place.exists)
        message = send(server, inbox, "ann@people.test", "stranger@people.test")
        wait_until(lambda: postfix.log().count(": removed") >= 3)
        wait_until(lambda: f'"offset":{postfix.log_file.stat().st_size},' in place.read_text())
        follower.send_signal(signal.SIGTERM)
        assert follower.stderr is not None
        said = follower.stderr.read()
        assert follower.wait(30) == 0
    wait_until(lambda: len(outcomes(endpoint)) > 2)
    assert sorted(outcomes(endpoint)) == ["message.bounced", "message.delivered", "message.sent"]
    recipients = {each["address"]: each["status"] for each in shown(server, message)["recipients"]}
    assert recipients == {"ann@people.test": "delivered", "stranger@people.test": "bounced"}
    assert "2 events told, 0 of mail that is not known here, 0 refused" in said

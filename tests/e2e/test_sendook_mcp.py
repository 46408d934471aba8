"""The public client ``sendook-mcp`` against the running server, through its own tools."""

import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sendook_mcp as client

from tests.delivery.servers import Authority
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, wait_until

JSON = client.ResponseFormat.JSON


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The operator's own certificate authority; the client insists on https."""
    return Authority(tmp_path)


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    server = Server(tmp_path / "data", SENDOOK_DELIVERY__CA_FILE=authority.file).start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def endpoint(authority: Authority) -> Iterator[Endpoint]:
    with Endpoint(tls=authority.context("127.0.0.1")) as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _address(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "API_BASE_URL", server.url)
    monkeypatch.setattr(client, "API_KEY", KEY)


async def test_inboxes_can_be_created_listed_read_and_deleted() -> None:
    made = json.loads(
        await client.sendook_create_inbox(
            client.CreateInboxInput(name="Agent", email="agent@localhost.test")
        )
    )
    inbox_id = find(made, "id")
    listed = json.loads(
        await client.sendook_list_inboxes(client.ListInboxesInput(response_format=JSON))
    )
    assert inbox_id in json.dumps(listed)
    shown = await client.sendook_get_inbox(client.InboxIdInput(inbox_id=inbox_id))
    assert "agent@localhost.test" in shown
    gone = await client.sendook_delete_inbox(client.InboxIdInput(inbox_id=inbox_id))
    assert inbox_id in gone
    missing = await client.sendook_get_inbox(client.InboxIdInput(inbox_id=inbox_id))
    assert missing.startswith("Error: Resource not found - Inbox not found")


async def test_messages_and_threads_can_be_read(server: Server, endpoint: Endpoint) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as lmtp:
        lmtp.sendmail(
            "ann@example.org",
            ["support@localhost.test"],
            "From: Ann <ann@example.org>\r\nSubject: Question\r\n\r\nHow?\r\n",
        )
    wait_until(lambda: endpoint.received)
    payload = endpoint.received[0].event["payload"]
    listed = await client.sendook_list_messages(
        client.ListMessagesInput(inbox_id=inbox["id"], response_format=JSON)
    )
    assert payload["id"] in listed
    shown = await client.sendook_get_message(
        client.GetMessageInput(inbox_id=inbox["id"], message_id=payload["id"], response_format=JSON)
    )
    assert "Question" in shown
    readable = await client.sendook_get_message(
        client.GetMessageInput(inbox_id=inbox["id"], message_id=payload["id"])
    )
    assert "How?" in readable
    threads = await client.sendook_list_threads(
        client.ListThreadsInput(inbox_id=inbox["id"], response_format=JSON)
    )
    assert payload["threadId"] in threads
    thread = await client.sendook_get_thread(
        client.GetThreadInput(
            inbox_id=inbox["id"], thread_id=payload["threadId"], response_format=JSON
        )
    )
    assert payload["id"] in thread


async def test_messages_can_be_sent_answered_and_searched(
    server: Server, endpoint: Endpoint
) -> None:
    """With --dev the relay is ``capture:``, which brings mail to local inboxes."""
    agent, other = server.inbox("agent@localhost.test"), server.inbox("other@localhost.test")
    server.webhook(endpoint.url, "message.received")
    sent = json.loads(
        await client.sendook_send_message(
            client.SendMessageInput(
                inbox_id=agent["id"],
                to=["other@localhost.test"],
                cc=["third@localhost.test"],
                subject="Quarterly figures",
                text="See what is attached.",
                labels=["figures"],
                attachments=[
                    client.AttachmentInput(
                        content="YTtiCg==", name="figures.csv", content_type="text/csv"
                    )
                ],
            )
        )
    )
    assert find(sent, "message_id").startswith("msg_")
    wait_until(lambda: received_by(endpoint, other))
    received = received_by(endpoint, other)[0]
    assert received["attachments"][0]["name"] == "figures.csv"
    assert received["cc"] == ["third@localhost.test"]
    answered = await client.sendook_reply_to_message(
        client.ReplyToMessageInput(
            inbox_id=other["id"], message_id=received["id"], text="They are fine."
        )
    )
    assert "Error" not in answered
    wait_until(lambda: received_by(endpoint, agent))
    answer = received_by(endpoint, agent)[0]
    assert answer["subject"] == "Re: Quarterly figures"
    assert answer["threadId"] == server.call("GET", f"/v1/inboxes/{agent['id']}/threads")[0]["id"]
    found = await client.sendook_list_messages(
        client.ListMessagesInput(inbox_id=agent["id"], query="fine", response_format=JSON)
    )
    assert answer["id"] in found
    assert "figures.csv" not in found


def test_every_tool_of_the_client_is_used_here() -> None:
    tools = [name for name in dir(client) if name.startswith("sendook_")]
    used = Path(__file__).read_text()
    assert len(tools) == 16
    assert [name for name in tools if f"client.{name}(" not in used] == []


def received_by(endpoint: Endpoint, inbox: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what has been received in an inbox, as its webhook tells it."""
    return [
        one.event["payload"]
        for one in list(endpoint.received)
        if one.event["inboxId"] == inbox["id"]
    ]


async def test_webhooks_can_be_created_tested_read_and_deleted(endpoint: Endpoint) -> None:
    made = json.loads(
        await client.sendook_create_webhook(
            client.CreateWebhookInput(
                url=endpoint.url, events=[client.WebhookEvent.MESSAGE_RECEIVED]
            )
        )
    )
    webhook_id = find(made, "id")
    named = client.WebhookIdInput(webhook_id=webhook_id)
    assert webhook_id in await client.sendook_list_webhooks(
        client.ListWebhooksInput(response_format=JSON)
    )
    assert endpoint.url in await client.sendook_get_webhook(named)
    tested = json.loads(await client.sendook_test_webhook(named))
    assert tested["test_result"] == "passed"
    assert endpoint.received[0].event["payload"]["test"] == "test"
    attempts = json.loads(await client.sendook_list_webhook_attempts(named))
    assert attempts["attempt_count"] == 1
    assert attempts["attempts"][0]["trigger"] == "test"
    deleted = json.loads(await client.sendook_delete_webhook(named))
    assert deleted["success"] is True


async def test_a_wrong_key_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "API_KEY", "sk_wrong")
    answer = await client.sendook_list_inboxes(client.ListInboxesInput())
    assert answer.startswith("Error: Authentication failed")


def find(value: Any, name: str) -> str:
    """Return the first value of a field, wherever the client has put it."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            return str(value[name])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            if found := find(each, name):
                return found
    return ""

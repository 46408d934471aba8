"""Sending with the real program: what the relay took is never forgotten, nor sent for nothing."""

import json
import smtplib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.servers import closed_port
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.mailbox import Mailbox
from tests.usecases.test_report_mail import group, report

FAR = "far@elsewhere.example"


def relay(box: Mailbox) -> dict[str, str]:
    return {"SENDOOK_RELAY__URL": f"smtp://127.0.0.1:{box.port}"}


def send(server: Server, inbox: dict[str, Any], to: str = FAR, **fields: Any) -> dict[str, Any]:
    path = f"/v1/inboxes/{inbox['id']}/messages/send"
    return dict(server.call("POST", path, {"to": to, "subject": "Hi", "text": "Hello.", **fields}))


def shown(server: Server, message: dict[str, Any]) -> dict[str, Any]:
    return dict(server.call("GET", f"/v1/inboxes/{message['inboxId']}/messages/{message['id']}"))


def has_status(server: Server, message: dict[str, Any], status: str) -> Callable[[], bool]:
    return lambda: shown(server, message)["status"] == status


def deliver(server: Server, sender: str, recipient: str, raw: bytes) -> None:
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as lmtp:
        lmtp.sendmail(sender, [recipient], raw)


def test_a_mail_is_sent_bounces_and_is_not_sent_again(tmp_path: Path) -> None:
    with Mailbox(dsn=True) as box, Endpoint() as endpoint:
        server = Server(tmp_path / "data", **relay(box)).start()
        inbox = server.inbox()
        server.webhook(endpoint.url, "message.sent", "message.bounced", "message.rejected")
        message = send(server, inbox)
        assert (message["status"], message["recipients"][0]["status"]) == ("queued", "queued")
        wait_until(has_status(server, message, "sent"))
        (kept,) = box.kept
        assert f"ENVID={message['id']}" in kept.options
        raw = report(group(FAR, "failed", "5.1.1", "550 no such user"))
        deliver(server, "", kept.sender, raw)
        deliver(server, "", kept.sender, raw)
        assert shown(server, message)["status"] == "bounced"
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            deliver(server, "", f"bounces+{'a' * 42}@localhost.test", raw)
        assert next(iter(refused.value.recipients.values()))[0] == 550
        again = send(server, inbox)
        assert again["recipients"][0]["status"] == "rejected"
        assert [each["address"] for each in server.call("GET", "/v1/suppressions")] == [FAR]
        assert server.run("suppressions", "remove", FAR).returncode == 0
        wait_until(has_status(server, send(server, inbox), "sent"))
        assert len(box.kept) == 2
        wait_until(lambda: len(endpoint.received) == 4)
        assert sorted(one.event["event"] for one in endpoint.received) == [
            "message.bounced", "message.rejected", "message.sent", "message.sent",
        ]  # fmt: skip
        assert server.stop() == 0


def test_a_kill_before_the_commit_sends_the_same_mail_again_and_no_other(tmp_path: Path) -> None:
    with Mailbox() as box:
        server = Server(tmp_path / "data", **relay(box)).start()
        inbox = server.inbox()
        done = send(server, inbox, "done@elsewhere.example")
        wait_until(has_status(server, done, "sent"))
        # The relay has taken the next mail, but its reply is not read: we are killed before it.
        taken, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            taken.set()
            go_on.wait(30)

        box.before_reply = hold
        message = send(server, inbox)
        assert taken.wait(30)
        assert len(box.kept) == 2
        server.kill()
        box.before_reply = None
        go_on.set()
        server.start()
        wait_until(has_status(server, message, "sent"))
        assert [kept.mail["Message-ID"] for kept in box.kept[1:]] == [
            f"<{message['externalMessageId']}>"
        ] * 2
        assert box.kept[1].raw == box.kept[2].raw
        assert len(server.call("GET", "/v1/events?type=message.sent")) == 2
        assert server.stop() == 0


def test_mail_that_waits_for_the_relay_survives_a_kill_and_a_stop(tmp_path: Path) -> None:
    server = Server(
        tmp_path / "data", SENDOOK_RELAY__URL=f"smtp://127.0.0.1:{closed_port()}"
    ).start()
    inbox = server.inbox()
    waiting = [send(server, inbox, f"{number}@elsewhere.example") for number in range(3)]
    wait_until(lambda: "refuses connections" in shown(server, waiting[0])["recipients"][0].get(
        "detail", ""))  # fmt: skip
    server.kill()
    server.start()
    assert [shown(server, each)["status"] for each in waiting] == ["queued"] * 3
    assert server.stop() == 0
    with sqlite3.connect(server.data_dir / "sendook.db") as database:
        database.execute("UPDATE submissions SET due_at = 1 WHERE due_at IS NOT NULL")
    database.close()
    with Mailbox() as box:
        server.environment |= relay(box)
        server.start()
        for message in waiting:
            wait_until(has_status(server, message, "sent"))
        assert sorted(kept.recipients[0] for kept in box.kept) == [
            f"{number}@elsewhere.example" for number in range(3)
        ]
        assert server.stop() == 0


def test_a_stop_does_not_wait_for_ever_for_a_relay_that_says_nothing(tmp_path: Path) -> None:
    hold = threading.Event()
    with Mailbox() as box:
        server = Server(tmp_path / "data", **relay(box)).start()
        inbox = server.inbox()
        taken = threading.Event()

        def wait() -> None:
            taken.set()
            hold.wait(60)

        box.before_reply = wait
        send(server, inbox)
        assert taken.wait(30)
        # One slow relay keeps nobody else waiting.
        assert server.call("GET", "/health")["sending"]["inFlight"] == 1
        assert server.stop() == 0
        hold.set()


def test_captured_mail_arrives_here_and_is_answered_in_one_thread(server: Server) -> None:
    ann = server.inbox("ann@localhost.test")
    bob = server.inbox("bob@localhost.test")
    done = server.run(
        "messages", "send", ann["id"], "--to", "bob@localhost.test", "--subject", "Lunch",
        "--header", "X-Trial: yes", "--json", stdin="Um zwölf?\n".encode(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    path = f"/v1/inboxes/{bob['id']}/messages"
    wait_until(lambda: server.call("GET", path))
    (received,) = server.call("GET", path)
    assert (received["text"].strip(), received["from"]) == ("Um zwölf?", "ann@localhost.test")
    done = server.run("messages", "reply", bob["id"], received["id"], "--text", "Yes.")
    assert b"will be sent" in done.stdout
    thread = f"/v1/inboxes/{ann['id']}/threads/{sent['threadId']}"
    wait_until(lambda: len(server.call("GET", thread)["messages"]) == 2)
    assert [each["subject"] for each in server.call("GET", thread)["messages"]] == [
        "Lunch", "Re: Lunch",
    ]  # fmt: skip


def test_without_a_relay_the_answer_says_what_to_set(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENDOOK_RELAY__URL="").start()
    inbox = server.inbox()
    status, body = server.error(
        "POST", f"/v1/inboxes/{inbox['id']}/messages/send", {"to": FAR, "text": "x"}
    )
    assert (status, body["code"]) == (503, "relay_not_configured")
    assert "relay.url" in body["message"]
    assert server.call("GET", f"/v1/inboxes/{inbox['id']}/messages") == []
    assert server.stop() == 0

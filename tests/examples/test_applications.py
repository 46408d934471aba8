"""The four applications against the running server: mail in, and what they make of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.examples.program import EXAMPLES, Program

Send = Callable[..., None]


@pytest.fixture
def inbox(server: Server) -> dict[str, Any]:
    return server.inbox()


@pytest.fixture
def send(server: Server, inbox: dict[str, Any]) -> Send:
    """Hand in a mail from Ann; headers as keywords, with _ for -."""

    def send(text: str = "It is broken.", sender: str = "ann@example.org", **headers: str) -> None:
        fields = {"From": f"Ann <{sender}>", "To": inbox["email"], "Subject": "Help", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        mail = "\n".join([*lines, "", text, ""]).encode()
        done = server.run("ingest", "--sender", sender, "--recipient", inbox["email"], stdin=mail)
        assert done.returncode == 0, done.stderr

    return send


def messages(server: Server, inbox: dict[str, Any], status: str) -> list[dict[str, Any]]:
    """Return what the inbox has received, or sent."""
    found = server.call("GET", f"/v1/inboxes/{inbox['id']}/messages")
    return [each for each in found if (each["status"] == "received") == (status == "received")]


def test_every_example_is_short() -> None:
    files = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("receivers/*_receiver.*")]
    assert len(files) == 9
    assert all(len(file.read_text().splitlines()) < 100 for file in files)


def test_the_notifier_tells_a_chat_of_every_mail(
    server: Server, send: Send, tmp_path: Path
) -> None:
    with (
        Endpoint() as chat,
        Program("email_notifier.py", tmp_path, server, CHAT_URL=chat.url),
    ):
        send("It is broken since yesterday.")
        wait_until(lambda: chat.received)
        (told,) = chat.received
    assert told.event == {
        "text": "*Help* from Ann <ann@example.org> to support@localhost.test\n"
        "It is broken since yesterday."
    }


def test_the_notifier_gets_a_mail_again_while_the_chat_is_down(
    server: Server, send: Send, tmp_path: Path
) -> None:
    server.stop()
    server.environment["SENDOOK_DELIVERY__RETRY_SCHEDULE"] = "[0.2, 0.2, 0.2]"
    server.start()
    answers = iter([503, 503, 200])
    with (
        Endpoint(lambda _: next(answers)) as chat,
        Program("email_notifier.py", tmp_path, server, CHAT_URL=chat.url),
    ):
        send()
        wait_until(lambda: len(chat.received) == 3)


def test_the_bot_answers_a_person_once_and_machines_never(
    server: Server, inbox: dict[str, Any], send: Send, tmp_path: Path
) -> None:
    with Program("auto_reply_bot.py", tmp_path, server, REPLY="Soon."):
        send(sender="list@example.org", Precedence="list")
        send(sender="robot@example.org", Auto_Submitted="auto-replied")
        send(sender="noreply@example.org")
        send("The first one.")
        wait_until(lambda: messages(server, inbox, "sent"))
        send("The second one.")
        wait_until(lambda: len(messages(server, inbox, "received")) == 5)
        wait_until(lambda: not server.call("GET", "/v1/deliveries?status=pending"))
    (answer,) = messages(server, inbox, "sent")
    assert answer["to"] == ["ann@example.org"]
    assert answer["subject"] == "Re: Help"
    assert answer["text"] == "Soon."


def test_a_conversation_is_one_ticket(
    server: Server, inbox: dict[str, Any], send: Send, tmp_path: Path
) -> None:
    with Program("support_tickets.py", tmp_path, server) as program:
        send(Message_ID="<one@example.org>")
        wait_until(lambda: messages(server, inbox, "sent"))
        (acknowledged,) = messages(server, inbox, "sent")
        assert acknowledged["text"].startswith("We have opened ticket 1")
        send("Still broken.", Message_ID="<two@example.org>", In_Reply_To="<one@example.org>")
        send("Another thing.", sender="bob@example.org", Subject="Other")
        wait_until(lambda: "Help (ann@example.org, 2 mails" in program.page())
        wait_until(lambda: "Other" in program.page())
    labels = {tuple(each["labels"]) for each in messages(server, inbox, "received")}
    assert labels == {("ticket-1",), ("ticket-2",)}


def test_the_tracker_shows_what_became_of_mail(server: Server, tmp_path: Path) -> None:
    lines = "\n".join(
        f'{{"event":"message.{outcome}","from":"me@localhost.test","recipient":"{who}@b.example"'
        ',"diagnostic":"said so"}'
        for outcome, who in (("sent", "a"), ("delivered", "a"), ("bounced", "gone"))
    )
    with Program("delivery_tracker.py", tmp_path, server) as program:
        assert server.run("emit", "-", stdin=lines.encode()).returncode == 0
        wait_until(lambda: program.page().count("<tr>") == 3)
        page = program.page()
    assert "gone@b.example" in page
    assert "said so" in page
    assert page.count("<rect") == 5

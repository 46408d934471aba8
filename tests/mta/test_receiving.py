"""Mail through a real Postfix becomes an event, once, also when the store was failing."""

import sqlite3
from contextlib import closing
from typing import Any

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.mta.postfix import Postfix

LATE = "Better late"


def messages(server: Server, inbox: dict[str, Any]) -> list[dict[str, Any]]:
    return list(server.call("GET", f"/v1/inboxes/{inbox['id']}/messages"))


def test_a_mail_arrives_as_a_webhook(postfix: Postfix, server: Server, endpoint: Endpoint) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    code, said = postfix.send("support+news@localhost.test", port=postfix.gate, Subject="Hello")
    assert code == 0, said
    wait_until(lambda: endpoint.received)
    payload = endpoint.received[0].event["payload"]
    assert payload["inboxId"] == inbox["id"]
    assert payload["subject"] == "Hello"
    assert payload["envelopeFrom"] == "zoe@people.test"
    assert messages(server, inbox) == [payload]
    wait_until(lambda: not postfix.queue())


def test_an_unknown_recipient_is_refused_while_the_sender_listens(
    postfix: Postfix, server: Server
) -> None:
    server.inbox()
    code, said = postfix.send("nobody@localhost.test", port=postfix.gate)
    assert code != 0
    assert "550 5.1.1" in said
    assert not postfix.queue()


def test_a_mail_waits_in_the_queue_while_the_database_is_locked_and_arrives_once(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    with closing(sqlite3.connect(server.data_dir / "sendook.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert postfix.send("support@localhost.test", Subject=LATE)[0] == 0
        wait_until(lambda: "dsn=4.3.0, status=deferred" in postfix.log())
        assert "support@localhost.test" in postfix.queue()
        assert not endpoint.received
    arrives_once(postfix, server, endpoint, inbox)


def test_a_mail_waits_in_the_queue_while_the_disk_is_nearly_full_and_arrives_once(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    assert server.stop() == 0
    usual = server.environment["SENDOOK_SERVER__MIN_FREE_BYTES"]
    server.environment["SENDOOK_SERVER__MIN_FREE_BYTES"] = str(2**62)
    server.start()
    assert postfix.send("support@localhost.test", Subject=LATE)[0] == 0
    wait_until(lambda: "status=deferred" in postfix.log())
    assert server.stop() == 0
    server.environment["SENDOOK_SERVER__MIN_FREE_BYTES"] = usual
    server.start()
    arrives_once(postfix, server, endpoint, inbox)


def test_a_mail_waits_in_the_queue_while_the_server_is_down_and_arrives_once(
    postfix: Postfix, server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    server.webhook(endpoint.url, "message.received")
    assert postfix.send("support@localhost.test", port=postfix.gate)[0] == 0
    wait_until(lambda: endpoint.received)
    server.kill()
    code, said = postfix.send("support@localhost.test", port=postfix.gate, Subject=LATE)
    assert code == 0, said
    wait_until(lambda: "status=deferred" in postfix.log())
    assert "support@localhost.test" in postfix.queue()
    server.start()
    arrives_once(postfix, server, endpoint, inbox)


def arrives_once(
    postfix: Postfix, server: Server, endpoint: Endpoint, inbox: dict[str, Any]
) -> None:
    """See the mail that was kept in the queue arrive, and nothing twice."""
    postfix.flush()
    wait_until(lambda: not postfix.queue())
    wait_until(lambda: LATE in subjects(endpoint))
    assert [message["subject"] for message in messages(server, inbox)].count(LATE) == 1
    logged = server.call("GET", "/v1/events?type=message.received")
    assert [event["payload"]["subject"] for event in logged].count(LATE) == 1
    assert subjects(endpoint).count(LATE) == 1


def subjects(endpoint: Endpoint) -> list[str]:
    return [one.event["payload"]["subject"] for one in endpoint.received]

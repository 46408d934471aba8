"""Two instances behind one Postfix, each with its own domain, as docs/growing.md tells it."""

from pathlib import Path

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.mta.postfix import OWNER, Postfix


def test_each_instance_gets_the_mail_of_its_domain_and_refuses_for_it(
    postfix: Postfix, server: Server, tmp_path: Path
) -> None:
    shop = Server(
        tmp_path / "shop",
        SENDOOK_SERVER__SOCKET_DIR=str(postfix.shop_sockets),
        SENDOOK_SERVER__SOCKET_GROUP=OWNER,
        SENDOOK_INBOUND__DOMAINS='["shop.localhost.test"]',
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
    ).start()
    with Endpoint() as endpoint, Endpoint() as shop_endpoint:
        inbox = server.inbox("support@localhost.test")
        server.webhook(endpoint.url, "message.received")
        shop_inbox = shop.inbox("orders@shop.localhost.test")
        shop.webhook(shop_endpoint.url, "message.received")
        both = "support@localhost.test,orders@shop.localhost.test"
        code, said = postfix.send(both, port=postfix.gate, Subject="To both")
        assert code == 0, said
        wait_until(lambda: endpoint.received and shop_endpoint.received)
        wait_until(lambda: not postfix.queue())
        assert [one.event["inboxId"] for one in endpoint.received] == [inbox["id"]]
        assert [one.event["inboxId"] for one in shop_endpoint.received] == [shop_inbox["id"]]
    code, said = postfix.send("support@shop.localhost.test", port=postfix.gate)
    assert code != 0
    assert "550 5.1.1" in said
    assert shop.stop() == 0

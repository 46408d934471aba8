"""An endpoint that fails is disabled by the rule, and people hear of it before, then, and after."""

from pathlib import Path

from tests.e2e.endpoint import Endpoint, Received
from tests.e2e.server import Server, wait_until
from tests.mailbox import Mailbox

STAGES = ["webhook.first_failure", "webhook.half_way", "webhook.disabled"]
SUBJECTS = [
    "A webhook has begun to fail", "A webhook will be disabled soon", "A webhook was disabled",
    "A webhook works again",
]  # fmt: skip


class Operator(Endpoint):
    """Where the operational webhook leads; its requests are alerts, not events."""

    @property
    def alerts(self) -> list[str]:
        return [one.event["alert"] for one in list(self.received)]


def serve(tmp_path: Path, operator: Endpoint, mailbox: Mailbox, schedule: str) -> Server:
    return Server(
        tmp_path / "data",
        SENDOOK_DELIVERY__RETRY_SCHEDULE=schedule,
        SENDOOK_DELIVERY__DISABLE_AFTER="0",
        SENDOOK_DELIVERY__DISABLE_AFTER_FAILURES="3",
        SENDOOK_ALERTS__WEBHOOK=operator.url,
        SENDOOK_ALERTS__EMAIL='["ops@elsewhere.example", "boss@elsewhere.example"]',
        SENDOOK_RELAY__URL=f"smtp://127.0.0.1:{mailbox.port}",
    ).start()


def rename(server: Server, inbox: dict[str, str], name: str) -> None:
    server.call("PATCH", f"/v1/inboxes/{inbox['id']}", {"name": name})


def test_a_failing_endpoint_is_disabled_with_alerts_on_the_way_and_told_when_it_recovers(
    tmp_path: Path,
) -> None:
    status = 500

    def answer(_: Received) -> int:
        return status

    with Operator() as operator, Mailbox() as mailbox, Endpoint(answer) as endpoint:
        server = serve(tmp_path, operator, mailbox, "[0.05]")
        inbox = server.inbox()
        webhook = server.webhook(
            endpoint.url, "inbox.updated", headers={"authorization": "T0P"}, description="shop"
        )
        path = f"/v1/webhooks/{webhook['id']}"
        for number, expected in enumerate(STAGES, start=1):
            rename(server, inbox, f"failure {number}")
            wait_until(lambda expected=expected: expected in operator.alerts)
        # The first one is mailed at once; what follows within a minute comes in one mail.
        wait_until(lambda: mailbox.kept)
        assert operator.alerts == STAGES
        shown = server.call("GET", path)
        assert (shown["status"], shown["disabledReason"]) == ("disabled", "repeated_failures")
        assert {each["status"] for each in server.call("GET", "/v1/deliveries")} == {"failed"}
        # Nothing is owed while it is disabled; then it works again, and that is told too.
        rename(server, inbox, "missed")
        status = 200
        server.call("PATCH", path, {"status": "enabled"})
        rename(server, inbox, "seen")
        wait_until(lambda: len(operator.alerts) == 4)
        assert operator.alerts == [*STAGES, "webhook.recovered"]
        seen = [one.event["payload"]["name"] for one in endpoint.received]
        assert "missed" not in seen
        assert "disabledReason" not in server.call("GET", path)
        # A second success is no news, and neither is a restart.
        rename(server, inbox, "again")
        wait_until(lambda: len(endpoint.received) == 8)
        # In the log, to the operator, and the first one by mail.
        facts = {"told": 4 + 4 + 1, "givenUp": 0, "failingWebhooks": 0, "disabledWebhooks": 0}
        wait_until(lambda: server.call("GET", "/health")["alerts"] == facts)
        # What is not recorded yet when the process is killed would rightly be sent again.
        wait_until(lambda: not server.call("GET", "/v1/deliveries?status=pending"))
        server.kill()
        server.start()
        rename(server, inbox, "after the restart")
        wait_until(lambda: len(endpoint.received) == 9)
        # The three that waited are not lost with the process, and the first is not told again.
        wait_until(lambda: len(mailbox.kept) == 2)
        assert server.stop() == 0
        assert len(operator.alerts) == 4
        assert mailbox.kept[0].mail["Subject"] == f"{SUBJECTS[0]} ({webhook['id']})"
        bundle = " ".join(mailbox.kept[1].mail.get_content().split())
        assert "has begun to fail" not in bundle
        for told in ("is half way to being disabled", "was disabled", "takes events again"):
            assert told in bundle
        assert mailbox.kept[0].recipients == ["ops@elsewhere.example", "boss@elsewhere.example"]
        assert mailbox.kept[0].sender == "sendook-lite@localhost.test"
        third = operator.received[2].event
        assert third["webhook"]["description"] == "shop"
        assert third["lastError"] == "http_status: answered 500"
        assert f"{path}/replay" in third["message"]
        assert server.log().count('"webhook.half_way"') == 1
        everything = server.log() + "".join(kept.mail.as_string() for kept in mailbox.kept)
        everything += "".join(one.body.decode() for one in operator.received)
        assert "T0P" not in everything
        assert webhook["secret"] not in everything


def test_what_is_pending_when_a_webhook_is_disabled_is_canceled(tmp_path: Path) -> None:
    def answer(one: Received) -> int:
        return 410 if one.event["payload"]["name"] == "last" else 503

    with Operator() as operator, Mailbox() as mailbox, Endpoint(answer) as endpoint:
        server = serve(tmp_path, operator, mailbox, "[600]")
        inbox = server.inbox()
        webhook = server.webhook(endpoint.url, "inbox.updated")
        for number in range(3):
            rename(server, inbox, f"pending {number}")
        wait_until(lambda: len(endpoint.received) == 3)
        rename(server, inbox, "last")
        wait_until(lambda: operator.alerts == ["webhook.disabled"] and mailbox.kept)
        wait_until(lambda: not server.call("GET", "/v1/deliveries?status=pending"))
        states = [each["status"] for each in server.call("GET", "/v1/deliveries")]
        assert states == ["failed", "canceled", "canceled", "canceled"]
        assert server.call("GET", f"/v1/webhooks/{webhook['id']}")["disabledReason"] == "gone"
        assert server.stop() == 0


def test_a_kill_has_nothing_told_again_that_was_told(tmp_path: Path) -> None:
    with Mailbox() as mailbox, Endpoint(lambda _: 500) as endpoint:
        with Operator(lambda _: 503) as down:
            server = serve(tmp_path, down, mailbox, "[]")
            inbox = server.inbox()
            server.webhook(endpoint.url, "inbox.updated")
            rename(server, inbox, "failure")
            wait_until(lambda: down.alerts and mailbox.kept)
            wait_until(lambda: "an alert cannot be told, will try again" in server.log())
            # What was told and not noted yet would rightly be told again.
            wait_until(lambda: server.call("GET", "/health")["alerts"]["told"] == 2)
            server.kill()
        # The operator's URL is tried again in a minute; the mail was sent and is not repeated.
        server.start()
        rename(server, inbox, "another failure")
        wait_until(lambda: len(mailbox.kept) == 2)
        assert [kept.mail["Subject"].split(" (")[0] for kept in mailbox.kept] == SUBJECTS[:2]
        assert server.stop() == 0

"""Webhooks, deliveries, events and keys from the command line, against the running program."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until


class Console:
    """Runs commands against one server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, *words: str, code: int = 0) -> str:
        done = self.server.run(*words)
        assert done.returncode == code, done.stderr.decode()
        return (done.stdout if code == 0 else done.stderr).decode()

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    server = Server(folder / "data", SENDOOK_DELIVERY__RETRY_SCHEDULE="[]").start()
    yield Console(server)
    assert server.stop() == 0


def create(console: Console, url: str, event: str, *options: str) -> str:
    made = console.json("webhooks", "create", url, "--events", event, *options)
    return str(made["id"])


def test_what_was_missed_is_sent_again_and_waited_for(console: Console) -> None:
    with Endpoint(lambda _: 500 if failing else 200) as endpoint:
        failing = True
        hook = create(console, endpoint.url, "message.sent")
        push(console.server, 4)  # a fifth failure would have it probed only
        wait_until(lambda: console.json("webhooks", "stats", hook)["failed"] == 4)
        failing = False
        replay = console.json("webhooks", "replay", hook, "--since", "1h", "--wait")
        assert (replay["state"], replay["created"], replay["delivered"]) == ("done", 4, 4)
        stats = console("webhooks", "stats", hook)
        assert re.search(r"^delivered +4$", stats, re.MULTILINE)
        assert re.search(r"^successRate +50\.0%$", stats, re.MULTILINE)
        assert re.search(r"^HOUR +DELIVERED +FAILED", stats, re.MULTILINE)
        assert "█" in stats
        (row,) = console("webhooks", "replays", hook).splitlines()[1:]
        assert row.startswith(replay["id"])
        assert row.split()[-4:] == ["4", "4", "4", "0"]
        refused = console("webhooks", "replays", hook, "--cancel", replay["id"], code=1)
        assert "nothing left to cancel" in refused


def test_a_replay_is_canceled(console: Console) -> None:
    with Endpoint() as endpoint:
        push(console.server, 30, "message.bounced")
        hook = create(console, endpoint.url, "message.bounced", "--rate-limit", "1")
        started = console.json("webhooks", "replay", hook, "--since", "1d", "--status", "all")
        ended = console.json("webhooks", "replays", hook, "--cancel", started["id"])
        assert ended["state"] == "canceled"
        wait_until(lambda: console.json("webhooks", "stats", hook)["pending"] == 0)
        assert len(endpoint.received) < 30


def test_a_delivery_is_tried_once_more(console: Console) -> None:
    with Endpoint(lambda _: 500) as endpoint:
        hook = create(console, endpoint.url, "message.rejected")
        push(console.server, 1, "message.rejected")
        listing = ("deliveries", "list", "--webhook", hook, "--status", "failed")
        wait_until(lambda: len(console.json(*listing)) == 1)
        (delivery,) = console.json(*listing)
        said = console("deliveries", "retry", delivery["id"])
        assert said.startswith(f"{delivery['id']} is due now; `sendook-lite deliveries show")
        wait_until(lambda: len(endpoint.received) == 2)
        wait_until(lambda: console.json("deliveries", "show", delivery["id"])["attemptCount"] == 2)
        shown = console("deliveries", "show", delivery["id"])
        assert "manual" in shown
        assert "http_status: answered 500" in shown
        console("webhooks", "disable", hook)
        refused = console("deliveries", "retry", delivery["id"], code=1)
        assert "`sendook-lite webhooks enable ID` enables it" in refused
        assert console.json("webhooks", "enable", hook)["status"] == "enabled"


def test_secrets_are_hidden_in_json_unless_asked_for(console: Console) -> None:
    options = ("--events", "inbox.deleted", "--header", "Authorization: Bearer t0ken")
    made = console.json("webhooks", "create", "http://127.0.0.1:9/", *options)
    assert "whsec_" not in json.dumps(made)
    hook = made["id"]
    for words in (
        ("webhooks", "show", hook),
        ("webhooks", "list"),
        ("webhooks", "update", hook, "--description", "x"),
        ("webhooks", "disable", hook),
        ("webhooks", "enable", hook),
    ):
        for extra in ((), ("--json",)):
            shown = console(*words, *extra)
            assert hook in shown
            assert "t0ken" not in shown
            assert "whsec_" not in shown
    assert "t0ken" in console("webhooks", "show", hook, "--show-secrets")
    assert "t0ken" in json.dumps(console.json("webhooks", "list", "--show-secrets"))
    own = ("webhooks", "create", "http://127.0.0.1:9/", "--events", "inbox.deleted")
    assert console.json(*own, "--show-secrets")["secret"].startswith("whsec_")
    assert console("webhooks", "secret", hook).startswith("whsec_")
    assert console.json("webhooks", "secret", hook)["secret"].startswith("whsec_")
    assert "t0ken" not in console("webhooks", "delete", hook, "--yes", "--json")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("webhooks", "show", "wh_x"), "`sendook-lite webhooks list`"),
        (("webhooks", "replays", "wh_x"), "`sendook-lite webhooks list`"),
        (("deliveries", "show", "dlv_x"), "`sendook-lite deliveries list`"),
        (("events", "show", "evt_x"), "`sendook-lite events list`"),
        (("inboxes", "show", "inbox_x"), "`sendook-lite inboxes list`"),
        (("keys", "delete", "key_x"), "`sendook-lite keys list`"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do_next(
    console: Console, words: tuple[str, ...], hint: str
) -> None:
    assert hint in console(*words, code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("webhooks", "replay", "wh_x"),
        ("webhooks", "replay", "wh_x", "--since", "1h", "--status", "some"),
        ("webhooks", "update", "wh_x"),
        ("webhooks", "create", "http://x.example/"),
        ("webhooks", "attempts", "wh_x", "--limit", "0"),
        ("deliveries", "retry"),
        ("events", "show"),
        ("keys", "create", "x", "--scope", "all"),
    ],
)
def test_wrong_use_ends_with_2(console: Console, words: tuple[str, ...]) -> None:
    assert "Usage:" in console(*words, code=2)


def test_a_time_that_is_none_is_told_by_its_name(console: Console) -> None:
    hook = create(console, "http://127.0.0.1:9/", "inbox.deleted")
    assert "since: must be a time" in console(
        "webhooks", "replay", hook, "--since", "yesterday", code=1
    )


def test_nobody_there_ends_with_75_and_says_how_to_start_one(console: Console) -> None:
    said = console("events", "list", "--url", "http://127.0.0.1:9", "--key", "sk_x", code=75)
    assert "sendook-lite serve" in said


def test_a_wrong_key_ends_with_1_and_says_where_to_give_one(console: Console) -> None:
    said = console("events", "list", "--url", console.server.url, "--key", "sk_x", code=1)
    assert "--key or SENDOOK_API_KEY" in said

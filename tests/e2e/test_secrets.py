"""Secrets in the whole program: rotated while deliveries flow, and never written down."""

import base64
import re
from pathlib import Path
from typing import Any

import standardwebhooks
import svix.webhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.e2e.endpoint import Endpoint, Received
from tests.e2e.server import Server, wait_until

SECRET = re.compile(r"wh(sec|sk)_[A-Za-z0-9+/]{8}")
CUSTOM = "whsec_" + "SGlkZGVu" * 4


def believes(secret: str, one: Received) -> bool:
    verdicts = set()
    for library in (standardwebhooks.Webhook, svix.webhooks.Webhook):
        try:
            library(secret).verify(one.body, one.headers)
        except standardwebhooks.WebhookVerificationError:
            verdicts.add(False)
        else:
            verdicts.add(True)
    (verdict,) = verdicts
    return verdict


def happen(server: Server, times: int) -> None:
    for _ in range(times):
        server.call("POST", "/v1/inboxes", {})


def rotate(server: Server, webhook: dict[str, Any], **body: Any) -> dict[str, Any]:
    return dict(server.call("POST", f"/v1/webhooks/{webhook['id']}/secret/rotate", body))


def test_a_receiver_that_changes_its_secret_whenever_it_likes_misses_nothing(
    server: Server, endpoint: Endpoint
) -> None:
    webhook = server.webhook(endpoint.url, "inbox.created")
    secrets = [webhook["secret"]]
    happen(server, 10)
    for _ in range(3):
        # Not waited for: some requests are under way while the secret changes.
        secrets.append(rotate(server, webhook)["secret"])
        happen(server, 10)
    wait_until(lambda: len(endpoint.received) == 40)
    for place, one in enumerate(
        sorted(endpoint.received, key=lambda one: one.headers["webhook-id"])
    ):
        assert one.attempt == 1
        # Known when it happened, and ever since the webhook was made.
        assert believes(secrets[place // 10], one)
        assert believes(secrets[0], one)
    last = rotate(server, webhook, graceSeconds=0)["secret"]
    happen(server, 1)
    wait_until(lambda: len(endpoint.received) == 41)
    assert believes(last, endpoint.received[-1])
    assert not any(believes(each, endpoint.received[-1]) for each in secrets)


def test_a_key_pair_signs_what_its_public_key_verifies(server: Server, endpoint: Endpoint) -> None:
    webhook = server.webhook(endpoint.url, "inbox.created", signing="ed25519")
    happen(server, 1)
    wait_until(lambda: endpoint.received)
    (one,) = endpoint.received
    version, signature = one.headers["webhook-signature"].split(",")
    content = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(webhook["publicKey"][5:]))
    key.verify(base64.b64decode(signature), content)  # raises when it is not ours
    assert version == "v1a"


def printed(server: Server, *arguments: str) -> str:
    done = server.run(*arguments)
    return (done.stdout + done.stderr).decode()


def test_no_secret_is_ever_written_to_the_log_or_by_a_command(tmp_path: Path) -> None:
    known = {CUSTOM}
    server = Server(
        tmp_path / "data", SENDOOK_LOG__LEVEL="debug", SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.01]"
    )
    with Endpoint(lambda one: 500 if one.headers["x-sendook-attempt"] == "1" else 200) as endpoint:
        server.start()
        for fields in ({}, {"secret": CUSTOM}, {"signing": "ed25519"}):
            made = server.webhook(endpoint.url, "inbox.created", **fields)
            rotated = rotate(server, made)
            known |= {each["secret"] for each in (made, rotated) if "secret" in each}
            server.call("POST", f"/v1/webhooks/{made['id']}/test")
        # To nobody, and refused:
        server.webhook("http://127.0.0.1:1/", "inbox.created")
        for bad in (CUSTOM[:-4], CUSTOM.replace("whsec_", "whsk_"), [CUSTOM]):
            body = {"url": endpoint.url, "events": ["inbox.created"], "secret": bad}
            status, envelope = server.error("POST", "/v1/webhooks", body)
            assert (status, "SGlkZGVu" in str(envelope)) == (400, False)
        happen(server, 3)
        wait_until(lambda: len([one for one in endpoint.received if one.attempt == 2]) >= 9)
        shown = "".join(
            printed(server, *command.split())
            for command in (
                "status --json",
                "keys list --json",
                f"receive --port 0 --secret {CUSTOM[:-4]}",
                f"receive --port 0 --secret {CUSTOM.replace('whsec_', 'whpk_')}",
                "webhooks list --json",
            )
        )
        assert server.stop() == 0
    assert len(known) == 4
    for text in (shown, server.log(), server.banner):
        assert not SECRET.search(text)
        assert not [each for each in known if each.partition("_")[2] in text]


def test_the_receiver_command_refuses_a_private_key(server: Server) -> None:
    done = server.run("receive", "--secret", "whsk_" + "SGlkZGVu" * 5)
    assert done.returncode != 0
    assert b"SGlkZGVu" not in done.stdout + done.stderr

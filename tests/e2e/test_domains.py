"""A domain comes into service while the program runs, and out of it again."""

import asyncio
import json
from pathlib import Path
from urllib.request import Request, urlopen

import dkim

from sendook_lite.domain.dkim import DkimSigner, generate_key
from tests.dns_server import DnsServer
from tests.e2e.server import KEY, Server

MAIL = b"From: a@b.example\r\nSubject: Hello\r\n\r\nText\r\n"


async def test_a_domain_is_served_from_its_verification_to_its_deletion(tmp_path: Path) -> None:
    key = generate_key("rsa")
    (tmp_path / "dkim.pem").write_bytes(key)
    async with DnsServer() as dns:
        server = Server(
            tmp_path / "data",
            SENDOOK_DOMAINS__RESOLVER=json.dumps([dns.address]),
            SENDOOK_DOMAINS__MX_HOST="mx.here.example",
            SENDOOK_DOMAINS__TRUST="false",
            SENDOOK_DOMAINS__DKIM_KEY_FILE=str(tmp_path / "dkim.pem"),
        )
        try:
            await asyncio.to_thread(serve_a_domain, server, dns, DkimSigner("sendook", key).record)
        finally:
            if server.process is not None:
                server.stop()


def serve_a_domain(server: Server, dns: DnsServer, record: str) -> None:
    server.start()
    server.call("POST", "/v1/domains", {"name": "new.example"})
    dns.records = {
        ("new.example", "MX"): ("10 mx.here.example.",),
        ("sendook._domainkey.new.example", "TXT"): (f'"{record[:200]}" "{record[200:]}"',),
    }
    # Unknown at first: 67 is "no such user" among the codes of sysexits.h.
    refused = server.run("ingest", "--recipient", "ann@new.example", stdin=MAIL)
    assert refused.returncode == 67
    assert b"5.7.1" in refused.stdout
    verified = server.run("domains", "verify", "new.example")
    assert verified.returncode == 0, verified.stdout
    records = {each["purpose"]: each for each in server.call("GET", "/v1/domains/new.example/dns")}
    assert records["mx"]["status"] == records["dkim"]["status"] == "verified"
    assert records["spf"]["status"] == records["dmarc"]["status"] == "missing"
    inbox = server.call("POST", "/v1/inboxes", {"email": "ann@new.example"})
    assert server.run("ingest", "--recipient", "ann@new.example", stdin=MAIL).returncode == 0
    sent = server.call(
        "POST",
        f"/v1/inboxes/{inbox['id']}/messages/send",
        {"to": "somebody@elsewhere.example", "subject": "Signed", "text": "Hello"},
    )
    assert signed_by_its_domain(server, inbox["id"], sent["id"], record)
    server.kill()
    dns.silent = {"new.example"}  # what was verified needs no DNS any more
    server.start()
    second = MAIL.replace(b"Text", b"Second")
    assert server.run("ingest", "--recipient", "ann@new.example", stdin=second).returncode == 0
    found = server.call("GET", f"/v1/inboxes/{inbox['id']}/messages?query=second")
    assert [each["to"] for each in found] == [["ann@new.example"]]
    server.call("DELETE", "/v1/domains/new.example")
    third = MAIL.replace(b"Text", b"Third")
    refused = server.run("ingest", "--recipient", "ann@new.example", stdin=third)
    assert b"5.7.1" in refused.stdout
    kept = server.call("GET", f"/v1/inboxes/{inbox['id']}/messages?from=b.example")
    assert len(kept) == 2


def signed_by_its_domain(server: Server, inbox: str, message: str, record: str) -> bool:
    request = Request(
        f"{server.url}/v1/inboxes/{inbox}/messages/{message}/raw",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    with urlopen(request, timeout=30) as answer:
        raw = answer.read()

    def in_dns(asked: bytes, timeout: float = 0) -> bytes:
        del timeout
        assert asked == b"sendook._domainkey.new.example."
        return record.encode()

    return bool(dkim.verify(raw, dnsfunc=in_dns))

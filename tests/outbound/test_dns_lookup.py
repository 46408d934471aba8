"""The DNS is asked for real, over loopback: records, no records, and no answer."""

from collections.abc import AsyncIterator

import dkim
import pytest

from sendook_lite.domain.dkim import DkimSigner, generate_key
from sendook_lite.outbound import dns_lookup
from sendook_lite.outbound.dns_lookup import SystemDns
from sendook_lite.usecases.domains import DnsFailed
from tests.dns_server import DnsServer


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as made:
        yield made


async def test_records_come_in_the_form_that_is_judged(server: DnsServer) -> None:
    server.records = {
        ("a.example", "MX"): ("10 MX.a.example.", "20 mx2.a.example."),
        ("a.example", "TXT"): ('"v=spf1 " "mx -all"', '"other"'),
    }
    look_up = SystemDns((("127.0.0.1", server.port),))
    assert set(await look_up("a.example", "MX")) == {"10 MX.a.example", "20 mx2.a.example"}
    assert set(await look_up("a.example", "TXT")) == {"v=spf1 mx -all", "other"}
    server.records[("a.example", "MX")] = ("5 changed.example.",)
    assert await look_up("a.example", "MX") == ("5 changed.example",)


async def test_no_such_name_and_no_such_record_are_no_records(server: DnsServer) -> None:
    server.records = {("a.example", "MX"): ("10 mx.a.example.",)}
    look_up = SystemDns((("127.0.0.1", server.port),))
    assert await look_up("a.example", "TXT") == ()
    assert await look_up("b.example", "MX") == ()


async def test_a_search_list_of_the_system_plays_no_part(server: DnsServer) -> None:
    look_up = SystemDns((("127.0.0.1", server.port),))
    await look_up("a.example", "MX")
    assert server.asked == [("a.example", "MX")]


async def test_a_long_answer_is_fetched_over_tcp(server: DnsServer) -> None:
    server.records = {("a.example", "TXT"): tuple(f'"{n:03}{"x" * 200}"' for n in range(20))}
    server.truncated = {"a.example"}
    assert len(await SystemDns((("127.0.0.1", server.port),))("a.example", "TXT")) == 20


async def test_no_answer_is_told_apart_from_no_record(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_lookup, "LIFETIME_SECONDS", 0.2)
    server.broken, server.silent = {"broken.example"}, {"silent.example"}
    look_up = SystemDns((("127.0.0.1", server.port),))
    for name in ("broken.example", "silent.example", "x" * 64 + ".example"):
        with pytest.raises(DnsFailed, match="the DNS gave no answer: "):
            await look_up(name, "TXT")


async def test_a_signed_mail_verifies_against_the_key_in_the_dns(server: DnsServer) -> None:
    signer = DkimSigner("sendook", generate_key("rsa"))
    record = signer.record
    name = "sendook._domainkey.mail.example"
    server.records = {(name, "TXT"): (f'"{record[:255]}" "{record[255:]}"',)}
    signed = signer.sign(
        b"From: ann@mail.example\r\nSubject: Hello\r\n\r\nText\r\n", "mail.example"
    )
    look_up = SystemDns((("127.0.0.1", server.port),))
    (found,) = await look_up(name, "TXT")

    def in_dns(asked: bytes, timeout: float = 0) -> bytes:
        del timeout
        assert asked == f"{name}.".encode()
        return found.encode()

    assert dkim.verify(signed, dnsfunc=in_dns)
    assert not dkim.verify(signed.replace(b"Text", b"Test"), dnsfunc=in_dns)

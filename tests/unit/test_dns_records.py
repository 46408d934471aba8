"""DNS records: what a domain needs, and what is said about what it has."""

import pytest

from sendook_lite.domain.dns_records import RecordRules, judge, wanted_records
from sendook_lite.domain.domain_name import parse_domain

KEY = "v=DKIM1; k=rsa; p=AbC+/="
RULES = RecordRules("MX.mail.example.", "_spf.relay.example", ("s1", KEY))
WANTED = {each.purpose: each for each in wanted_records(RULES, "a.example")}


def test_the_settings_say_which_records_are_needed() -> None:
    assert [(each.type, each.name, each.value, each.required) for each in WANTED.values()] == [
        ("MX", "a.example", "10 mx.mail.example", True),
        ("TXT", "a.example", "v=spf1 include:_spf.relay.example ~all", True),
        ("TXT", "s1._domainkey.a.example", KEY, True),
        ("TXT", "_dmarc.a.example", "v=DMARC1; p=none", False),
    ]
    bare = wanted_records(RecordRules(), "a.example")
    assert [(each.purpose, each.value, each.required) for each in bare] == [
        ("mx", "10 …", True),
        ("spf", "v=spf1 mx ~all", False),
        ("dmarc", "v=DMARC1; p=none", False),
    ]


@pytest.mark.parametrize(
    ("purpose", "found", "status"),
    [
        ("mx", ["10 mx.mail.example"], "verified"),
        ("mx", ["20 other.example", "30 MX.Mail.Example"], "verified"),
        ("mx", ["10 other.example"], "wrong"),
        ("mx", ["0 "], "wrong"),
        ("mx", [], "missing"),
        ("spf", ["v=spf1 include:_spf.relay.example -all"], "verified"),
        ("spf", ["google-site=1", "V=SPF1 mx +include:_SPF.relay.example ~all"], "verified"),
        ("spf", ["v=spf1 -include:_spf.relay.example ~all"], "wrong"),
        ("spf", ["v=spf1 include:x_spf.relay.example ~all"], "wrong"),
        ("spf", ["v=spf1 mx ~all"], "wrong"),
        ("spf", ["v=spf1 mx", "v=spf1 include:_spf.relay.example ~all"], "wrong"),
        ("spf", ["v=spf10 include:_spf.relay.example"], "missing"),
        ("spf", [], "missing"),
        ("dkim", [KEY], "verified"),
        ("dkim", ["p=AbC +/=;v=DKIM1"], "verified"),
        ("dkim", ["v=DKIM1; k=ed25519; p=AbC+/="], "wrong"),
        ("dkim", ["v=DKIM1; k=rsa; p=other"], "wrong"),
        ("dkim", ["v=DKIM1; p="], "wrong"),
        ("dkim", [KEY, "p=other"], "wrong"),
        ("dkim", ["anything"], "missing"),
        ("dkim", [], "missing"),
        ("dmarc", ["v=DMARC1;p=reject"], "verified"),
        ("dmarc", ["v=DMARC1; rua=mailto:x@y.example"], "wrong"),
        ("dmarc", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "wrong"),
        ("dmarc", ["v=spf1"], "missing"),
    ],
)
def test_what_is_found_is_judged(purpose: str, found: list[str], status: str) -> None:
    finding = judge(RULES, WANTED[purpose], found)  # type: ignore[index]
    assert finding.status == status
    assert (finding.advice is None) == (status == "verified")


def test_without_a_mail_server_in_the_settings_no_mx_is_right() -> None:
    rules = RecordRules()
    finding = judge(rules, wanted_records(rules, "a.example")[0], ["10 mx.a.example"])
    assert finding.status == "wrong"
    assert "domains.mx_host" in (finding.advice or "")


def test_without_an_include_any_single_spf_record_is_right() -> None:
    rules = RecordRules("mx.example")
    wanted = wanted_records(rules, "a.example")[1]
    assert judge(rules, wanted, ["v=spf1 ip4:192.0.2.1 -all"]).status == "verified"


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("Example.COM", "example.com"),
        (" example.com. ", "example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("localhost.test", "localhost.test"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_domain_is_read(name: str, parsed: str) -> None:
    assert parse_domain(name) == parsed


@pytest.mark.parametrize(
    "name",
    ["", "com", ".com", "a..b", "-a.example", "a-.example", "a b.example", "a@b.example",
     "192.0.2.1", "x" * 64 + ".example", "a." * 130 + "example", "exa\nmple.com", "*.example",
     "[::1]", "a/b.example"],
)  # fmt: skip
def test_what_is_no_domain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a domain"):
        parse_domain(name)

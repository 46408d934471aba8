"""Which DNS records a domain needs so that its mail arrives and is believed, and what it has.

Pure: names in, records out; answers of the DNS in, judgements out. MX is RFC 5321 section 5, SPF
RFC 7208, DKIM RFC 6376, DMARC RFC 7489.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

RecordType = Literal["MX", "TXT"]
RecordStatus = Literal["pending", "verified", "missing", "wrong", "failed"]
Purpose = Literal["mx", "spf", "dkim", "dmarc"]

_PREFERENCE: Final = 10
_NO_HOST: Final = "set domains.mx_host in the settings to the name of the mail server"


@dataclass(frozen=True, slots=True)
class RecordRules:
    """What the settings say: ``dkim`` is the selector and the TXT record of its public key."""

    mx_host: str = ""
    spf_include: str = ""
    dkim: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """A record that is to be in the DNS; a domain is verified by the ``required`` ones."""

    purpose: Purpose
    type: RecordType
    name: str
    value: str
    required: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What the DNS has in place of a wanted record, and what is to be done about it."""

    purpose: Purpose
    value: str
    status: RecordStatus
    found: tuple[str, ...] = ()
    advice: str | None = None


def wanted_records(rules: RecordRules, domain: str) -> tuple[WantedRecord, ...]:
    """Return the records that a domain needs here.

    MX is always required: without it no mail arrives. SPF and DKIM are where the settings name a
    relay to include, or a key. DMARC says what others do with mail that fails both, which is the
    owner's to decide; a harmless one is suggested.
    """
    policy = f"include:{rules.spf_include}" if rules.spf_include else "mx"
    wanted = [
        WantedRecord("mx", "MX", domain, f"{_PREFERENCE} {_host(rules.mx_host) or '…'}", True),
        WantedRecord("spf", "TXT", domain, f"v=spf1 {policy} ~all", bool(rules.spf_include)),
    ]
    if rules.dkim is not None:
        selector, key = rules.dkim
        wanted.append(WantedRecord("dkim", "TXT", f"{selector}._domainkey.{domain}", key, True))
    wanted.append(WantedRecord("dmarc", "TXT", f"_dmarc.{domain}", "v=DMARC1; p=none", False))
    return tuple(wanted)


def judge(rules: RecordRules, wanted: WantedRecord, found: Sequence[str]) -> Finding:
    """Say whether what the DNS has is right.

    Args:
        rules: what the settings say.
        wanted: the record.
        found: the records of its name and type; MX as ``10 host``, strings of a TXT joined.
    """
    status, relevant, advice = _JUDGES[wanted.purpose](rules, wanted, found)
    return Finding(wanted.purpose, wanted.value, status, tuple(relevant), advice)


_Judgement = tuple[RecordStatus, Sequence[str], str | None]


def _judge_mx(rules: RecordRules, wanted: WantedRecord, found: Sequence[str]) -> _Judgement:
    if not rules.mx_host:
        return "wrong", found, _NO_HOST
    if not found:
        return "missing", found, f"add the MX record {wanted.value}"
    if _host(rules.mx_host) in {_host(record.rpartition(" ")[2]) for record in found}:
        return "verified", found, None
    return "wrong", found, f"add the MX record {wanted.value}; mail now goes elsewhere"


def _judge_spf(rules: RecordRules, wanted: WantedRecord, found: Sequence[str]) -> _Judgement:
    policies = [text for text in found if text.split(" ", 1)[0].lower() == "v=spf1"]
    if not policies:
        return "missing", policies, f"add the TXT record {wanted.value}"
    if len(policies) > 1:
        return "wrong", policies, "keep one of them: with several SPF records none is valid"
    terms = {term.lower().removeprefix("+") for term in policies[0].split()[1:]}
    if not rules.spf_include or f"include:{_host(rules.spf_include)}" in terms:
        return "verified", policies, None
    return "wrong", policies, f"add include:{rules.spf_include} to it, before its last term"


def _judge_dkim(_: RecordRules, wanted: WantedRecord, found: Sequence[str]) -> _Judgement:
    keys = [_tags(text) for text in found]
    ours = _tags(wanted.value)
    if not any("p" in key for key in keys):
        return "missing", found, "add this TXT record"
    if len(found) > 1:
        return "wrong", found, "keep this one only: which of several is used is not defined"
    kind = keys[0].get("k", "rsa")
    if (kind, keys[0].get("p")) == (ours["k"], ours["p"]):
        return "verified", found, None
    return "wrong", found, "replace it by this one: it holds another key"


def _judge_dmarc(_: RecordRules, wanted: WantedRecord, found: Sequence[str]) -> _Judgement:
    policies = [text for text in found if text.replace(" ", "").lower().startswith("v=dmarc1")]
    if not policies:
        return "missing", policies, f"add the TXT record {wanted.value}"
    if len(policies) > 1:
        return "wrong", policies, "keep one of them: with several DMARC records none is valid"
    if _tags(policies[0]).get("p", "").lower() not in {"none", "quarantine", "reject"}:
        return "wrong", policies, "it needs p=none, p=quarantine or p=reject"
    return "verified", policies, None


_JUDGES: Final = {
    "mx": _judge_mx,
    "spf": _judge_spf,
    "dkim": _judge_dkim,
    "dmarc": _judge_dmarc,
}


def _host(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _tags(text: str) -> dict[str, str]:
    """Read a tag list (RFC 6376, section 3.2); spaces within values do not count."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}

"""What ``doctor`` sees of the world outside: the relay, and the DNS records of our domains."""

import smtplib
import ssl
from collections.abc import Iterable, Iterator
from typing import Final

from sendook_lite.cli.findings import Finding
from sendook_lite.outbound.relay_address import RelayAddress, parse_relay
from sendook_lite.settings import Settings, parse_name_server

SECONDS: Final = 5.0
_LOCAL: Final = ("test", "example", "invalid", "localhost", "local", "internal", "home.arpa")
"""Special-use names (RFC 6761, 6762, 8375) that no public DNS knows."""


def look(settings: Settings) -> Iterator[Finding]:
    """Look at the relay, and at the records of the domains that the settings name."""
    yield from _relay(settings.relay.url)
    yield from look_at_domains(settings, settings.inbound.domains)


def look_at_domains(settings: Settings, domains: Iterable[str]) -> Iterator[Finding]:
    """Look at the records of domains as the DNS has them now; asks the name servers of settings."""
    records = _Records(settings)
    for domain in domains:
        if domain.split(".")[-1] in _LOCAL or domain.endswith(".home.arpa"):
            yield Finding("note", "dns", f"{domain} is a local name: no records are needed")
        else:
            yield from _domain(settings, domain, records)


def _relay(url: str) -> Iterator[Finding]:
    if not url or url == "capture:":
        yield Finding(
            "note", "relay", "mail stays on this machine" if url else "there is none",
            'set [relay] url = "smtp+starttls://user:password@host:587" to send',
        )  # fmt: skip
        return
    try:
        address = parse_relay(url)
    except ValueError as error:
        yield Finding("error", "relay", str(error), "correct relay.url in the settings")
        return
    place = f"{address.host}:{address.port}"
    trouble = _talk_to(address)
    if trouble is None:
        yield Finding("ok", "relay", f"{place} answers")
    else:
        yield Finding(
            "error", "relay", f"{place} {trouble}",
            f"check [relay] url, then: nc -vz {address.host} {address.port}",
        )  # fmt: skip


def _talk_to(address: RelayAddress) -> str | None:
    """Say hello, encrypt and sign in as sending would; returns what went wrong. Sends nothing."""
    context = ssl.create_default_context()
    try:
        if address.security == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                address.host, address.port, timeout=SECONDS, context=context
            )
        else:
            client = smtplib.SMTP(address.host, address.port, timeout=SECONDS)
        with client:
            if address.security == "smtp+starttls":
                client.starttls(context=context)
            if address.username is not None:
                client.login(address.username, address.password or "")
            client.noop()
    except ssl.SSLCertVerificationError as error:
        return f"has a certificate that is not trusted: {error.verify_message}"
    except smtplib.SMTPAuthenticationError:
        return "refuses the user and password of relay.url"
    except smtplib.SMTPException as error:
        return f"does not speak SMTP as expected ({type(error).__name__})"
    except TimeoutError:
        return f"does not answer within {SECONDS:g} s"
    except OSError as error:
        return f"cannot be reached: {error.strerror or 'the name is not known'}"
    return None


class _Records:
    """Looks up records of a name; None stands for a DNS that does not answer."""

    def __init__(self, settings: Settings) -> None:
        import dns.resolver  # noqa: PLC0415 - takes long to load, only needed for public domains
        from dns.nameserver import Do53Nameserver  # noqa: PLC0415

        servers = [parse_name_server(each) for each in settings.domains.resolver]
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [Do53Nameserver(*server) for server in servers]
        self._resolver.lifetime = SECONDS

    def of(self, name: str, kind: str) -> list[str] | None:
        """Return the records as text, none when there are none."""
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            answer = self._resolver.resolve(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException:
            return None
        if kind == "TXT":
            return [b"".join(each.strings).decode("utf-8", "replace") for each in answer]
        return [str(each).rstrip(".").lower() for each in answer]


def _domain(settings: Settings, domain: str, records: _Records) -> Iterator[Finding]:
    """Look at the records by which others find our domain, and believe mail from it."""
    hosts = records.of(domain, "MX")
    if hosts is None:
        yield Finding("error", "dns", f"the DNS does not answer for {domain}", f"dig MX {domain}")
        return
    wanted = settings.domains.mx_host.rstrip(".").lower()
    named = [host.partition(" ")[2] for host in hosts]
    host = wanted or "the name of your mail server"
    if not hosts:
        yield Finding(
            "error", "dns", f"{domain} has no MX record: nobody can send mail to it",
            f"add: {domain}. MX 10 {host}.",
        )  # fmt: skip
    elif wanted and wanted not in named:
        yield Finding(
            "error", "dns", f"the MX of {domain} is {', '.join(named)}, not {wanted}",
            f"add: {domain}. MX 10 {wanted}.  or correct domains.mx_host",
        )  # fmt: skip
    else:
        yield Finding("ok", "dns", f"the MX of {domain} is {', '.join(named)}")
    if settings.relay.url and settings.relay.url != "capture:":
        yield from _sender_records(settings, domain, records)


def _sender_records(settings: Settings, domain: str, records: _Records) -> Iterator[Finding]:
    """Look at SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489)."""
    include = settings.domains.spf_include
    policy = next((each for each in records.of(domain, "TXT") or () if _is(each, "spf1")), None)
    expected = f"v=spf1 mx{f' include:{include}' if include else ''} ~all"
    if policy is None:
        yield Finding(
            "warning", "dns", f"{domain} has no SPF record: its mail may end as spam",
            f'add: {domain}. TXT "{expected}"',
        )  # fmt: skip
    elif include and f"include:{include}" not in policy.lower().split():
        yield Finding(
            "warning", "dns", f"the SPF record of {domain} does not include {include}",
            f'change it to: "{expected}"',
        )  # fmt: skip
    if settings.domains.dkim_key_file:
        name = f"{settings.domains.dkim_selector}._domainkey.{domain}"
        if not any("p=" in each for each in records.of(name, "TXT") or ()):
            yield Finding(
                "error", "dns", f"mail is signed, and there is no key at {name}: it may be refused",
                f"add the TXT record of {name}",
            )  # fmt: skip
    if not any(_is(each, "dmarc1") for each in records.of(f"_dmarc.{domain}", "TXT") or ()):
        yield Finding(
            "warning", "dns", f"{domain} has no DMARC record: large providers ask for one",
            f'add: _dmarc.{domain}. TXT "v=DMARC1; p=none"',
        )  # fmt: skip


def _is(record: str, version: str) -> bool:
    return record.lower().replace(" ", "").startswith(f"v={version}")

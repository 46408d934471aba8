"""Builds what takes mail and what sends it: domains, inboxes, intake, reports, and the outbox."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sendook_lite.app.core import Core
from sendook_lite.domain.clock import SteadyClock
from sendook_lite.domain.dkim import DkimSigner
from sendook_lite.domain.dns_records import RecordRules
from sendook_lite.domain.search_words import VERSION
from sendook_lite.domain.ses_headers import add_ses_headers
from sendook_lite.domain.tokens import SECRET_BYTES, Tokens
from sendook_lite.outbound.dns_lookup import SystemDns
from sendook_lite.outbound.outbox import Outbox
from sendook_lite.outbound.relay import build_relay
from sendook_lite.settings import SesSettings, parse_name_server
from sendook_lite.store import meta, search
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.sending import Sending, SendingRules
from sendook_lite.usecases.served_domains import ServedDomains
from sendook_lite.usecases.submitting import Submitting


@dataclass(frozen=True, slots=True)
class Mail:
    """The use cases around mail; ``outbox`` only where there is a relay."""

    domains: Domains
    inboxes: Inboxes
    report_mail: ReportMail
    intake: Intake
    lines: EventLines
    sending: Sending
    outbox: Outbox | None


async def build_mail(core: Core, public_url: str, signer: DkimSigner | None) -> Mail:
    """Build them; what is sent is signed where there is a key."""
    settings, store, publisher = core.settings, core.store, core.publisher
    served = ServedDomains(settings.inbound.domains)
    domains = _build_domains(core, served, signer)
    await domains.load()
    # Before anybody can search: emptied later, it would miss what was in it a moment ago.
    await store.writer.write(search.start_anew_if_outdated, VERSION)
    inboxes = Inboxes(store, publisher, served)
    reports = Reports(publisher, public_url)
    tokens = Tokens(
        await store.writer.write(meta.token_secret, lambda: secrets.token_bytes(SECRET_BYTES))
    )
    report_mail = ReportMail(reports, tokens, settings.inbound.report_addresses)
    rules = IntakeRules(
        unknown_recipients=settings.inbound.unknown_recipients,
        create_per_hour=settings.inbound.create_per_hour,
        catch_all=settings.inbound.catch_all,
        inline_attachments=settings.delivery.inline_attachments,
        public_url=public_url,
    )
    room, steady = core.space.ensure, SteadyClock(core.clock)
    intake = Intake(store, publisher, inboxes, rules, core.clock, room, report_mail)
    submitting = Submitting(store, publisher, reports, tokens, steady.now, _dress(settings.ses))
    outbox = _build_outbox(core, submitting, intake)
    sending = Sending(
        store,
        publisher,
        reports,
        tokens,
        SendingRules(settings.limits.sends_per_hour, settings.delivery.inline_attachments),
        core.clock,
        core.ids,
        steady.now,
        None if outbox is None else outbox.accepted,
        sign=(lambda raw, _: raw) if signer is None else signer.sign,
    )
    lines = EventLines(store, publisher, intake, reports, room)
    return Mail(domains, inboxes, report_mail, intake, lines, sending, outbox)


def _build_domains(core: Core, served: ServedDomains, signer: DkimSigner | None) -> Domains:
    settings = core.settings.domains
    rules = RecordRules(
        mx_host=settings.mx_host,
        spf_include=settings.spf_include,
        dkim=None if signer is None else (signer.selector, signer.record),
    )
    look_up = SystemDns(tuple(map(parse_name_server, settings.resolver)))
    return Domains(core.store, served, look_up, rules, trust=settings.trust)


def _build_outbox(core: Core, submitting: Submitting, intake: Intake) -> Outbox | None:
    """Build what hands mail to the relay; None where there is no relay."""
    url, hostname = core.settings.relay.url, core.settings.inbound.domains[0]
    relay = build_relay(url, hostname, deliver=intake.deliver_here)
    return None if relay is None else Outbox(submitting, relay, core.clock)


def _dress(settings: SesSettings) -> Callable[[bytes], bytes]:
    """Return what adds the headers that Amazon SES is told its options by."""
    return partial(
        add_ses_headers,
        configuration_set=settings.configuration_set,
        tags=settings.message_tags,
    )

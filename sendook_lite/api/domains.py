"""Handlers of domains; one is named by its id or its name."""

from typing import Annotated

from pydantic import Field

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import Listing, ListQuery, listing
from sendook_lite.api.schemas import Body
from sendook_lite.domain import resources
from sendook_lite.usecases.domains import DomainRecords


class CreateDomain(Body):
    """A domain whose mail is to be taken."""

    name: Annotated[str, Field(min_length=1, max_length=255)]


async def list_domains(call: Call[ListQuery, None]) -> Answer:
    """Show domains, newest first; those of the settings are not among them."""
    context = call.context
    page = await context.domains.page(call.query.limit, call.query.before)
    return listing(call.request, context.public_url, page, _show)


async def create_domain(call: Call[None, CreateDomain]) -> Answer:
    """Add a domain; its mail is taken once it is verified."""
    return _show(await call.context.domains.create(call.body.name))


async def get_domain(call: Call[None, None]) -> Answer:
    """Show a domain with the DNS records it needs."""
    return _show(await call.context.domains.get(call.path["domain"]))


async def delete_domain(call: Call[None, None]) -> Answer:
    """Remove a domain; its inboxes stay, and get no mail any more."""
    return _show(await call.context.domains.delete(call.path["domain"]))


async def verify_domain(call: Call[None, None]) -> Answer:
    """Look at the DNS now; from the first time that all is right its mail is taken."""
    return _show(await call.context.domains.verify(call.path["domain"]))


async def list_dns_records(call: Call[None, None]) -> Answer:
    """Show the DNS records that a domain needs, and what the last look at the DNS found."""
    found = await call.context.domains.get(call.path["domain"])
    return Listing(resources.dns_records(found.records))


def _show(found: DomainRecords) -> resources.Resource:
    return resources.domain(found.domain, found.records)

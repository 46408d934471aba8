"""Handlers of inboxes."""

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import ListQuery, listing
from sendook_lite.api.schemas import ChangeInbox, CreateInbox
from sendook_lite.domain import resources


async def list_inboxes(call: Call[ListQuery, None]) -> Answer:
    """Show inboxes, newest first; to a limited key its own."""
    context = call.context
    page = await context.inboxes.page(call.query.limit, call.query.before, call.principal.inbox_ids)
    return listing(call.request, context.public_url, page, resources.inbox)


async def create_inbox(call: Call[None, CreateInbox]) -> Answer:
    """Make an inbox."""
    return resources.inbox(await call.context.inboxes.create(call.body.name, call.body.email))


async def get_inbox(call: Call[None, None]) -> Answer:
    """Show an inbox."""
    return resources.inbox(await call.context.inboxes.get(call.path["inbox_id"]))


async def change_inbox(call: Call[None, ChangeInbox]) -> Answer:
    """Rename an inbox."""
    inbox = await call.context.inboxes.rename(call.path["inbox_id"], call.body.name)
    return resources.inbox(inbox)


async def delete_inbox(call: Call[None, None]) -> Answer:
    """Remove an inbox with all its mail."""
    return resources.inbox(await call.context.inboxes.delete(call.path["inbox_id"]))

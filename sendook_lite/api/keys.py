"""Handlers of API keys."""

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.named_inboxes import require_inboxes
from sendook_lite.api.pages import ListQuery, listing
from sendook_lite.api.schemas import CreateKey
from sendook_lite.domain import resources
from sendook_lite.domain.model import ApiKey, Scope
from sendook_lite.store.page import Page, cut


async def list_keys(call: Call[ListQuery, None]) -> Answer:
    """Show keys, newest first; without the keys themselves, which nobody has."""
    page = _page(await call.context.access.list_all(), call.query)
    return listing(call.request, call.context.public_url, page, resources.api_key)


async def create_key(call: Call[None, CreateKey]) -> Answer:
    """Make a key; the only answer that holds it."""
    body = call.body
    await require_inboxes(call.context.store.reader, body.inbox_ids)
    default: list[Scope] = ["write"] if body.inbox_ids else ["admin"]
    key, secret = await call.context.access.create(
        body.name, tuple(body.scopes or default), tuple(body.inbox_ids or ())
    )
    return resources.api_key(key, secret)


async def get_key(call: Call[None, None]) -> Answer:
    """Show a key."""
    return resources.api_key(await call.context.access.get(call.path["api_key_id"]))


async def delete_key(call: Call[None, None]) -> Answer:
    """Remove a key; it opens nothing from now on."""
    return resources.api_key(await call.context.access.delete(call.path["api_key_id"]))


def _page(keys: list[ApiKey], query: ListQuery) -> Page[ApiKey]:
    """Cut a page out of all keys: there are few, and they are read whole."""
    before = query.before
    if before is not None:
        places = {key.id: place for place, key in enumerate(keys)}
        if before in places:
            keys = keys[places[before] + 1 :]
        else:
            keys = [key for key in keys if key.id < before]
    return cut(keys, query.limit)

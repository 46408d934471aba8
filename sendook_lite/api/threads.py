"""Handlers of threads."""

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import Cursor, Limit, ListQuery, Part, Query, listing
from sendook_lite.domain import resources
from sendook_lite.domain.model import Message
from sendook_lite.store import messages, threads
from sendook_lite.store.page import MAX_LIMIT


async def list_threads(call: Call[ListQuery, None]) -> Answer:
    """Show threads of an inbox, newest first, with the ids of their messages."""
    context = call.context
    inbox = await context.inboxes.get(call.path["inbox_id"])
    page = await threads.list_page(
        context.store.reader, inbox.seq, call.query.limit, call.query.before
    )
    return listing(call.request, context.public_url, page, resources.thread)


class ThreadQuery(Query):
    """How many messages of a thread, oldest first, and behind which of them."""

    limit: Limit = MAX_LIMIT
    after: Cursor | None = None


async def get_thread(call: Call[ThreadQuery, None]) -> Answer:
    """Show a thread with its messages, oldest first.

    A page of them where there are many, or long ones; ``truncated`` and a link say that there are
    more.
    """
    context, query = call.context, call.query
    inbox = await context.inboxes.get(call.path["inbox_id"])
    thread = await threads.get(context.store.reader, inbox.id, call.path["thread_id"])
    page = await messages.page_of_thread(context.store.reader, thread, query.limit, query.after)

    def show(message: Message) -> resources.Resource:
        return resources.message(message, context.public_url)

    found = listing(call.request, context.public_url, page, show, "after")
    shown = resources.thread(thread, found.items, more=page.more)
    return Part(shown, found.headers)

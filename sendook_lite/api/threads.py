"""Handlers of threads."""

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import ListQuery, listing
from sendook_lite.domain import resources
from sendook_lite.store import messages, threads


async def list_threads(call: Call[ListQuery, None]) -> Answer:
    """Show threads of an inbox, newest first, with the ids of their messages."""
    context = call.context
    inbox = await context.inboxes.get(call.path["inbox_id"])
    page = await threads.list_page(
        context.store.reader, inbox.seq, call.query.limit, call.query.before
    )
    return listing(call.request, context.public_url, page, resources.thread)


async def get_thread(call: Call[None, None]) -> Answer:
    """Show a thread with its messages, oldest first."""
    context = call.context
    inbox = await context.inboxes.get(call.path["inbox_id"])
    thread = await threads.get(context.store.reader, inbox.id, call.path["thread_id"])
    found = await messages.list_of_thread(context.store.reader, thread.seq)
    shown = [resources.message(message, context.public_url) for message in found]
    return resources.thread(thread, shown)

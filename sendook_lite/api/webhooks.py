"""Handlers of webhooks."""

from typing import Final

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.named_inboxes import require_inboxes
from sendook_lite.api.pages import Limit, Listing, ListQuery, Query, listing
from sendook_lite.api.webhook_schemas import ChangeWebhook, CreateWebhook, RotateSecret
from sendook_lite.domain import resources
from sendook_lite.domain.model import Webhook
from sendook_lite.usecases.access import Principal

_HIDDEN: Final = "***"


class AttemptsQuery(Query):
    """How many of the last attempts."""

    limit: Limit = 10


async def list_webhooks(call: Call[ListQuery, None]) -> Answer:
    """Show webhooks, newest first."""
    page = await call.context.endpoints.page(call.query.limit, call.query.before)

    def show(webhook: Webhook) -> resources.Resource:
        return _show(webhook, call.principal)

    return listing(call.request, call.context.public_url, page, show)


async def create_webhook(call: Call[None, CreateWebhook]) -> Answer:
    """Make a webhook; the only answer, besides the secret's own, that holds its secret."""
    await require_inboxes(call.context.store.reader, call.body.inbox_ids)
    columns = {name: value for name, value in call.body.columns().items() if value is not None}
    webhook, secret = await call.context.endpoints.create(columns, call.body.secret)
    return resources.webhook(webhook, secret.shown)


async def get_webhook(call: Call[None, None]) -> Answer:
    """Show a webhook."""
    return _show(await call.context.endpoints.get(call.path["webhook_id"]), call.principal)


async def change_webhook(call: Call[None, ChangeWebhook]) -> Answer:
    """Change a webhook, or enable or disable it."""
    await require_inboxes(call.context.store.reader, call.body.inbox_ids)
    webhook = await call.context.endpoints.change(call.path["webhook_id"], call.body.columns())
    return resources.webhook(webhook)


async def delete_webhook(call: Call[None, None]) -> Answer:
    """Remove a webhook and all it is owed."""
    return resources.webhook(await call.context.endpoints.delete(call.path["webhook_id"]))


async def test_webhook(call: Call[None, None]) -> Answer:
    """Send a test event to a webhook now, and tell what really came of it."""
    attempt, success = await call.context.endpoints.test(call.path["webhook_id"])
    return {
        "success": success,
        "eventId": attempt.event_id,
        "attempt": resources.attempt(attempt),
    }


async def list_attempts(call: Call[AttemptsQuery, None]) -> Answer:
    """Show the last attempts of a webhook, newest first."""
    made = await call.context.endpoints.attempts(call.path["webhook_id"], call.query.limit)
    return Listing([resources.attempt(attempt) for attempt in made])


async def get_statistics(call: Call[None, None]) -> Answer:
    """Show how a webhook has done, and the last 24 hours one by one."""
    return resources.statistics(await call.context.endpoints.statistics(call.path["webhook_id"]))


async def get_secret(call: Call[None, None]) -> Answer:
    """Show the secret that signs now, and until when earlier ones do."""
    return resources.webhook_secret(await call.context.endpoints.secrets(call.path["webhook_id"]))


async def rotate_secret(call: Call[None, RotateSecret]) -> Answer:
    """Give a webhook a new secret; the former one signs beside it for a while."""
    signing = await call.context.endpoints.rotate_secret(
        call.path["webhook_id"], call.body.grace_seconds, call.body.secret
    )
    return resources.webhook_secret(signing)


def _show(webhook: Webhook, principal: Principal) -> resources.Resource:
    """Show a webhook; the values of its headers, often tokens, only to who could change them."""
    shown = resources.webhook(webhook)
    if "headers" in shown and "write" not in principal.scopes:
        shown["headers"] = dict.fromkeys(shown["headers"], _HIDDEN)
    return shown

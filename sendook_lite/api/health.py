"""What may be asked without a key: is it alive, is it ready, and a sink for trying webhooks."""

from http import HTTPStatus

from aiohttp import web

from sendook_lite.api import envelope
from sendook_lite.api.call import Answer, Call


async def health(call: Call[None, None]) -> Answer:
    """Say that the process answers, and how it is."""
    return {"healthy": True, **call.context.health()}


async def ready(call: Call[None, None]) -> Answer:
    """Say whether everything works; 503 with the reason when it does not."""
    reason = call.context.ready()
    if reason is None:
        return {"ready": True}
    document = {"ready": False, **envelope.describe("not_ready", reason)}
    return web.json_response(document, status=HTTPStatus.SERVICE_UNAVAILABLE)


async def swallow(_call: Call[None, None]) -> Answer:
    """Take whatever is posted and keep nothing."""
    return {"received": True}

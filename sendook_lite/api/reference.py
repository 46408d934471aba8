"""Handler of the OpenAPI document: the API described from its own table of routes."""

import asyncio
from functools import lru_cache

import orjson
from aiohttp import web

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.envelope import JSON_TYPE


async def get_openapi(call: Call[None, None]) -> Answer:
    """Describe the API of this server as OpenAPI 3.1."""
    context = call.context
    body = await asyncio.to_thread(rendered, context.public_url, dev=context.dev)
    return web.Response(body=body, headers={"Content-Type": JSON_TYPE})


@lru_cache(maxsize=1)
def rendered(public_url: str, *, dev: bool) -> bytes:
    """Return the document as JSON; made when it is first asked for, since it costs memory."""
    from sendook_lite.api.openapi import document  # noqa: PLC0415
    from sendook_lite.api.routes import DEV_ROUTES, ROUTES  # noqa: PLC0415

    return orjson.dumps(document((*ROUTES, *DEV_ROUTES) if dev else ROUTES, public_url))

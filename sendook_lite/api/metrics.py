"""``GET /metrics``: what Prometheus reads, for those who may (``metrics.allow``)."""

from aiohttp import web

from sendook_lite.api.call import Answer, Call
from sendook_lite.domain.client_address import client_address, within
from sendook_lite.domain.errors import Forbidden


async def metrics(call: Call[None, None]) -> Answer:
    """Answer all metrics in the format that is asked for.

    Raises:
        Forbidden: the client is none of ``metrics.allow``.
    """
    settings = call.context.settings
    peer = call.request.transport and call.request.transport.get_extra_info("peername")
    if isinstance(peer, tuple):  # on the admin socket there is none
        forwarded = ",".join(call.request.headers.getall("X-Forwarded-For", ()))
        address = client_address(peer[0], forwarded, settings.server.trusted_proxies)
        if not within(address, settings.metrics.allow):
            raise Forbidden(
                f"{address} may not read the metrics (metrics.allow)", "metrics_forbidden"
            )
    page = await call.context.metrics(call.request.headers.get("Accept", ""))
    return web.Response(body=page.body, headers={"Content-Type": page.content_type})

"""What the examples share: register a webhook, verify what comes, pass on each event once."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientSession, web
from standardwebhooks import Webhook, WebhookVerificationError

SENDOOK = os.environ.get("SENDOOK_URL", "http://127.0.0.1:8465")
PORT = int(os.environ.get("PORT", "8480"))
HEADERS = {"Authorization": f"Bearer {os.environ.get('SENDOOK_API_KEY', '')}"}

Handle = Callable[[dict[str, Any]], Awaitable[None]]


async def call(method: str, path: str, body: Any = None, *, once: str = "") -> Any:
    """Call the API of Sendook Lite; ``once`` is a key under which it takes effect once at most."""
    headers = {**HEADERS, "Idempotency-Key": once} if once else HEADERS
    async with (
        ClientSession(SENDOOK, headers=headers) as session,
        session.request(method, path, json=body) as answer,
    ):
        document = await answer.json()
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {document['message']}")
        return document


def serve(handle: Handle, events: list[str], database: sqlite3.Connection, *pages: Any) -> None:
    """Listen for events until stopped; ``handle`` gets each one once.

    An event is noted in the same transaction as what ``handle`` does with ``database``. If it
    fails, neither is kept, the answer is 500, and the event comes again.
    """
    database.execute("CREATE TABLE IF NOT EXISTS handled (event_id TEXT PRIMARY KEY)")
    verifiers: list[Webhook] = []
    turn = asyncio.Lock()

    async def register(_app: web.Application) -> None:
        url = f"http://127.0.0.1:{PORT}/hook"
        for webhook in await call("GET", "/v1/webhooks?limit=500"):
            if webhook["url"] == url:
                await call("DELETE", f"/v1/webhooks/{webhook['id']}")
        made = await call("POST", "/v1/webhooks", {"url": url, "events": events})
        verifiers.append(Webhook(made["secret"]))
        print(f"listening for {', '.join(events)} at {url}", flush=True)

    async def hook(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            verifiers[0].verify(body, dict(request.headers))
        except (IndexError, WebhookVerificationError):
            return web.Response(status=401)
        event = json.loads(body)
        async with turn:
            with database:
                new = database.execute(
                    "INSERT OR IGNORE INTO handled VALUES (?)", (event["eventId"],)
                ).rowcount
                if new:
                    await handle(event)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", hook)
    app.add_routes(pages)
    app.on_startup.append(register)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None)

"""Files that pages link to: served from a fixed table, kept for ever under a versioned URL."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from aiohttp import web

_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "icons.svg": "image/svg+xml",
    "favicon.svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def asset_url(name: str) -> str:
    """Return the URL of a file; it changes with the file."""
    return f"/static/{name}?v={_digest(name)}"


async def get_asset(request: web.Request) -> web.StreamResponse:
    """Serve a file of the table."""
    name = request.match_info["name"]
    if name not in _TYPES:
        raise web.HTTPNotFound
    lasting = request.query.get("v") == _digest(name)
    return web.Response(
        body=(_STATIC / name).read_bytes(),
        headers={
            "Content-Type": _TYPES[name],
            "Cache-Control": _FOR_EVER if lasting else "no-cache",
        },
    )


@lru_cache(maxsize=len(_TYPES))
def _digest(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]

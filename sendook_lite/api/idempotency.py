"""The Idempotency-Key of a POST: what it is read from, and how a kept answer is told again."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from aiohttp import web

from sendook_lite.api.bodies import PARSED_OFF_LOOP, read_bytes
from sendook_lite.api.envelope import JSON_TYPE
from sendook_lite.domain.errors import FieldError, Invalid
from sendook_lite.store.idempotent_requests import KeptRequest, RequestKey
from sendook_lite.usecases.access import Principal
from sendook_lite.usecases.idempotency import Idempotency

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_OPERATOR: Final = "operator"
_JSON: Final = "application/json"


async def answer_once(
    idempotency: Idempotency,
    request: web.Request,
    principal: Principal,
    answer: Callable[[], Awaitable[web.StreamResponse]],
    *,
    secret: bool,
) -> web.StreamResponse:
    """Answer a request, or repeat the answer that its key got before.

    ``secret``: the answer is for the first asker only; that there was one is all that is kept.

    Raises:
        Invalid: the key is malformed.
        Conflict: the key stands for something else, or there is no answer to be repeated (yet).
    """
    key = RequestKey(principal.key_id or _OPERATOR, read_key(request))
    digest = await _digest(request)

    def describe(given: web.StreamResponse) -> KeptRequest:
        body = given.body if isinstance(given, web.Response) else None
        if not isinstance(body, bytes) or given.content_type != _JSON:
            return KeptRequest(digest)
        document = orjson.loads(body)
        made = document.get("id") if isinstance(document, dict) else None
        if secret:
            return KeptRequest(digest, made)
        return KeptRequest(digest, made, given.status, body)

    told = await idempotency.once(key, digest, answer, describe)
    if isinstance(told, web.StreamResponse):
        return told
    headers = {"Content-Type": JSON_TYPE, REPLAYED_HEADER: "true"}
    return web.Response(body=told.answer, status=told.status or 200, headers=headers)


def read_key(request: web.Request) -> str:
    """Return the key of a request.

    Raises:
        Invalid: it is not one key of 1 to 255 visible ASCII characters.
    """
    keys = request.headers.getall(KEY_HEADER)
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        message = f"{KEY_HEADER} must be one key of 1 to 255 visible ASCII characters"
        raise Invalid(message, (FieldError(KEY_HEADER, message, location="headers"),))
    return keys[0]


async def _digest(request: web.Request) -> bytes:
    """Return what tells a request from others: SHA-256 of method, path, query and body.

    Spelling counts: the same object written differently is another body.
    """
    url = request.rel_url
    head = f"{request.method} {url.raw_path.rstrip('/')}?{url.raw_query_string}\n".encode()
    body = await read_bytes(request)
    if len(body) > PARSED_OFF_LOOP:
        return await asyncio.to_thread(_hash, head, body)
    return _hash(head, body)


def _hash(head: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.digest()

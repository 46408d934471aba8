"""Reads the JSON body of a request, strictly: one document, one meaning."""

import asyncio
import json
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web
from aiohttp.http import HttpProcessingError
from pydantic import BaseModel

from sendook_lite.api.validation import validate
from sendook_lite.domain.errors import Invalid, TooLarge

MAX_BODY_BYTES: Final = 35 * 1024 * 1024
PARSED_OFF_LOOP: Final = 64 * 1024
"""A body longer than this is parsed on a thread, so that others are not kept waiting."""

M = TypeVar("M", bound=BaseModel)


async def read_body(request: web.Request, model: type[M]) -> M:
    """Read the body into a model, whatever content type it claims; no body is an empty object.

    Raises:
        TooLarge: it has more than MAX_BODY_BYTES, by its own word or in fact.
        Invalid: it is not a JSON object, or a field is not what it should be.
    """
    raw = await read_bytes(request)
    if len(raw) > PARSED_OFF_LOOP:
        return validate(model, await asyncio.to_thread(parse_object, raw), "body")
    return validate(model, parse_object(raw), "body")


async def read_bytes(request: web.Request) -> bytes:
    """Read the body as it came; a second time from memory.

    Raises:
        TooLarge: it has more than MAX_BODY_BYTES, by its own word or in fact.
        Invalid: it ended early, or is coded wrongly.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large() from error
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise _malformed("it ended early, or is not coded as its headers say") from error


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object; no bytes at all are an empty one.

    Not valid: anything but UTF-8, NaN and infinities, half a surrogate pair, nesting deeper than
    1,000, and a name twice in one object, which readers understand differently (RFC 8259, section
    4).

    Raises:
        Invalid: it is not valid, or not an object.
    """
    if not raw.strip():
        return {}
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(_phrase(error)) from error
    if not isinstance(document, dict):
        raise Invalid("The body must be a JSON object", code="invalid_json")
    try:
        json.loads(raw, object_pairs_hook=_once, parse_int=str)
    except ValueError as error:
        raise _malformed(str(error)) from error
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    return document


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a name that stands twice in one object."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"the name {name[:64]!r} stands twice in one object")
        seen.add(name)


def _phrase(error: orjson.JSONDecodeError) -> str:
    return f"{error.msg} at line {error.lineno}, column {error.colno}"


def _malformed(why: str) -> Invalid:
    return Invalid(f"The body is not valid JSON: {why}", code="invalid_json")


def _too_large() -> TooLarge:
    return TooLarge("body_too_large", f"The body has more than {MAX_BODY_BYTES} bytes")

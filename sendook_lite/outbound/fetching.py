"""Gets small things over https from hosts that the caller has judged."""

from http import HTTPStatus
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from sendook_lite.domain.errors import Unavailable

FETCH_SECONDS: Final = 10.0
MAX_BYTES: Final = 64 * 1024


async def fetch(url: str) -> bytes:
    """Return what is at a URL: 200, at most 64 KiB, no redirects.

    Raises:
        Unavailable: it could not be had now.
    """
    timeout = ClientTimeout(total=FETCH_SECONDS)
    try:
        async with (
            ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            content = await answer.content.read(MAX_BYTES + 1)
            while len(content) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES)):
                content += more
            status = answer.status
    except TimeoutError as error:
        raise _failed(f"no answer within {FETCH_SECONDS:g} s") from error
    except (ClientError, OSError, ValueError) as error:
        # Their texts may hold the URL, and with it a token.
        raise _failed("the connection failed") from error
    if status != HTTPStatus.OK or len(content) > MAX_BYTES:
        raise _failed(f"answered {status}, {len(content)} bytes or more")
    return content


def _failed(reason: str) -> Unavailable:
    return Unavailable("fetch_failed", f"what a message refers to could not be fetched: {reason}")

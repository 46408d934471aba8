"""Fetches the operator's URL every minute while all is well; its silence is the alarm."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from sendook_lite.domain.clock import Clock

EVERY_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """Beats as long as ``trouble`` says None.

    The URL is the operator's own: it may lead to private networks, and it is a secret, so it is
    never logged.
    """

    def __init__(
        self,
        url: str,
        version: str,
        clock: Clock,
        trouble: Callable[[], str | None],
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = url
        self._headers = {"user-agent": f"Sendook-Lite/{version}", "accept-encoding": "identity"}
        self._clock = clock
        self._trouble = trouble
        self._timeout = ClientTimeout(total=timeout)
        self._silent_for: str | None = None

    async def run(self) -> None:
        """Beat until cancelled; what keeps it from beating is logged when it changes.

        The first beat comes after a minute: a server that starts over and over is not well.
        """
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            reason = self._trouble() or await self._fetch()
            if reason != self._silent_for:
                if reason is None:
                    log.info("the heartbeat is back")
                else:
                    log.warning("no heartbeat", reason=reason)
            self._silent_for = reason

    async def _fetch(self) -> str | None:
        """Fetch the URL once; returns why that failed."""
        try:
            async with (
                ClientSession(timeout=self._timeout, cookie_jar=DummyCookieJar()) as session,
                session.get(self._url, headers=self._headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except TimeoutError:
            return f"alerts.heartbeat_url does not answer within {self._timeout.total:g} s"
        except (ClientError, OSError, ValueError) as error:
            # The text of the error may hold the URL.
            return f"alerts.heartbeat_url cannot be fetched ({type(error).__name__})"
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        return f"alerts.heartbeat_url answered {status}"

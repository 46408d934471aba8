"""Hands events to a URL, one after the other, as a webhook would be: for trying a handler."""

import http.client
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from sendook_lite.cli.failure import WRONG_USE, Failed
from sendook_lite.cli.terminal import printable, shorten
from sendook_lite.domain.clock import MS_PER_SECOND, Clock

SECONDS = 30.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
_READ = 4096
_SHOWN = 200
_SUCCESSES = range(200, 300)


class Forwarder:
    """Posts to one URL. Waits while nobody listens there; any answer, also a bad one, is final.

    Args:
        url: http or https.
        clock: measures how long an answer takes.
        pause: waits for so many seconds.
        tell: says a sentence to the user.

    Raises:
        Failed: the URL is none.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        pause: Callable[[float], None],
        tell: Callable[[str], None],
    ) -> None:
        self._url = _parse(url)
        self._shown = printable(url)
        self._clock = clock
        self._pause = pause
        self._tell = tell

    def forward(self, headers: Mapping[str, str], body: bytes) -> None:
        """Post a body and tell what came of it."""
        seconds = 0.0
        while True:
            try:
                self._tell(f"  → {self._post(headers, body)}")
            except ConnectionRefusedError:
                if not seconds:
                    self._tell(f"  → nobody listens at {self._shown}; trying until somebody does")
                seconds = min(seconds * 2, LONGEST_PAUSE) or FIRST_PAUSE
                self._pause(seconds)
            else:
                return

    def _post(self, headers: Mapping[str, str], body: bytes) -> str:
        """Post once; returns how it went, in words.

        Raises:
            ConnectionRefusedError: nobody listens.
        """
        started = self._clock.monotonic()
        kinds: dict[str, Any] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        url = self._url
        connection = kinds[url.scheme](url.hostname, url.port, timeout=SECONDS)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        try:
            connection.request("POST", target, body, dict(headers))
            answer = connection.getresponse()
            excerpt = answer.read(_READ)
        except ConnectionRefusedError:
            raise
        except TimeoutError:
            return click.style(f"no answer for {SECONDS:g} s", fg="red")
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            return click.style(f"failed: {printable(reason or 'the answer is no HTTP')}", fg="red")
        finally:
            connection.close()
        taken = (self._clock.monotonic() - started) * MS_PER_SECOND
        text = f"{answer.status} in {taken:.0f} ms"
        if answer.status in _SUCCESSES:
            return click.style(text, fg="green")
        said = shorten(printable(excerpt.decode("utf-8", "replace").strip()), _SHOWN)
        return click.style(text, fg="red") + (f": {said}" if said else "")


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise Failed(
            f"--forward {printable(url)}: must be like http://127.0.0.1:3000/hook", WRONG_USE
        )
    return parts

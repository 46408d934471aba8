"""An attempt as it went over the wire: the head of its request, and the same as a command."""

import shlex
from typing import Final

from sendook_lite import __version__
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.model import Attempt, Webhook

MAX_COMMAND: Final = 48 * 1024
"""Bytes of a body that a command line may hold with certainty."""

HIDDEN: Final = "***"
_ONCE: Final = "v1,… (made anew for each attempt, and not kept)"


def headers(attempt: Attempt, webhook: Webhook, *, revealed: bool) -> dict[str, str]:
    """Return the headers of a request, all but its signature; ``revealed``: with the custom ones.

    The webhook's own headers are those of today: what they were is not kept.
    """
    custom = {name: value if revealed else HIDDEN for name, value in webhook.headers}
    return {
        "content-type": "application/json",
        "user-agent": f"Sendook-Lite/{__version__}",
        "accept-encoding": "identity",
        "webhook-id": attempt.event_id,
        "webhook-timestamp": str(attempt.created_at // MS_PER_SECOND),
        "x-sendook-delivery": attempt.delivery_id,
        "x-sendook-attempt": str(attempt.number),
        **custom,
    }


def request_head(attempt: Attempt, webhook: Webhook, revealed: bool) -> str:  # noqa: FBT001
    """Write the head of a request."""
    lines = [f"POST {webhook.url}"]
    for name, value in headers(attempt, webhook, revealed=revealed).items():
        lines.append(f"{name}: {value}")
        if name == "webhook-timestamp":
            lines.append(f"webhook-signature: {_ONCE}")
    return "\n".join(lines)


def as_curl(attempt: Attempt, webhook: Webhook, revealed: bool) -> str:  # noqa: FBT001
    """Write a request as a command; a body that is too long for one is to be put in a file."""
    words = ["curl -X POST", shlex.quote(webhook.url)]
    words += [
        f"-H {shlex.quote(f'{name}: {value}')}"
        for name, value in headers(attempt, webhook, revealed=revealed).items()
    ]
    body = attempt.event_body
    long = len(body) > MAX_COMMAND
    words.append("-d @body.json" if long else f"-d {shlex.quote(body.decode())}")
    return " \\\n  ".join(words)

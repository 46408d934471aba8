"""The Python client of the API: ``Client`` waits for answers, ``AsyncClient`` awaits them.

    with Client("http://127.0.0.1:8465", key="sk_…") as sendook:
        inbox = sendook.inboxes.create(name="Support")
        for message in sendook.messages.list(inbox["id"], query="invoice"):
            print(message["subject"])

Answers are the plain dictionaries of the API, with types (``resources``): the payloads of webhooks
are the same ones. ``verify`` is for those who receive webhooks.
"""

from sendook_lite.client.async_client import AsyncClient
from sendook_lite.client.blocking_client import Client
from sendook_lite.client.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    NotSigned,
    Refused,
    ServerFailed,
    TooLarge,
    TooMany,
    Unauthorized,
    Unreachable,
)
from sendook_lite.client.webhook import verify
from sendook_lite.domain.errors import FieldError, SendookError

__all__ = [
    "AsyncClient",
    "BadRequest",
    "Client",
    "Conflict",
    "FieldError",
    "Forbidden",
    "NotFound",
    "NotSigned",
    "Refused",
    "SendookError",
    "ServerFailed",
    "TooLarge",
    "TooMany",
    "Unauthorized",
    "Unreachable",
    "verify",
]

"""Verifies a received webhook and reads its event (Standard Webhooks 1.0)."""

import json
from collections.abc import Iterable, Mapping
from typing import cast

from sendook_lite.client.errors import NotSigned
from sendook_lite.client.resources import WebhookBody
from sendook_lite.domain import signing
from sendook_lite.domain.clock import MS_PER_SECOND, SystemClock


def verify(
    secret: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance: int = signing.TOLERANCE_SECONDS,
    now: int | None = None,
) -> WebhookBody:
    """Verify a webhook and return its event.

    It takes as long for a wrong signature as for a right one.

    Args:
        secret: ``whsec_…``, or the public key ``whpk_…``; several while it is being changed.
        headers: of the request, their names in any case.
        body: exactly the bytes that were received.
        tolerance: seconds that the timestamp may be off, in both directions.
        now: Unix seconds; the clock's when it is left out.

    Raises:
        NotSigned: the request is not to be believed; answer 401 and do nothing.
        ValueError: the secret is none, whatever the request is.
    """
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    for one in secrets:
        signing.read_verifier(one)
    lower = {name.lower(): value for name, value in headers.items()}
    moment = SystemClock().now() // MS_PER_SECOND if now is None else now
    try:
        signing.verify(secrets, lower, body, moment, tolerance)
        return cast("WebhookBody", json.loads(body))
    except ValueError as error:
        raise NotSigned(str(error)) from None

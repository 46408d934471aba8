"""Moments in requests: ISO 8601 outside, milliseconds since the epoch inside."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from sendook_lite.domain.clock import parse_iso


def _moment(value: Any) -> int:
    if isinstance(value, str):
        try:
            return parse_iso(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError("must be a time such as 2026-03-01T09:10:00Z")


Moment = Annotated[
    int, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]

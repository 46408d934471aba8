"""How one attempt to reach an endpoint ended."""

from typing import Literal, NamedTuple

from sendook_lite.domain.charsets import clean
from sendook_lite.domain.errors import SendookError

ErrorCode = Literal[
    "blocked_address",
    "dns_failed",
    "dns_timeout",
    "connect_refused",
    "connect_timeout",
    "connection_reset",
    "tls_failed",
    "response_timeout",
    "bad_response",
    "http_status",
]
"""Why an attempt failed, for programs."""


class AttemptFailed(SendookError):
    """An attempt cannot go on. Raised within the delivery edge, whose sender makes it an Outcome.

    Args:
        code: which failure it is.
        message: a phrase for people that completes "the attempt failed: …".
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(code, message)
        self.error: ErrorCode = code


class Outcome(NamedTuple):
    """How one attempt ended.

    Attributes:
        status: HTTP status of a complete answer (or of one longer than is read); None otherwise.
        error: None for a 2xx in time, else what went wrong.
        detail: the same for people, e.g. ``answered 503``; None exactly when ``error`` is.
        response: first bytes of the answer's body as they came, at most 4 KiB.
        duration_ms: from the start of the attempt to its end, DNS and connecting included.
        retry_after: the Retry-After header as it came, at most 100 characters; None without one.
    """

    status: int | None
    error: ErrorCode | None
    detail: str | None
    response: bytes
    duration_ms: float
    retry_after: str | None = None

    @property
    def success(self) -> bool:
        """Whether the endpoint has taken the event."""
        return self.error is None

    @property
    def error_text(self) -> str | None:
        """Code and phrase, as shown and stored, e.g. ``http_status: answered 503``."""
        return None if self.error is None else f"{self.error}: {self.detail}"

    @property
    def response_text(self) -> str | None:
        """The body's beginning as text that can be stored and shown; None without an answer."""
        if self.status is None:
            return None
        if not self.response:
            return ""
        return clean(self.response.decode("utf-8", "replace"))

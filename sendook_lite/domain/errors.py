"""One tree of errors, each with a code for programs and a sentence for people.

The doors translate: ``api.envelope`` has the table to HTTP, ``inbound.lmtp`` the one to SMTP.
Anything that is not in this tree is an internal error and is logged where it surfaces.
"""

from dataclasses import dataclass
from typing import Any


class SendookError(Exception):
    """Base of every error that may be shown to a caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of a request.

    ``path`` is dotted (``attachments.0.content``), ``location`` one of body, query, path, headers.
    """

    path: str
    message: str
    value: Any = None
    location: str = "body"


class Invalid(SendookError):
    """The request cannot be understood or is not allowed as it stands (400)."""

    def __init__(
        self, message: str, errors: tuple[FieldError, ...] = (), code: str = "validation_failed"
    ) -> None:
        super().__init__(code, message)
        self.errors = errors


class Unauthorized(SendookError):
    """No key, or one that is not known (401)."""

    def __init__(self, message: str) -> None:
        super().__init__("unauthorized", message)


class Forbidden(SendookError):
    """The key is known and may not do this (403)."""

    def __init__(self, message: str, code: str = "forbidden") -> None:
        super().__init__(code, message)


class NotFound(SendookError):
    """What was named does not exist (404); ``what`` is its name in lower case."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what.replace(' ', '_')}_not_found", f"{what.capitalize()} not found")


class Conflict(SendookError):
    """The request contradicts the present state (409)."""


class TooLarge(SendookError):
    """More bytes than the door takes (413, 552)."""


class TooMany(SendookError):
    """More requests than allowed for now (429); ``retry_after`` in seconds."""

    def __init__(self, code: str, message: str, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Unavailable(SendookError):
    """Cannot be done now and may work later (503, 451)."""


class StoreFailed(Unavailable):
    """The database could not commit: full, locked, read-only or broken. Nothing was stored."""

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message)

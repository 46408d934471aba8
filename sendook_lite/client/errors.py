"""What may go wrong for a client, as one tree: each error has a ``code`` and a ``message``."""

from typing import Any, Final

from sendook_lite.domain.errors import FieldError, SendookError


class Unreachable(SendookError):
    """Nobody answers, or not in time, or not in HTTP; what was asked for may have been done."""

    def __init__(self, message: str) -> None:
        super().__init__("unreachable", message)


class NotSigned(SendookError):
    """A webhook is not to be believed: not signed with this secret, changed, or too old."""

    def __init__(self, message: str) -> None:
        super().__init__("not_signed", message)


class Refused(SendookError):
    """The server said no.

    Attributes:
        status: of the answer.
        fields: what is wrong with which field of the request.
        request_id: what the log of the server calls the request, after an internal error.
        retry_after: seconds to wait before asking again, where the server says so.
        document: the whole answer.
    """

    def __init__(
        self, status: int, document: dict[str, Any], retry_after: float | None = None
    ) -> None:
        message = str(document.get("message") or f"The server answered {status}")
        super().__init__(str(document.get("code") or f"http_{status}"), message)
        self.status = status
        self.document = document
        self.retry_after = retry_after
        self.request_id: str | None = document.get("requestId")
        self.fields = tuple(
            FieldError(
                wrong.get("path", ""),
                wrong.get("msg", ""),
                wrong.get("value"),
                wrong.get("location", "body"),
            )
            for wrong in document.get("errors", ())
        )

    def __str__(self) -> str:
        """Tell everything that is wrong in one line."""
        return "; ".join(
            [self.message, *(f"{wrong.path}: {wrong.message}" for wrong in self.fields)]
        )


class BadRequest(Refused):
    """The request cannot be understood or is not allowed as it stands (400, 422)."""


class Unauthorized(Refused):
    """No key, or one that is not known (401)."""


class Forbidden(Refused):
    """The key is known and may not do this (403)."""


class NotFound(Refused):
    """What was named does not exist, or not for this key (404)."""


class Conflict(Refused):
    """The request contradicts the present state (409)."""


class TooLarge(Refused):
    """More bytes than the server takes (413)."""


class TooMany(Refused):
    """More requests than allowed for now (429); see ``retry_after``."""


class ServerFailed(Refused):
    """The server cannot do it now (5xx)."""


_KINDS: Final[dict[int, type[Refused]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: BadRequest,
    429: TooMany,
}
_FIRST_OF_SERVER: Final = 500


def refusal(status: int, document: Any, retry_after: float | None = None) -> Refused:
    """Return the error that an answer with this JSON stands for; None: it has none."""
    default = ServerFailed if status >= _FIRST_OF_SERVER else Refused
    kind = _KINDS.get(status, default)
    return kind(status, document if isinstance(document, dict) else {}, retry_after)

"""The request bodies of webhooks."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from sendook_lite.api.schemas import Body, InboxIds, one_line, unique
from sendook_lite.domain.custom_headers import check_headers
from sendook_lite.domain.endpoint_url import MAX_URL
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.model import Signing

MAX_DESCRIPTION: Final = 500
MAX_HEADERS: Final = 20
MAX_HEADER_VALUE: Final = 1000
MAX_DELAYS: Final = 20
MAX_DELAY: Final = 7 * 24 * 3600
MAX_TIMEOUT: Final = 60
MAX_RATE: Final = 1000
MAX_SECRET: Final = 200
MAX_GRACE: Final = 30 * 24 * 3600
DEFAULT_GRACE: Final = 24 * 3600

_RESERVED_PREFIXES: Final = ("x-sendook-", "proxy-")


def _known(events: list[str]) -> list[str]:
    if not events:
        raise ValueError("must name at least one event")
    for event in events:
        if event not in EVENT_TYPES:
            raise ValueError(
                f"holds {event[:64]!r}, which is no event; the events are {', '.join(EVENT_TYPES)}"
            )
    return unique(events)


def _permitted(headers: dict[str, str]) -> dict[str, str]:
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"must have at most {MAX_HEADERS} headers")
    for name, value in headers.items():
        if name.lower().startswith(_RESERVED_PREFIXES):
            raise ValueError(f"must not set {name.lower()[:64]!r}: it is reserved")
        if len(value) > MAX_HEADER_VALUE:
            raise ValueError(
                f"must not have values of more than {MAX_HEADER_VALUE} characters,"
                f" as that of {name[:64]!r}"
            )
    try:
        check_headers(headers.items())
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None
    return headers


Url = Annotated[str, Field(max_length=MAX_URL)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION), AfterValidator(one_line)]
Events = Annotated[
    list[str],
    AfterValidator(_known),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(EVENT_TYPES)},
            "minItems": 1,
            "uniqueItems": True,
        }
    ),
]
Headers = Annotated[dict[str, str], AfterValidator(_permitted)]
Delay = Annotated[float, Field(ge=0, le=MAX_DELAY)]
# What else a secret has to be depends on the webhook: the use cases judge it.
Secret = Annotated[str, Field(max_length=MAX_SECRET)]


class WebhookFields(Body):
    """What may be set on a webhook, and removed again with null."""

    description: Description | None = None
    inbox_ids: InboxIds | None = None
    headers: Headers | None = None
    retry_schedule: Annotated[list[Delay], Field(max_length=MAX_DELAYS)] | None = None
    timeout: Annotated[float, Field(gt=0, le=MAX_TIMEOUT)] | None = None
    rate_limit: Annotated[float, Field(gt=0, le=MAX_RATE)] | None = None

    def columns(self) -> dict[str, Any]:
        """Return the fields that were given, as the store takes them; null is "none" there."""
        given = self.model_dump(include=self.model_fields_set - {"secret"})
        if "headers" in given:
            given["headers"] = list((given["headers"] or {}).items())
        if "inbox_ids" in given:
            given["inbox_ids"] = given["inbox_ids"] or []
        return given


class CreateWebhook(WebhookFields):
    """A new webhook; without a secret one is made."""

    url: Url
    events: Events
    signing: Signing = "hmac"
    secret: Secret | None = None


class ChangeWebhook(WebhookFields):
    """What is to be different about a webhook; what is not mentioned stays."""

    # The defaults are never used: columns() knows what was given, and null is no string.
    url: Url = ""
    events: Events = Field(default_factory=list)
    status: Literal["enabled", "disabled"] = "enabled"
    signing: Signing = "hmac"


class RotateSecret(Body):
    """How long the former secret goes on signing; without a new one, one is made."""

    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE)] = DEFAULT_GRACE
    secret: Secret | None = None

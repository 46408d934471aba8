"""The request bodies of inboxes, messages and keys, and what all bodies share."""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sendook_lite.domain.model import Scope

MAX_NAME: Final = 255
MAX_EMAIL: Final = 320
MAX_LABELS: Final = 20
MAX_LABEL: Final = 100
MAX_INBOXES: Final = 100
"""Inboxes one key or one webhook may be limited to."""

_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Zl", "Zp"})


class Body(BaseModel):
    """A JSON object. Types are exact: ``"5"`` is no number. Unknown fields are ignored."""

    model_config = ConfigDict(
        strict=True, frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


def one_line(value: str) -> str:
    """Refuse control characters and line breaks.

    Raises:
        ValueError: there are some.
    """
    if any(unicodedata.category(char) in _FORBIDDEN_CATEGORIES for char in value):
        raise ValueError("must not hold control characters or line breaks")
    return value


def _trimmed(value: str) -> str:
    name = value.strip()
    if not name:
        raise ValueError("must not be empty")
    if len(name) > MAX_NAME:
        raise ValueError(f"must have at most {MAX_NAME} characters")
    return name


def unique(values: list[str]) -> list[str]:
    """Refuse a value that stands twice.

    Raises:
        ValueError: naming it.
    """
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"must not repeat {value[:64]!r}")
    return values


# Lengths are judged first: looking at every character of a whole body would take seconds.
Name = Annotated[str, AfterValidator(_trimmed), AfterValidator(one_line)]
InboxIds = Annotated[list[str], Field(max_length=MAX_INBOXES), AfterValidator(unique)]


class CreateInbox(Body):
    """A new inbox; without an address one is derived from the name."""

    name: Name | None = None
    email: Annotated[str, Field(max_length=MAX_EMAIL), AfterValidator(one_line)] | None = None


class ChangeInbox(Body):
    """A new name for an inbox; null removes it."""

    name: Name | None


def _label(value: str) -> str:
    label = value.strip()
    if not label:
        raise ValueError("must not be empty")
    if len(label) > MAX_LABEL:
        raise ValueError(f"must have at most {MAX_LABEL} characters")
    return label


Label = Annotated[str, AfterValidator(_label), AfterValidator(one_line)]
Labels = Annotated[list[Label], Field(max_length=MAX_LABELS), AfterValidator(unique)]


class ChangeMessage(Body):
    """The labels that a message is to have, instead of those it has."""

    labels: Labels


class CreateKey(Body):
    """A new API key; without scopes it may do whatever its limitation to inboxes leaves."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1), AfterValidator(unique)] | None = None
    inbox_ids: InboxIds | None = None

"""Reads a line of the event socket, and writes the line that answers it."""

import binascii
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Required, cast

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from sendook_lite.domain import events
from sendook_lite.domain.clock import END_OF_TIME, parse_iso
from sendook_lite.domain.errors import Invalid, SendookError
from sendook_lite.usecases.event_lines import OutcomeLine, Told
from sendook_lite.usecases.reports import REPORTED_EVENTS, ReportedOutcome

_LONGEST_DETAIL: Final = 4096

_ALLOWED: Final = frozenset(REPORTED_EVENTS)
_POSITION: Final = re.compile(r" at line 1 column (\d+)$")

Identifier = Annotated[str | None, Field(max_length=998)]


# By call, since one of the names cannot be an attribute. A dictionary and not a model: the fields
# of every event pass through here, and an object made of them takes three times as long.
_Fields = TypedDict(
    "_Fields",
    {
        "event": Required[str],
        "messageId": Identifier,
        "envelopeId": Identifier,
        "messageIdHeader": Identifier,
        "from": Identifier,
        "recipient": Identifier,
        "status": Annotated[str | None, Field(max_length=64)],
        "permanent": bool | None,
        "diagnostic": str | None,
        "remoteMta": str | None,
        "at": str | None,
        "key": Identifier,
        "recipients": Annotated[tuple[str, ...] | None, Field(max_length=1000, strict=False)],
        "sender": Identifier,
        "raw": str | None,
    },
    total=False,
)
"""The fields of a line, as they are named on the socket; what is not known is ignored."""

with_config(ConfigDict(strict=True, extra="ignore"))(_Fields)
_LINES = TypeAdapter(_Fields)


@dataclass(frozen=True, slots=True)
class UnreadMail:
    """A line that brings a mail whose bytes nobody has read yet."""

    raw: bytes
    recipients: tuple[str, ...]
    sender: str | None
    key: str | None


def read_line(line: bytes) -> OutcomeLine | UnreadMail:
    """Read one line, without its end.

    Raises:
        Invalid: ``invalid_json``, ``invalid_field``, ``missing_field``, ``unknown_event``.
    """
    try:
        # The validator itself: the method of the adapter around it takes as long again.
        fields: _Fields = _LINES.validator.validate_json(line)
    except ValidationError as error:
        raise _explain(error) from None
    if b"\\u0000" in line:
        fields = _without_nul(fields)
    if fields["event"] in _ALLOWED:
        return OutcomeLine(_outcome(fields), fields.get("key"))
    if fields["event"] == events.MESSAGE_RECEIVED:
        return _mail(fields)
    allowed = ", ".join((events.MESSAGE_RECEIVED, *REPORTED_EVENTS))
    raise Invalid(f"event must be one of {allowed}", code="unknown_event")


def write_answer(told: Told, number: int) -> bytes:
    """Render what is said about the line with this number, as a line.

    An error that is none of ours is an internal error; whoever hands it in has logged it.
    """
    if isinstance(told, dict):
        return orjson.dumps({"ok": True, **told}, option=orjson.OPT_APPEND_NEWLINE)
    code, message = "internal_error", "Internal error"
    if isinstance(told, SendookError):
        code, message = told.code, told.message
    return orjson.dumps(
        {"ok": False, "code": code, "error": f"line {number}: {message}"},
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _outcome(fields: _Fields) -> ReportedOutcome:
    diagnostic = fields.get("diagnostic")
    remote_mta = fields.get("remoteMta")
    at = fields.get("at")
    # By position: names take half as long again.
    return ReportedOutcome(
        fields["event"],
        fields.get("recipient"),
        fields.get("messageId"),
        fields.get("envelopeId"),
        fields.get("messageIdHeader"),
        fields.get("from"),
        fields.get("status"),
        fields.get("permanent"),
        diagnostic[:_LONGEST_DETAIL] if diagnostic else None,
        remote_mta[:_LONGEST_DETAIL] if remote_mta else None,
        None if at is None else _moment(at),
    )


def _moment(text: str) -> int:
    try:
        moment = parse_iso(text)
    except ValueError:
        moment = -1
    if not 0 <= moment < END_OF_TIME:
        raise Invalid(
            "at must be an ISO 8601 time such as 2026-03-01T09:10:00Z", code="invalid_field"
        )
    return moment


def _mail(fields: _Fields) -> UnreadMail:
    recipients, encoded = fields.get("recipients"), fields.get("raw")
    if not recipients or not encoded:
        missing = [name for name in ("recipients", "raw") if not fields.get(name)]
        raise Invalid(
            f"{events.MESSAGE_RECEIVED} needs {' and '.join(missing)}", code="missing_field"
        )
    try:
        raw = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:  # binascii.Error is one, and so is what it says of text beyond ASCII
        raise Invalid(
            "raw must be base64 (RFC 4648 section 4) of the whole mail", code="invalid_field"
        ) from None
    return UnreadMail(raw, recipients, fields.get("sender"), fields.get("key"))


def _without_nul(fields: _Fields) -> _Fields:
    """Take NUL characters out of the texts: databases downstream refuse them."""
    cleaned: Any = {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in fields.items()
    }
    if cleaned.get("recipients"):
        cleaned["recipients"] = tuple(one.replace("\0", "") for one in cleaned["recipients"])
    return cast("_Fields", cleaned)


def _explain(error: ValidationError) -> Invalid:
    first = error.errors(include_url=False, include_input=False)[0]
    if not first["loc"]:
        reason = first.get("ctx", {}).get("error", "a JSON object is needed")
        return Invalid(_POSITION.sub(r" at column \1", str(reason)), code="invalid_json")
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return Invalid(f"{name} is missing", code="missing_field")
    return Invalid(f"{name}: {first['msg']}", code="invalid_field")

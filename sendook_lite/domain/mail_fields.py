"""Facts from header fields: ids, date, spam and authentication verdicts, what was sent by machines.

Every function takes `Fields` and never raises; malformed values are absent ones.
"""

import re
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_tz
from typing import Any

from sendook_lite.domain.mail_headers import decode_header, decode_raw
from sendook_lite.domain.mime_tree import content_type

MAX_REFERENCES = 100
_MAX_SHOWN = 2048
_MAX_ID = 998
_LONG_HEADER = 65536
_LAST_SECOND = 59  # a leap second is 60
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

SHOWN_FIELDS = (
    "Return-Path",
    "Delivered-To",
    "X-Original-To",
    "Sender",
    "Resent-From",
    "List-Id",
    "List-Post",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
    "Importance",
    "Priority",
    "X-Priority",
    "Sensitivity",
    "Organization",
    "User-Agent",
    "X-Mailer",
    "Thread-Topic",
    "Thread-Index",
    "Content-Language",
    "Feedback-ID",
    "Disposition-Notification-To",
    "X-Loop",
)
"""Header fields handed on to the receivers of webhooks, by the names they get there."""

_SHOWN_KEYS = tuple((name, name.lower()) for name in SHOWN_FIELDS)

_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_COMMENT = re.compile(r"\([^()]*\)")
_NUMBER = re.compile(r"[-+]?\d{1,6}(?:\.\d{1,6})?")
_STATUS_SCORE = re.compile(r"\b(?:score|hits)=([-+]?\d{1,6}(?:\.\d{1,6})?)")
_STATUS_REQUIRED = re.compile(r"\brequired=([-+]?\d{1,6}(?:\.\d{1,6})?)")
_STATUS_TESTS = re.compile(r"\btests=([A-Z0-9_,\s]+)")
_METHOD = re.compile(r";\s*(spf|dkim|dmarc|arc)\s*(?:/\s*\d+\s*)?=\s*([a-z]{2,12})", re.IGNORECASE)
_AUTOMATIC_PRECEDENCES = {"bulk", "junk", "auto_reply", "auto-reply"}
_AUTOMATIC_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from")


class Fields:
    """The header fields of one message by lower-cased name, looked up without scanning anew."""

    def __init__(self, message: Message) -> None:
        self._values: dict[str, str] = {}
        self._order: list[tuple[str, str]] = []
        charset = content_type(message)[1].get("charset")
        for name, raw in message.raw_items():
            key = name.lower()
            value = decode_raw(str(raw), charset)
            self._values.setdefault(key, value)
            self._order.append((key, value))

    def raw(self, name: str) -> str | None:
        """Return the topmost value as it came, None when absent; the name in lower case."""
        return self._values.get(name)

    def text(self, name: str, limit: int = _MAX_SHOWN) -> str:
        """Return the topmost value decoded, '' when absent; the name in lower case."""
        value = self._values.get(name)
        return decode_header(value, limit) if value else ""

    def in_order(self) -> list[tuple[str, str]]:
        """Return all fields, names in lower case, topmost first."""
        return self._order


def shown(fields: Fields) -> dict[str, str]:
    """Return the fields of `SHOWN_FIELDS` that are there, each at most 2 KiB."""
    found = {}
    for name, key in _SHOWN_KEYS:
        value = fields.text(key)
        if value:
            found[name] = value
    return found


def message_ids(value: str | None, most: int = MAX_REFERENCES) -> tuple[str, ...]:
    """Return the message ids of a field without angle brackets, the last ``most`` of them.

    Words without brackets count where there are no others: some programs forget them.
    """
    if not value:
        return ()
    text = decode_header(value[-_LONG_HEADER:], _LONG_HEADER)
    found = _ID.findall(text) or [word.strip("<>,;\"'") for word in text.split() if "@" in word]
    return tuple(dict.fromkeys(item for item in found if 0 < len(item) <= _MAX_ID))[-most:]


def message_id(fields: Fields) -> str | None:
    """Return the Message-ID without angle brackets, None when there is none."""
    text = fields.text("message-id", 2 * _MAX_ID)
    found = _ID.search(text)
    value = found[1] if found else text.strip("<> ").partition(" ")[0]
    return value if 0 < len(value) <= _MAX_ID else None


def date(fields: Fields) -> int | None:
    """Return the Date in epoch milliseconds; a time without a zone is UTC."""
    try:
        parsed = parsedate_tz(fields.text("date", 200))
        if parsed is None:
            return None
        year, month, day, hour, minute, second = parsed[:6]
        moment = datetime(year, month, day, hour, minute, min(second, _LAST_SECOND), tzinfo=UTC)
        seconds = int(moment.timestamp()) - (parsed[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return seconds * 1000 if 0 <= seconds < _LAST_MOMENT else None


def is_auto_submitted(fields: Fields) -> bool:
    """Say whether a machine sent this (RFC 3834, section 5, and what was used before it)."""
    submitted = _COMMENT.sub("", fields.text("auto-submitted")).partition(";")[0].strip().lower()
    if submitted not in {"", "no"}:
        return True
    if fields.text("precedence").lower() in _AUTOMATIC_PRECEDENCES:
        return True
    if fields.text("x-auto-response-suppress").lower() not in {"", "none"}:
        return True
    return any(fields.text(name).lower() not in {"", "no"} for name in _AUTOMATIC_FIELDS)


def spam(fields: Fields) -> dict[str, Any] | None:
    """Return what the filters of the mail server said, None when they said nothing.

    Shape: ``{"flag": bool, "score": float, "required": float, "tests": [str]}``, each only when
    known; from X-Spam-Flag, X-Spam-Status (SpamAssassin), X-Spam-Score and X-Rspamd-Score.
    """
    verdict: dict[str, Any] = {}
    status = fields.text("x-spam-status", 4096)
    word = fields.text("x-spam-flag").lower() or status.partition(",")[0].strip().lower()
    if word in {"yes", "true", "no", "false"}:
        verdict["flag"] = word in {"yes", "true"}
    score = _STATUS_SCORE.search(status)
    if score:
        verdict["score"] = float(score[1])
    for name in ("x-spam-score", "x-rspamd-score"):
        number = _NUMBER.match(fields.text(name))
        if number:
            verdict.setdefault("score", float(number[0]))
    required = _STATUS_REQUIRED.search(status)
    if required:
        verdict["required"] = float(required[1])
    tests = _STATUS_TESTS.search(status)
    if tests:
        verdict["tests"] = [test for test in re.split(r"[,\s]+", tests[1]) if test]
    return verdict or None


def authentication(fields: Fields) -> dict[str, str] | None:
    """Return the verdicts of the mail server (RFC 8601), None when there are none.

    Shape: ``{"authservId": "mx.example", "spf": "pass", "dkim": "pass", "dmarc": "fail"}``, methods
    only when known. The topmost field counts. Fields of the same server directly below it, with no
    Received between, add methods it lacks, since some filters write one field each; anything
    further down may be the sender's own and is not believed.
    """
    verdict: dict[str, str] = {}
    for name, value in fields.in_order():
        if name == "received" and verdict:
            break
        if name != "authentication-results":
            continue
        text = _without_comments(decode_header(value, 4096))
        server = text.partition(";")[0].strip().partition(" ")[0]
        if verdict and verdict["authservId"] != server:
            break
        verdict.setdefault("authservId", server)
        for method, result in _best_results(text).items():
            verdict.setdefault(method, result)
    return verdict or None


def _best_results(text: str) -> dict[str, str]:
    """Return one result per method; of several DKIM signatures one that passes is enough."""
    results: dict[str, str] = {}
    for method, result in _METHOD.findall(text):
        key = method.lower()
        if key not in results or result.lower() == "pass":
            results[key] = result.lower()
    return results


def _without_comments(text: str) -> str:
    """Remove comments, inner ones first, as deep as anyone nests them."""
    for _ in range(3):
        text, changed = _COMMENT.subn("", text)
        if not changed:
            break
    return text

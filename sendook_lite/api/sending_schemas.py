"""The request bodies of sending: what is judged here is the form of each field."""

import binascii
import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from sendook_lite.api.schemas import MAX_EMAIL, Body, Labels, one_line
from sendook_lite.domain.addresses import is_plausible
from sendook_lite.domain.compose import File
from sendook_lite.domain.errors import FieldError, Invalid
from sendook_lite.domain.ids import is_id
from sendook_lite.domain.outgoing_headers import check_headers
from sendook_lite.domain.replying import is_message_id
from sendook_lite.usecases.drafting import Wanted

MAX_RECIPIENTS: Final = 50
MAX_ATTACHMENTS: Final = 10
MAX_SUBJECT: Final = 998
"""Characters; what a line of a header may have (RFC 5322 section 2.1.1)."""

MAX_FILE_NAME: Final = 255

DEFAULT_FILE_NAME: Final = "attachment"
DEFAULT_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(
    r"([\w!#$&^.+-]{1,100}/[\w!#$&^.+-]{1,100})"
    r"((?:\ *;\ *[\w-]{1,50}=(?:[\w!#$&^.+-]{1,200}|\"[\x20!#-\[\]-~]{0,200}\")){0,5})",
    re.ASCII,
)
_SPACE: Final = re.compile(r"[\r\n\t ]+")


def _several(value: Any) -> Any:
    """Take one address for a list of one, as existing clients send it."""
    return [value] if isinstance(value, str) else value


def _address(value: str) -> str:
    address = value.strip()
    if len(address) > MAX_EMAIL or not is_plausible(address):
        raise ValueError("must be an email address such as name@example.com")
    return address


def _base64(value: str) -> bytes:
    try:
        return binascii.a2b_base64(_SPACE.sub("", value), strict_mode=True)
    except ValueError:  # binascii.Error is one, and so is what it says of text beyond ASCII
        raise ValueError("must be base64 (RFC 4648 section 4)") from None


def _content_type(value: str) -> str:
    found = _TYPE.fullmatch(value.strip())
    if found is None:
        raise ValueError("must be a media type such as application/pdf")
    return found[1].lower() + found[2]


def _headers(value: dict[str, str]) -> dict[str, str]:
    check_headers(value)
    return value


def _in_reply_to(value: str) -> str:
    found = value.strip()
    bare = found.removeprefix("<").removesuffix(">")
    if is_id(found):
        return found
    if "@" not in bare or not is_message_id(bare):
        raise ValueError("must be a Message-ID such as <id@example.com>, or the id of a message")
    return bare


def _encodable(value: str) -> str:
    """Refuse halves of surrogate pairs, which no charset can write."""
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("must not hold half a surrogate pair")
    return value.replace("\0", "")


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[list[Address], BeforeValidator(_several), Field(max_length=MAX_RECIPIENTS)]
Text = Annotated[str, AfterValidator(_encodable)]
Subject = Annotated[str, Field(max_length=MAX_SUBJECT), AfterValidator(one_line)]
FileName = Annotated[str, Field(max_length=MAX_FILE_NAME), AfterValidator(one_line)]


class AttachedFile(Body):
    """A file; ``content`` is base64 of its bytes."""

    content: Annotated[str, AfterValidator(_base64)]
    name: FileName | None = None
    content_type: Annotated[str, AfterValidator(_content_type)] | None = None

    def file(self, number: int) -> File:
        """Return the file; one without a name gets a number."""
        content: Any = self.content  # bytes, once it was judged
        name = (self.name or "").strip() or f"{DEFAULT_FILE_NAME}-{number}"
        return File(name, self.content_type or DEFAULT_TYPE, content)


Attachments = Annotated[list[AttachedFile], Field(max_length=MAX_ATTACHMENTS)]


class _Letter(Body):
    """What a new mail and a reply have in common."""

    text: Text | None = None
    html: Text | None = None
    attachments: Attachments | None = None
    labels: Annotated[Labels, BeforeValidator(_several)] | None = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] | None = None

    def _letter(self) -> dict[str, Any]:
        if not (self.text or "").strip() and not (self.html or "").strip():
            raise _incomplete("text", "must not be empty unless html is given")
        return {
            "labels": tuple(self.labels or ()),
            "text": self.text or "",
            "html": self.html or "",
            "attachments": tuple(
                each.file(number) for number, each in enumerate(self.attachments or (), 1)
            ),
            "headers": tuple((self.headers or {}).items()),
        }


class SendMessage(_Letter):
    """A new mail."""

    to: Addresses | None = None
    cc: Addresses | None = None
    bcc: Addresses | None = None
    subject: Subject | None = None
    thread_id: str | None = None
    in_reply_to: Annotated[str, AfterValidator(_in_reply_to)] | None = None
    reply_to: Address | None = None

    def wanted(self) -> Wanted:
        """Return what is asked for.

        Raises:
            Invalid: it goes to nobody, or says nothing.
        """
        if not (self.to or self.cc or self.bcc):
            raise _incomplete("to", "must name a recipient, unless cc or bcc does")
        return Wanted(
            to=tuple(self.to or ()),
            cc=tuple(self.cc or ()),
            bcc=tuple(self.bcc or ()),
            subject=self.subject or "",
            thread_id=self.thread_id,
            in_reply_to=self.in_reply_to,
            reply_to=self.reply_to,
            **self._letter(),
        )


class ReplyMessage(_Letter):
    """A reply; to whom it goes and what it is about follows from the message."""

    reply_all: bool = False

    def wanted(self) -> Wanted:
        """Return what is asked for.

        Raises:
            Invalid: it says nothing.
        """
        return Wanted(reply_all=self.reply_all, **self._letter())


def _incomplete(path: str, message: str) -> Invalid:
    return Invalid(f"{path} {message}", (FieldError(path, message),))

"""Where things lie in a report mail: status parts, notification text, the returned mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

from sendook_lite.domain.charsets import decode
from sendook_lite.domain.mime import Part, content_type, header, open_mail, part_bytes, walk
from sendook_lite.domain.reports.fields import MAX_TEXT, read_header

_STATUS = {"message/delivery-status", "message/global-delivery-status", "message/deliverystatus"}
_FEEDBACK = {"message/feedback-report", "message/x-feedback-report", "message/feedback"}
_DISPOSITION = {"message/disposition-notification", "message/global-disposition-notification"}
_RETURNED = {"message/rfc822", "message/global", "message/news", "message/partial"}
_HEADERS = {
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/rfc822-header",
    "message/global-headers",
    "text/rfc822-header",
    "text/rfc822",
}
_MAX_PARTS = 60
_MAX_TEXTS = 12
_MAX_STATUSES = 20
_STATUS_FIELDS = re.compile(
    r"^[ \t]*(?:final-recipient|original-recipient|reporting-mta)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_FEEDBACK_FIELDS = re.compile(
    r"^[ \t]*feedback-type[ \t]*:[ \t]*[a-z]", re.IGNORECASE | re.MULTILINE
)
_MARKUP = re.compile(r"<(?![^\s<>]{1,128}@)[^<>]{0,4000}>")
"""Tags; addresses in angle brackets, which some servers put into HTML as they are, are none."""
_BREAKS = re.compile(r"<\s*(?:br|/?p|/?div|/?tr|/?li|/?h[1-6]|/?table|/?ul|/?pre)\b", re.IGNORECASE)
_CELLS = re.compile(r"</?(?:td|th|dd|dt)\b", re.IGNORECASE)
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "nbsp": " ", "#39": "'", "#64": "@"}
_ENTITY = re.compile(r"&(lt|gt|amp|quot|nbsp|#39|#64);")


@dataclass(slots=True)
class Layout:
    """The parts of a mail by what they are for, texts decoded.

    ``nested`` are status parts inside an enclosed mail: the report itself, forwarded by a gateway,
    or a report that bounced in its turn. ``returned`` is the header of the first enclosed mail.
    """

    kind: str
    report_type: str
    statuses: list[str] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)
    feedbacks: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    markups: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    returned: dict[str, str] | None = None
    nested_returned: dict[str, str] | None = None
    disposition: bool = False


def survey(message: Message) -> Layout:
    """Sort the parts of a mail; bounded in parts and characters."""
    kind, params = content_type(message)
    layout = Layout(kind=kind, report_type=params.get("report-type", "").lower())
    enclosing: int | None = None
    for number, part in enumerate(walk(message, into_messages=True)):
        if number >= _MAX_PARTS:
            break
        if enclosing is not None and part.depth <= enclosing:
            enclosing = None
        if enclosing is not None:
            _inside(layout, part)
        elif part.content_type in _RETURNED:
            enclosing = part.depth
            _enclosed(layout, part)
        else:
            _outside(layout, part)
    return layout


def _outside(layout: Layout, part: Part) -> None:
    """Sort a part that stands in the mail itself."""
    kind, message = part.content_type, part.message
    if kind in _STATUS:
        _keep(layout.statuses, message, _raw_text, _MAX_STATUSES)
    elif kind in _FEEDBACK:
        _keep(layout.feedbacks, message, _raw_text, _MAX_STATUSES)
    elif kind in _DISPOSITION:
        layout.disposition = True
        _keep(layout.others, message, _raw_text, _MAX_TEXTS)
    elif kind in _HEADERS:
        if layout.returned is None:
            layout.returned = read_header(_raw_text(message).lstrip("\n"))
    elif kind == "text/html":
        _keep(layout.markups, message, _markup_text, _MAX_TEXTS)
    elif len(layout.texts) + len(layout.others) < _MAX_TEXTS:
        if kind.startswith(("text/", "multipart/", "message/")):
            _text(layout, part, _text_of(message))
        else:
            _attachment(layout, part)


def _keep(kept: list[str], part: Message, read: Callable[[Message], str], limit: int) -> None:
    if len(kept) < limit:
        kept.append(read(part))


def _text(layout: Layout, part: Part, text: str) -> None:
    """Keep a text part; a short one that is nothing but status fields is a status part."""
    lead = text.lstrip()[:400]
    if _FEEDBACK_FIELDS.match(lead) or (
        _FEEDBACK_FIELDS.search(text[:4000]) and layout.report_type == "feedback-report"
    ):
        layout.feedbacks.append(text)
    elif part.depth and _STATUS_FIELDS.match(lead):
        layout.others.append(text)
    else:
        layout.texts.append(text)


def _attachment(layout: Layout, part: Part) -> None:
    """Look into attachments of unknown type: gateways turn status parts into them."""
    data = part_bytes(part.message)[:MAX_TEXT]
    lowered = data[:20000].lower()
    if b"final-recipient" in lowered or b"feedback-type" in lowered:
        text = decode(data)
        if _FEEDBACK_FIELDS.match(text.lstrip()):
            layout.feedbacks.append(text)
        else:
            layout.others.append(text)


def _enclosed(layout: Layout, part: Part) -> None:
    if layout.returned is not None:
        return
    text = _raw_text(part.message)
    layout.returned = read_header(text.lstrip("\n"))
    encoding = header(part.message, "content-transfer-encoding", 100).lower().strip()
    if encoding in {"base64", "quoted-printable"}:
        inner = survey(open_mail(text.encode("utf-8", "replace"))) if text else None
        if inner is not None:
            layout.nested += inner.statuses
            layout.nested_returned = inner.returned


def _inside(layout: Layout, part: Part) -> None:
    """Sort a part of an enclosed mail: only a report in it is of interest."""
    if part.content_type in _STATUS:
        _keep(layout.nested, part.message, _raw_text, _MAX_STATUSES)
        return
    wanted = layout.nested and layout.nested_returned is None
    if wanted and part.content_type in _RETURNED | _HEADERS:
        layout.nested_returned = read_header(_raw_text(part.message).lstrip("\n"))


def _text_of(part: Message) -> str:
    """Decode the beginning of a text part, cut at a line."""
    data = part_bytes(part)
    if len(data) > MAX_TEXT:
        data = data[:MAX_TEXT].rpartition(b"\n")[0] or data[:MAX_TEXT]
    return decode(data, content_type(part)[1].get("charset"))


def _raw_text(part: Message) -> str:
    """Decode the body of a part as it stands; undeclared and false base64 is seen through."""
    data = part_bytes(part)[: MAX_TEXT * 2]
    plain = decode(data)
    if b":" not in data:
        encoding = header(part, "content-transfer-encoding", 100).lower()
        body: bytes = getattr(part, "body", b"")[: MAX_TEXT * 2]
        if encoding.strip() == "base64":  # declared, but the fields stand there plainly
            return decode(body) if b":" in body else plain
        from_base64 = decode(part_bytes(_declared(part, "base64")))
        return from_base64 if ":" in from_base64 else plain
    return plain


def _declared(part: Message, encoding: str) -> Message:
    """Return the body again under another transfer encoding."""
    body: bytes = getattr(part, "body", b"")
    return open_mail(b"Content-Transfer-Encoding: " + encoding.encode() + b"\n\n" + body)


def _markup_text(part: Message) -> str:
    return _without_markup(_text_of(part))


def _without_markup(text: str) -> str:
    """Make lines of HTML: breaks become line feeds, cells stay apart, addresses stay, tags go."""
    for tag in ("style", "script", "head"):
        text = _without_element(text, tag)
    text = text.replace("\n", " ")
    text = _BREAKS.sub(lambda found: "\n" + found[0], text)
    text = _CELLS.sub(lambda found: " " + found[0], text)
    text = _MARKUP.sub("", text)
    return _ENTITY.sub(lambda found: _ENTITIES[found[1]], text)


def _without_element(text: str, tag: str) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter whose lower case is longer: offsets would not fit
        return text
    kept: list[str] = []
    place = 0
    while (start := lowered.find(f"<{tag}", place)) != -1:
        end = lowered.find(f"</{tag}", start)
        if end == -1:
            break
        kept.append(text[place:start])
        place = end
    kept.append(text[place:])
    return "".join(kept)

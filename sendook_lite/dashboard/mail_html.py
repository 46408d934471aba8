"""HTML of strangers, made fit to be shown: nothing runs, nothing is submitted, nothing is fetched.

Two fences, each enough alone: what is not on a list is removed here, and the frame it is shown in
has a policy of its own.
"""

import re
from typing import Any, Final

from sendook_lite.domain.model import MessageContent

_REMOTE: Final = re.compile(
    r"""(?:src|background|srcset)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?\s*(?:https?:)?//""",
    re.IGNORECASE,
)
_FETCHING: Final = frozenset({"src", "background", "style"})
_ELSEWHERE: Final = re.compile(r"^\s*(?:https?:)?//|url\(", re.IGNORECASE)
_MAX_LOOKED_AT: Final = 1024 * 1024
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

_PRESENTATION: Final = {
    "align", "bgcolor", "border", "cellpadding", "cellspacing", "color", "dir", "face", "height",
    "lang", "size", "style", "title", "valign", "width",
}  # fmt: skip
_TAGS: Final = {
    "a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite", "code",
    "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption", "figure", "font", "h1",
    "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q", "s",
    "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "tt", "u", "ul",
}  # fmt: skip
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": _PRESENTATION,
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan", "background"},
    "th": {"colspan", "rowspan", "scope"},
    "table": {"background", "summary"},
    "ol": {"start", "type"},
}
_FRAME: Final = (
    '<!doctype html><html lang=""><head><meta charset="utf-8"><title>Message</title>'
    '<base target="_blank"><style>body{{margin:16px;font:15px/1.5 system-ui,sans-serif;'
    "color:#1d1c1a;background:#fff;overflow-wrap:anywhere}}img{{max-width:100%;height:auto}}"
    "table{{max-width:100%}}pre{{white-space:pre-wrap}}</style></head><body>{body}</body></html>"
)


def has_remote_content(html: str) -> bool:
    """Say whether showing this would ask other servers for something."""
    return _REMOTE.search(html[:_MAX_LOOKED_AT]) is not None


def sanitise(content: MessageContent, *, remote: bool) -> str:
    """Return a document for the frame, made of the HTML of a message, or else of its text.

    ``remote``: what it wants from other servers stays in; the frame's policy has to allow it too.
    """
    import nh3  # noqa: PLC0415 - only needed here

    pictures = _pictures(content)

    def keep(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src" and value.lower().startswith("cid:"):
            return pictures.get(value[4:].strip("<>"))
        if not remote and name in _FETCHING and _ELSEWHERE.search(value):
            return None
        return value

    cleaned = nh3.clean(
        content.html or f"<pre>{nh3.clean_text(content.full_text or content.text)}</pre>",
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        link_rel="noopener noreferrer nofollow",
        generic_attribute_prefixes=None,
    )
    return _FRAME.format(body=cleaned)


def _pictures(content: MessageContent) -> dict[str, Any]:
    """Return the pictures that came along, as URLs that hold them, by their Content-ID."""
    return {
        info.content_id.strip("<>"): f"data:{info.content_type};base64,{info.content}"
        for info in content.attachments
        if info.content_id and info.content and info.content_type in _IMAGES
    }

"""HTML into plain text that reads as the mail did, in one linear pass over any bytes.

Written here because of what hostile mail does to the libraries: html2text needs 24 s for 32 KiB of
line feeds and makes 16 MiB out of 32 KiB of opened lists; inscriptis pads every row of a table to
its widest cell, drops what is nested deeper than 256 and cannot mark quotations.
"""

import html
import re
from typing import TYPE_CHECKING

from sendook_lite.domain.charsets import clean

if TYPE_CHECKING:
    from collections.abc import Callable

HTML_LIMIT = 1 << 20
"""Characters of HTML that are read; the rest is left to those who fetch the HTML itself."""

_MAX_QUOTE_DEPTH = 5
_MAX_LIST_DEPTH = 8
_MAX_URL = 2000

# Possessive, so that a tag that never ends fails at once instead of being tried in all ways.
_TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})((?:[^\"'>]|\"[^\"]*+\"|'[^']*+'){0,4096}+)>"
)
_BEGINS_MARKUP = re.compile("<[a-zA-Z/!?]")
_ATTRIBUTE = r"""(?:^|[\s"'/]){}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
_HREF = re.compile(_ATTRIBUTE.format("href"), re.IGNORECASE)
_ALT = re.compile(_ATTRIBUTE.format("alt"), re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\v\xa0\u200b\u200c\u034f\xad]+")

_SKIPPED = {
    name: re.compile(f"</{name}[^>]*>?", re.IGNORECASE)
    for name in ("script", "style", "title", "template")
}
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"ul", "ol", "dl", "pre", "table", "blockquote", "figure"}
)
_LINES = frozenset(
    {"html", "body", "div", "section", "article", "header", "footer", "main", "nav", "aside"}
    | {"tr", "caption", "tbody", "thead", "tfoot", "li", "dt", "dd", "hr"}
    | {"address", "form", "fieldset", "center"}
)


def html_to_text(markup: str) -> str:
    """Render HTML as plain text; never raises, takes time in proportion to the input.

    Quotations (blockquote) are marked with ``> `` as plain text mail does, list items with ``- ``
    or a number; links keep their target in angle brackets. Tables become lines.
    """
    page = _Page()
    position, end = 0, min(len(markup), HTML_LIMIT)
    while position < end:
        found = _BEGINS_MARKUP.search(markup, position, end)
        start = found.start() if found else end
        page.text(markup[position:start])
        position = start if start == end else _read_markup(page, markup, start, end)
    return page.finish()


def _read_markup(page: "_Page", markup: str, start: int, end: int) -> int:
    """Act on a tag, comment or declaration; return where the text goes on."""
    found = _TAG.match(markup, start, end)
    if found is None:
        return _read_broken(page, markup, start, end)
    name = found[2].lower()
    if found[1]:
        page.close(name)
        return found.end()
    page.open(name, found[3])
    skipped = _SKIPPED.get(name)
    if skipped is None or found[3].endswith("/"):
        return found.end()
    closing = skipped.search(markup, found.end(), end)
    return closing.end() if closing else end


def _read_broken(page: "_Page", markup: str, start: int, end: int) -> int:
    """Pass over comments, declarations and tags that are none."""
    if markup.startswith("<!--", start):
        closed = markup.find("-->", start + 4, end)
        return end if closed == -1 else closed + 3
    closed = markup.find(">", start, end)
    if closed == -1:  # no tag ends any more: what is left is text
        page.text(markup[start:end])
        return end
    return closed + 1


class _Page:
    """The text so far: finished lines, and the line being written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._indent = ""
        self._blank = True
        self._gap = False
        self._depth = 0
        self._spaced = True
        self._quotes = 0
        self._pre = 0
        self._lists: list[int] = []
        self._link: tuple[str, int] | None = None
        self._opens: dict[str, Callable[[str], None]] = {
            "br": self._break,
            "hr": self._rule,
            "li": self._item,
            "ul": self._unordered,
            "ol": self._ordered,
            "td": self._cell,
            "th": self._cell,
            "a": self._anchor,
            "img": self._image,
            "pre": self._verbatim,
            "blockquote": self._quote,
        }

    def text(self, raw: str) -> None:
        """Add text between tags, its character references not yet resolved."""
        if not raw:
            return
        if "&" in raw:
            raw = _unescape(raw)
        if self._pre:
            first, *others = raw.replace("\r", "").split("\n")
            self._add(first)
            for line in others:
                self._end_line(keep_blank=True)
                self._add(line)
            return
        raw = _SPACE.sub(" ", raw)
        if self._spaced and raw.startswith(" "):
            raw = raw[1:]
        self._add(raw)

    def open(self, name: str, attributes: str) -> None:
        """Begin an element."""
        if name in _PARAGRAPHS:
            self._end_paragraph(name)
        elif name in _LINES:
            self._end_line()
        act = self._opens.get(name)
        if act is not None:
            act(attributes)

    def close(self, name: str) -> None:
        """End an element; ends that nothing began do no harm."""
        if name == "a":
            self._end_anchor()
        elif name in _PARAGRAPHS:
            self._end_line()
            if name == "blockquote":
                self._quotes = max(0, self._quotes - 1)
            elif name == "pre":
                self._pre = max(0, self._pre - 1)
            elif name in {"ul", "ol"} and self._lists:
                self._lists.pop()
            self._end_paragraph(name)
        elif name in _LINES:
            self._end_line()
        elif name in {"td", "th"}:
            self._cell("")

    def finish(self) -> str:
        """Return the whole text."""
        self._end_anchor()
        self._end_line()
        return clean("\n".join(self._lines).strip("\n"))

    def _add(self, text: str) -> None:
        if text:
            self._line.append(text)
            self._spaced = text[-1] == " "

    def _end_line(self, *, keep_blank: bool = False) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._pre else line.strip(" ")
        if line:
            self._emit(self._indent + line)
        elif keep_blank:
            self._emit("")
        self._line.clear()
        self._indent = ""
        self._spaced = True

    def _end_paragraph(self, name: str) -> None:
        self._end_line()
        within_list = bool(self._lists) and name in {"ul", "ol"}
        self._gap = self._gap or not within_list

    def _emit(self, line: str) -> None:
        """Add a line, after the blank one that the end of a paragraph may have asked for."""
        depth = min(self._quotes, _MAX_QUOTE_DEPTH)
        if self._gap and self._lines and not self._blank:
            self._lines.append(("> " * min(depth, self._depth)).rstrip())
        self._gap = False
        self._lines.append(("> " * depth + line).rstrip())
        self._depth = depth
        self._blank = not line

    def _break(self, _: str) -> None:
        if self._line or not (self._blank or self._gap):
            self._end_line(keep_blank=True)

    def _rule(self, _: str) -> None:
        self._emit("-" * 20)

    def _item(self, _: str) -> None:
        depth = min(len(self._lists), _MAX_LIST_DEPTH)
        mark = "- "
        if self._lists and self._lists[-1]:
            mark = f"{self._lists[-1]}. "
            self._lists[-1] += 1
        self._indent = "  " * max(0, depth - 1)
        self._line.append(mark)

    def _unordered(self, _: str) -> None:
        self._lists.append(0)

    def _ordered(self, _: str) -> None:
        self._lists.append(1)

    def _cell(self, _: str) -> None:
        if not self._spaced:
            self._add(" ")

    def _verbatim(self, _: str) -> None:
        self._pre += 1

    def _quote(self, _: str) -> None:
        self._quotes += 1

    def _image(self, attributes: str) -> None:
        self.text(_attribute(_ALT, attributes))

    def _anchor(self, attributes: str) -> None:
        self._end_anchor()
        target = _unescape(_attribute(_HREF, attributes)).strip()
        if target.lower().startswith(("http://", "https://", "mailto:")):
            self._link = (target[:_MAX_URL], len(self._line))

    def _end_anchor(self) -> None:
        if self._link is None:
            return
        target, start = self._link
        self._link = None
        shown = "".join(self._line[start:]).strip()
        bare = target.removeprefix("mailto:").removeprefix("https://").removeprefix("http://")
        if not shown or bare.rstrip("/") in shown:
            return  # a picture, or the text says it already
        if not (target.startswith("mailto:") and "@" in shown):
            self._add(f" <{target}>")


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return next(filter(None, found.groups()), "") if found else ""


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a reference by a number of more than 4,300 digits
        return text

"""What of a mail can be searched for, and what is looked for when somebody types a query.

Both sides are cut and folded by the same rules, so that what looks the same is the same: case,
accents and width are dropped. Scripts that put no spaces between words (Chinese, Japanese, Korean
with its particles, Thai, …) are cut into overlapping pairs of characters.

A word is wanted or not, where it stands is not kept: an index of places costs several times as
much. ``order-1234`` therefore finds mail that holds both ``order`` and ``1234``.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2s
from itertools import islice
from typing import Final

from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.model import MessageContent

VERSION: Final = f"1/{unicodedata.unidata_version}"
"""Changes whenever the same mail would be cut or folded otherwise; the index is then made anew."""

MAX_TEXT: Final = 32_768
MAX_WORDS: Final = 4_000
"""Characters of a mail's text, and different words of a mail, that can be searched for."""

MAX_WORD: Final = 40
"""Longer words, mostly coded data, are cut into pieces of so many characters."""

MAX_QUERY: Final = 1_000
MAX_TERMS: Final = 16
"""Characters and terms of a query; what is beyond is not looked for."""

# Private use characters, which are part of no word, tell exact keys from words.
_LABEL: Final = "\uf8f0"
_SENDER: Final = "\uf8f1"
_DOMAIN: Final = "\uf8f2"

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17d3\u17dd\u3005\u3007\u3040-\u30ff"
    "\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U000323af"
)
# Vowel signs without which Indic words fall to pieces; for Python they are no word characters.
_SIGNS: Final = (
    "\u0711\u0730-\u074a\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0980-\u0dff"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86-\u0fbc"
)
# Accents, Hebrew points, Arabic vowels and stretching, and what nobody sees.
_DROPPED: Final = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]+"
)
_ASCII_WORD: Final = re.compile(rf"[a-z0-9]{{1,{MAX_WORD}}}")
_WORD: Final = re.compile(rf"(?:[^\W_]|[{_SIGNS}{_UNSPACED}])+")
_RUN: Final = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_START: Final = re.compile(f"[{_UNSPACED}]")


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is looked for; ``prefix``: words that begin with it are meant as well."""

    word: str
    prefix: bool = False


def words_of(content: MessageContent) -> list[str]:
    """Return what a message is found by: its words, and exact keys for the filters.

    Always the same for the same message, and each once: what is taken out of the index must be
    what was put into it.
    """
    words: dict[str, None] = {}
    for text in _texts(content):
        words.update(dict.fromkeys(_words(text)))
        if len(words) >= MAX_WORDS:
            break
    keys = {label_key(label): None for label in content.labels}
    if content.from_address:
        keys.update(dict.fromkeys(_sender_keys(content.from_address)))
    return [*islice(words, MAX_WORDS), *keys]


def query_terms(query: str) -> tuple[Term, ...]:
    """Return what a query looks for, all of which a mail must hold; () when it holds no word.

    Any text is a query. The last word may be the beginning of one.
    """
    terms: dict[str, Term] = {}
    runs = list(_runs(_fold(query[:MAX_QUERY])[:MAX_QUERY]))
    for place, run in enumerate(runs):
        if not _UNSPACED_START.match(run):
            *whole, last = _chunks(run)
            new = [Term(word) for word in whole]
            new.append(Term(last, prefix=place == len(runs) - 1))
        elif len(run) == 1:
            new = [Term(run, prefix=True)]  # stands alone in no mail but at the end of a run
        else:
            new = [Term(pair) for pair in _pairs(run)[:-1]]
        for term in new:
            if term.word not in terms or terms[term.word].prefix:
                terms[term.word] = term
    return tuple(terms.values())[:MAX_TERMS]


def label_key(label: str) -> str:
    """Return the key of a label; upper and lower case are one."""
    return _LABEL + _digest(_fold(label.strip()))


def sender_key(wanted: str) -> str:
    """Return the key of a sender: of a whole address, or of all addresses of a domain."""
    local, _, domain = wanted.strip().rpartition("@")
    if local:
        return _SENDER + _digest(normalise(wanted))
    return _DOMAIN + _digest(normalise(f"x@{domain}").rpartition("@")[2])


def _sender_keys(address: str) -> Iterator[str]:
    yield sender_key(address)
    domain = address.rpartition("@")[2]
    yield sender_key(f"@{domain}")


def _digest(value: str) -> str:
    return blake2s(value.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _texts(content: MessageContent) -> Iterator[str]:
    """Give what is searched, what matters most first."""
    yield content.subject
    yield from content.labels
    yield content.from_name or ""
    yield " ".join((content.from_address, *content.to, *content.cc, *content.bcc))[:MAX_TEXT]
    yield " ".join(each.name for each in content.attachments)[:MAX_TEXT]
    yield (content.full_text or content.text)[:MAX_TEXT]


def _words(text: str) -> Iterable[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _pieces(_runs(_fold(text)[: 2 * MAX_TEXT]))


def _pieces(runs: Iterable[str]) -> Iterator[str]:
    for run in runs:
        yield from _pairs(run) if _UNSPACED_START.match(run) else _chunks(run)


def _pairs(run: str) -> list[str]:
    """Cut a run into overlapping pairs; the last character, with which none begins, stays alone."""
    return [run[at : at + 2] for at in range(len(run))]


def _chunks(word: str) -> list[str]:
    return [word[at : at + MAX_WORD] for at in range(0, len(word), MAX_WORD)]


def _runs(folded: str) -> Iterator[str]:
    """Cut a folded text into words, and a word where the manner of its script changes."""
    for found in _WORD.finditer(folded):
        word = found[0]
        if word.isascii():
            yield word
        else:
            yield from _RUN.findall(word)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", text).casefold())
    # A second time: folding can bring back what the first took apart.
    return unicodedata.normalize("NFC", _DROPPED.sub("", unicodedata.normalize("NFKD", bare)))

"""Keeps a webhook body under its limit: the whole stays at the API, the body says it was cut."""

from typing import Any

import orjson

_ENVELOPE_BYTES = 512
"""Room for what stands around the payload: event, ids and the time."""

_TEXTS = ("text", "fullText", "html")
_LISTS = ("to", "cc", "bcc", "recipients", "labels", "attachments")
_LIST_LIMITS = (50, 10, 1, 0)


def fit(payload: dict[str, Any], max_bytes: int) -> dict[str, Any]:
    """Return a payload whose body has at most ``max_bytes``.

    What does not fit is given up in this order: inline contents of attachments, the ends of the
    texts, headers, the ends of long lists. ``truncated: true`` tells that something was.
    """
    budget = max_bytes - _ENVELOPE_BYTES
    if _size(payload) <= budget:
        return payload
    cut = {**payload, "truncated": True}
    if "attachments" in cut:
        cut["attachments"] = [
            {name: value for name, value in each.items() if name != "content"}
            for each in cut["attachments"]
        ]
    if _size(cut) <= budget:
        return cut
    texts = {name: cut[name] for name in _TEXTS if name in cut}
    bare = {**cut, **dict.fromkeys(texts, "")}
    if _size(bare) > budget:
        bare.pop("headers", None)
    for longest in _LIST_LIMITS:
        if _size(bare) <= budget:
            break
        bare |= {name: bare[name][:longest] for name in _LISTS if name in bare}
    left = budget - _size(bare)
    for waiting, (name, text) in zip(range(len(texts), 0, -1), texts.items(), strict=True):
        bare[name] = _cut_text(text, left // waiting)
        left -= _size(bare[name])
    return bare


def _cut_text(text: str, max_bytes: int) -> str:
    """Return the longest beginning that renders to at most so many bytes, found by bisection."""
    if _size(text) <= max_bytes:
        return text
    low, high = 0, min(len(text), max(max_bytes, 0))
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) <= max_bytes:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _size(value: Any) -> int:
    return len(orjson.dumps(value))

"""Reads packs: files that hold many labelled mails, so that a sample costs a few lines, not a file.

A sample starts with ``=== name``; lines ``#: …`` say what it reports, the rest is the mail::

    #: delivery | complaint | none        the kind; `none` if the line is missing
    #: failed 5.1.1 grace@dest.example    action, status ("-": not stated), recipient; one a line
    #: envelope msg_1                     the original envelope id
    #: charset iso-2022-jp                how the mail is encoded, where not as UTF-8

In the mail ``@original ADDRESS`` stands for a returned message to that address and the lines from
``@base64 [CHARSET]`` to ``@end`` are encoded. Packs are UTF-8 text with LF line ends.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ORIGINAL_ID = "<20260301.4711.ada@shop.example>"
_ORIGINAL = f"""Return-Path: <ada@shop.example>
Received: from web01.shop.example (web01.shop.example [203.0.113.20])
	by mx1.shop.example with ESMTP id 4711; Mon, 2 Mar 2026 09:14:20 +0000
Message-ID: {ORIGINAL_ID}
Date: Mon, 2 Mar 2026 09:14:20 +0000
From: Ada <ada@shop.example>
To: {{to}}
Subject: Your order 4711
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello, write to orders@shop.example or bob@elsewhere.example if this could not be delivered."""


@dataclass(frozen=True, slots=True)
class Recipient:
    action: str
    status: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    kind: str
    recipients: tuple[Recipient, ...]
    envelope_id: str | None
    message_id: str | None
    raw: bytes


def read_pack(path: Path) -> Iterator[Sample]:
    for piece in path.read_text("utf-8").removeprefix("=== ").split("\n=== "):
        name, _, rest = piece.partition("\n")
        yield _sample(f"{path.stem}/{name}", rest.split("\n"))


def _sample(name: str, lines: list[str]) -> Sample:
    labels = [line[3:].split() for line in lines if line.startswith("#: ")]
    mail = [line for line in lines if not line.startswith("#: ")]
    known = {words[0]: words[1] for words in labels if len(words) == 2}
    return Sample(
        name=name,
        kind=next((words[0] for words in labels if len(words) == 1), "none"),
        recipients=tuple(
            Recipient(action, None if status == "-" else status, address)
            for action, status, address in (words for words in labels if len(words) > 2)
        ),
        envelope_id=known.get("envelope"),
        message_id=ORIGINAL_ID if any(line.startswith("@original ") for line in mail) else None,
        raw="\n".join(_expand(mail)).rstrip("\n").encode(known.get("charset", "utf-8")) + b"\n",
    )


def _expand(mail: list[str]) -> Iterator[str]:
    waiting: list[str] | None = None
    charset = "utf-8"
    for line in mail:
        word, _, value = line.partition(" ")
        written = _ORIGINAL.format(to=value) if word == "@original" else line
        if word == "@base64":
            waiting, charset = [], value or "utf-8"
        elif word == "@end" and waiting is not None:
            yield base64.encodebytes("\r\n".join(waiting).encode(charset)).decode().rstrip("\n")
            waiting = None
        elif waiting is not None:
            waiting.append(written)
        else:
            yield written

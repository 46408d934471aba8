"""An ordinary mail of 5 kB: some trace headers, a plain and an HTML rendition, a quoted answer."""

from collections.abc import Iterable, Iterator

_NUMBER = b"%NUMBER%"

_HEADERS = """\
Return-Path: <ann@sender.example>
Received: from mx.recipient.example (mx.recipient.example [192.0.2.10])
 by mail.recipient.example (Postfix) with ESMTPS id 4Xb%NUMBER%
 for <support@localhost.test>; Mon, 23 Nov 2026 10:00:02 +0000 (UTC)
Received: from out.sender.example (out.sender.example [198.51.100.7])
 (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
 by mx.recipient.example (Postfix) with ESMTPS id 9Qd%NUMBER%
 for <support@localhost.test>; Mon, 23 Nov 2026 10:00:01 +0000 (UTC)
Authentication-Results: mx.recipient.example; dkim=pass header.d=sender.example;
 spf=pass smtp.mailfrom=ann@sender.example; dmarc=pass header.from=sender.example
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=2026;
 h=from:to:subject:date:message-id:mime-version; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB4nujc7YopdG5dWLSdNg6xNAZpOPrkHt1IrE+NahM
 6L/LbvaHutKVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV4bmp/YzhwvcubU4=
From: Ann Author <ann@sender.example>
To: Support <support@localhost.test>
Cc: "Bea, of sales" <bea@sender.example>
Subject: Re: Figures of week %NUMBER%
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-ID: <%NUMBER%.ann@sender.example>
In-Reply-To: <q%NUMBER%.support@localhost.test>
References: <p%NUMBER%.support@localhost.test> <q%NUMBER%.support@localhost.test>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_part_%NUMBER%"

"""

_SENTENCES = (
    "The figures you asked for are in the table below, sorted by region and by month.",
    "Please note that those of the north include what was shipped before the holidays.",
    "We had to correct two of them after the audit, which is why the total has changed.",
    "Could you tell me until when you need the forecast, and in which of the two forms?",
    "If it is any help I can have the warehouse count again before the end of the week.",
)

_QUOTED = (
    "Thank you for your order, which we received on Friday and have passed on.",
    "Before we can go on we need the figures of the last three weeks from you.",
    "An answer to this mail is enough; nobody has to fill in the form again.",
)

_PARAGRAPHS = 4


def _template() -> bytes:
    text = "\n\n".join("\n".join(_SENTENCES) for _ in range(_PARAGRAPHS - 2))
    quoted = "\n".join(f"> {line}" for line in _QUOTED)
    html = "\n".join(
        '<p style="margin:0">' + " ".join(_SENTENCES) + "</p>" for _ in range(_PARAGRAPHS)
    )
    mail = (
        f"{_HEADERS}--=_part_%NUMBER%\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n\nHello,\n\nthis is number %NUMBER%.\n{text}\n\nAnn\n\n"
        f"On Fri, 20 Nov 2026 at 09:00, Support wrote:\n{quoted}\n\n--=_part_%NUMBER%\n"
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        f"<html><body><p>Hello, this is number %NUMBER%.</p>\n{html}\n</body></html>\n"
        "--=_part_%NUMBER%--\n.\n"
    )
    return mail.replace("\n", "\r\n").encode()


def mails(numbers: Iterable[int]) -> Iterator[bytes]:
    """Yield mails that differ in everything that must differ, each with its final dot."""
    template = _template()
    for number in numbers:
        yield template.replace(_NUMBER, b"%08d" % number)

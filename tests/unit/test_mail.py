"""A received message as the product shows it."""

from pathlib import Path
from typing import Any

import pytest

from sendook_lite.domain.attachment_names import default_name, safe_name
from sendook_lite.domain.mail import Mail, extract_attachment, parse

SAMPLES = Path(__file__).parent.parent / "samples" / "mail"


def sample(name: str) -> Mail:
    return parse((SAMPLES / f"{name}.eml").read_bytes())


def mail(*fields: str) -> Mail:
    return parse(("\n".join(fields) + "\n\nbody\n").encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "gmail-reply",
            {
                "from_address": "ada@lovelace.example",
                "from_name": "Ada Lovelace",
                "to": ("support@inbox.test",),
                "cc": ("charles@babbage.example", "ops@inbox.test"),
                "subject": "Re: Your order",
                "text": "Yes, please ship it to Zürich.\n\n- two boxes\n- no hurry",
                "message_id": "CAreply@mail.lovelace.example",
                "in_reply_to": ("second@inbox.test",),
                "references": ("first@inbox.test", "second@inbox.test"),
                "date": 1_740_996_900_000,
                "authentication": {
                    "authservId": "mx.example.org",
                    "dkim": "pass",
                    "spf": "pass",
                    "dmarc": "pass",
                },
                "attachments": (),
            },
        ),
        (
            "outlook-reply-german",
            {
                "from_name": "Müller, Jörg",
                "subject": "AW: Rückfrage",
                "text": "Hallo zusammen,\n\ndas passt für 20 €.",
                "html": "",
                "headers": {"Importance": "high", "Thread-Topic": "Rückfrage"},
            },
        ),
        ("apple-inline-picture", {"text": "See below."}),
        ("calendar-invitation", {"text": "You are invited.\nList footer"}),
        ("html-only", {"text": "Answer: yes & thanks ✓"}),
        (
            "interleaved-on-a-list",
            {
                "text": "Hi,\n\nYes, it does.\n\nNot yet.",
                "auto_submitted": False,
                "headers": {"List-Id": "Developers <dev.lists.example>", "Precedence": "list"},
            },
        ),
        ("japanese", {"from_name": "山田", "subject": "お問い合わせ", "text": "こんにちは。"}),
        ("chinese-gb2312", {"subject": "訂單", "text": "你好，訂單 €"}),  # noqa: RUF001 - Chinese
        ("russian-koi8", {"subject": "Привет", "text": "Добрый день"}),
        ("windows-1252-as-ascii", {"subject": "café", "text": "It\u2019s 5 € été"}),
        (
            "vacation",
            {
                "auto_submitted": True,
                "spam": {
                    "flag": True,
                    "score": 7.5,
                    "required": 5.0,
                    "tests": ["BAYES_99", "HTML_MESSAGE"],
                },
                "text": "I am away.",
            },
        ),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_realistic_mails_are_read(name: str, expected: dict[str, Any], line_end: bytes) -> None:
    read = parse((SAMPLES / f"{name}.eml").read_bytes().replace(b"\n", line_end))
    assert {field: getattr(read, field) for field in expected} == expected
    assert read.parse_error is None


def test_the_full_text_keeps_history_and_signature() -> None:
    full = sample("gmail-reply").full_text
    assert full.startswith("Yes, please")
    assert "> where shall we ship it?" in full


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "names-of-attachments",
            [
                ("Rechnung März.pdf", "application/pdf"),
                ("Übersicht.pdf", "application/pdf"),
                ("passwd", "text/plain"),
                ("evil.exe", "application/octet-stream"),
                ("attachment-5.pdf", "application/pdf"),
                ("attachment-6.ics", "text/calendar"),
                ("winmail.dat", "application/ms-tnef"),
                ("htaccess", "image/png"),
            ],
        ),
        (
            "forwarded-message",
            [
                ("The inner-outer mail.eml", "message/rfc822"),
                ("attachment-2.eml", "message/rfc822"),
            ],
        ),
        (
            "calendar-invitation",
            [("attachment-1.ics", "text/calendar"), ("invite.ics", "application/ics")],
        ),
    ],
)
def test_everything_but_the_body_is_attached_under_a_harmless_name(
    name: str, expected: list[tuple[str, str]]
) -> None:
    assert [(file.name, file.content_type) for file in sample(name).attachments] == expected


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.eml")), ids=lambda path: path.stem)
def test_attachments_can_be_taken_from_the_raw_mail_again(path: Path) -> None:
    raw = path.read_bytes()
    for file in parse(raw).attachments:
        assert extract_attachment(raw, file.part) == file.content
        assert file.size == len(file.content)
    assert extract_attachment(raw, 99) is None


def test_an_enclosed_message_is_attached_byte_for_byte_however_it_was_encoded() -> None:
    plain, encoded = sample("forwarded-message").attachments
    assert plain.content == encoded.content.removesuffix(b"\n")
    assert plain.content.startswith(b"From: Inner <inner@x.example>\n")


def test_pictures_shown_by_the_html_are_inline() -> None:
    (picture,) = sample("apple-inline-picture").attachments
    assert (picture.name, picture.inline, picture.content_id) == (
        "bug.png",
        True,
        "pic-1@hopper.example",
    )


def test_a_file_to_be_saved_is_not_inline_even_with_a_content_id() -> None:
    read = mail("Content-Type: image/png", "Content-ID: <a@x>", "Content-Disposition: attachment")
    assert [(file.inline, file.content_id) for file in read.attachments] == [(False, "a@x")]


def multipart(kind: str, *parts: str) -> Mail:
    head = f"From: a@b.example\nContent-Type: multipart/{kind}; boundary=x\n\n"
    return parse((head + "".join(f"--x\n{part}\n" for part in parts) + "--x--\n").encode())


HTML = "Content-Type: text/html\n\n<p>html</p>"


@pytest.mark.parametrize(
    ("kind", "parts", "full_text", "html", "attached"),
    [
        ("alternative", ["\nplain", HTML], "plain", "<p>html</p>", 0),
        ("alternative", ["\n \n", HTML], "html", "<p>html</p>", 0),
        ("mixed", ["\none", "\ntwo"], "one\ntwo", "", 0),
        ("mixed", ["\none", HTML], "one\nhtml", "<p>html</p>", 0),
        ("mixed", [HTML, "\nfooter"], "html\nfooter", "<p>html</p>", 0),
        ("mixed", ["\none", "Content-Disposition: attachment\n\nfile"], "one", "", 1),
        ("mixed", ["\none", "Content-Type: text/plain; name=a.txt\n\nfile"], "one", "", 1),
        ("mixed", ["Content-Type: text/plain; name=body.txt\n\nbody"], "body", "", 0),
        ("mixed", ["Content-Type: image/png\n\nx"], "", "", 1),
        ("mixed", ["Content-Type: multipart/mixed\n\nnot parted"], "not parted", "", 0),
        ("related", [HTML, "Content-Type: text/css\n\np{}"], "html", "<p>html</p>", 1),
    ],
)
def test_the_body_is_told_from_the_attachments(
    kind: str, parts: list[str], full_text: str, html: str, attached: int
) -> None:
    read = multipart(kind, *parts)
    assert (read.full_text, read.html, len(read.attachments)) == (full_text, html, attached)


def test_flowed_text_is_unfolded() -> None:
    assert mail("Content-Type: text/plain; format=flowed; delsp=yes").full_text == "body"
    read = parse(b"Content-Type: text/plain; format=Flowed; delsp=YES\n\none \ntwo\n")
    assert read.full_text == "onetwo"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "the message is empty"),
        (b"\x00\xff", "no header fields"),
        (b"Subject: x", None),
        (b"Content-Type: multipart/mixed\n\n", "a multipart without a boundary"),
    ],
)
def test_what_cannot_be_parsed_is_told(raw: bytes, error: str | None) -> None:
    assert parse(raw).parse_error == error


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        (["From: Ada <a@x.test>"], ("a@x.test", "Ada")),
        (["From: a@x.test, b@x.test"], ("a@x.test", None)),
        (["From: Team: a@x.test;"], ("a@x.test", None)),
        (["Sender: s@x.test"], ("s@x.test", None)),
        (["From: no address here"], ("", "no address here")),
        (["From: "], ("", None)),
        (["Subject: x"], ("", None)),
    ],
)
def test_the_author_is_read(fields: list[str], author: tuple[str, str | None]) -> None:
    read = mail(*fields)
    assert (read.from_address, read.from_name) == author


def test_addresses_are_named_once() -> None:
    read = mail("To: a@x.test, b@x.test, a@x.test", "Reply-To: r@x.test")
    assert (read.to, read.reply_to) == (("a@x.test", "b@x.test"), ("r@x.test",))


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@x> <b@x>", ("a@x", "b@x")),
        ("<a@x><b@x>\n <a@x>", ("a@x", "b@x")),
        ("Message of Monday from Ada <a@x>", ("a@x",)),
        ("a@x, b@x", ("a@x", "b@x")),
        ("nothing", ()),
        ("<a b>", ()),
        (f"<{'a' * 2000}>", ()),
        (" ".join(f"<{n}@x>" for n in range(150)), tuple(f"{n}@x" for n in range(50, 150))),
    ],
)
def test_message_ids_are_read_without_brackets(value: str, ids: tuple[str, ...]) -> None:
    read = mail(f"References: {value}", f"In-Reply-To: {value}")
    assert (read.references, read.in_reply_to) == (ids, ids)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("<a@x>", "a@x"), ("a@x", "a@x"), ("", None), ("<a@x> (x)", "a@x"), ("a" * 3000, None)],
)
def test_the_message_id_has_no_brackets(value: str, expected: str | None) -> None:
    assert mail(f"Message-ID: {value}").message_id == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 3 Mar 2025 11:15:00 +0100", 1_740_996_900_000),
        ("Mon, 3 Mar 2025 10:15:00 GMT", 1_740_996_900_000),
        ("3 Mar 2025 10:15", 1_740_996_900_000),
        ("Mon, 3 Mar 2025 10:15:00 -0000 (UTC)", 1_740_996_900_000),
        ("yesterday", None),
        ("", None),
        ("Mon, 3 Mar 1925 10:15:00 +0000", None),
        ("Mon, 3 Mar 99999 10:15:00 +0000", None),
        ("Mon, 99 Mar 2025 99:99:99 +9999", None),
        ("Sat, 31 Dec 2016 23:59:60 +0000", 1_483_228_799_000),
        ("1 Jan 9999999999999 00:00 +0000", None),
    ],
)
def test_the_date_is_in_epoch_milliseconds(value: str, expected: int | None) -> None:
    assert mail(f"Date: {value}").date == expected


@pytest.mark.parametrize(
    ("field", "automatic"),
    [
        ("Auto-Submitted: auto-generated", True),
        ("Auto-Submitted: auto-replied; owner-email=x", True),
        ("Auto-Submitted: no", False),
        ("Auto-Submitted: No (really)", False),
        ("Precedence: bulk", True),
        ("Precedence: auto_reply", True),
        ("Precedence: list", False),
        ("X-Auto-Response-Suppress: OOF, AutoReply", True),
        ("X-Auto-Response-Suppress: None", False),
        ("X-Autoreply: yes", True),
        ("Subject: x", False),
    ],
)
def test_mail_of_machines_is_known(field: str, automatic: bool) -> None:  # noqa: FBT001 - a case
    assert mail(field).auto_submitted is automatic


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ([], None),
        (["X-Spam-Flag: NO"], {"flag": False}),
        (["X-Spam-Status: No, hits=-0.1"], {"flag": False, "score": -0.1}),
        (["X-Spam-Score: 5.3 (+++++)"], {"score": 5.3}),
        (["X-Rspamd-Score: -1"], {"score": -1.0}),
        (["X-Spam-Score: nan"], None),
        (["X-Spam-Flag: perhaps"], None),
        (["X-Spam-Status: Yes, score=1.0", "X-Spam-Score: 9"], {"flag": True, "score": 1.0}),
    ],
)
def test_the_spam_verdict_of_the_mail_server_is_read(
    fields: list[str], verdict: dict[str, Any] | None
) -> None:
    assert mail("Subject: x", *fields).spam == verdict


AR = "Authentication-Results:"


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ([], None),
        ([f"{AR} mx.test; none"], {"authservId": "mx.test"}),
        ([f"{AR} mx.test 1; spf=FAIL"], {"authservId": "mx.test", "spf": "fail"}),
        (
            [f"{AR} mx.test; dkim=fail (x (y)) header.d=a; dkim=pass header.d=b"],
            {"authservId": "mx.test", "dkim": "pass"},
        ),
        (
            [f"{AR} mx.test (spf=pass); dmarc/1 = fail"],
            {"authservId": "mx.test", "dmarc": "fail"},
        ),
        (
            [f"{AR} mx.test; dmarc=fail", f"{AR} mx.test; dkim=pass; dmarc=pass"],
            {"authservId": "mx.test", "dmarc": "fail", "dkim": "pass"},
        ),
        (
            [f"{AR} mx.test; spf=fail", f"{AR} evil.test; dmarc=pass"],
            {"authservId": "mx.test", "spf": "fail"},
        ),
        (
            [f"{AR} mx.test; spf=fail", "Received: by mx.test", f"{AR} mx.test; dmarc=pass"],
            {"authservId": "mx.test", "spf": "fail"},
        ),
    ],
)
def test_only_the_topmost_authentication_results_are_believed(
    fields: list[str], verdict: dict[str, str] | None
) -> None:
    assert mail("Received: by lmtp", *fields, "Subject: x").authentication == verdict


def test_headers_shown_are_selected_and_bounded() -> None:
    read = mail("x-mailer: Mailer\udcff 1", "List-Unsubscribe: " + "<https://x>" * 1000, "X-No: x")
    assert list(read.headers) == ["List-Unsubscribe", "X-Mailer"]
    assert read.headers["X-Mailer"] == "Mailerÿ 1"
    assert len(read.headers["List-Unsubscribe"]) == 2048


@pytest.mark.parametrize(
    ("claimed", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("..", ""),
        ("/", ""),
        (".hidden", "hidden"),
        (" . name. ", "name"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        ("gpj\u202efdp.exe", "gpjfdp.exe"),
        ("ü" * 200 + ".pdf", "ü" * 125 + ".pdf"),
        ("a" * 300, "a" * 255),
        ("a." + "b" * 300, "a." + "b" * 253),
    ],
)
def test_claimed_names_lose_what_could_harm(claimed: str, safe: str) -> None:
    assert safe_name(claimed) == safe
    assert len(safe.encode()) <= 255


@pytest.mark.parametrize(
    ("content_type", "title", "name"),
    [
        ("application/pdf", "", "attachment-3.pdf"),
        ("image/webp", "", "attachment-3.webp"),
        ("image/x-odd-type", "", "attachment-3.bin"),
        ("text/odd", "", "attachment-3.txt"),
        ("application/odd", "", "attachment-3.bin"),
        ("message/rfc822", "Re: a/b", "Re- a-b.eml"),
        ("message/rfc822", "///", "-.eml"),
        ("message/rfc822", "x" * 300, "x" * 251 + ".eml"),
    ],
)
def test_missing_names_are_made_up_by_type(content_type: str, title: str, name: str) -> None:
    assert default_name(3, content_type, title) == name

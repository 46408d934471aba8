"""What is typed finds what was written, in whatever script, case or width."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.model import AttachmentInfo, MessageContent
from sendook_lite.domain.search_words import (
    MAX_TERMS,
    MAX_WORD,
    MAX_WORDS,
    label_key,
    query_terms,
    sender_key,
    words_of,
)


def content(text: str = "", **fields: object) -> MessageContent:
    return MessageContent(**{"from_address": "", "full_text": text, **fields})  # type: ignore[arg-type]


def finds(query: str, mail: MessageContent) -> bool:
    """Do what the index does."""
    words, terms = words_of(mail), query_terms(query)
    return bool(terms) and all(
        any(word.startswith(term.word) for word in words) if term.prefix else term.word in words
        for term in terms
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("hello", "Hello, world"),
        ("WORLD", "Hello, world"),
        ("wor", "Hello, world"),
        ("hello wor", "Hello, big world"),
        ("cafe", "Im Café"),
        ("CAFÉ", "im cafe\u0301"),
        ("hauptstrasse", "Hauptstraße 5"),
        ("STRASSE", "Hauptstraße, Straße"),
        ("елка", "Ёлка"),
        ("istanbul", "İSTANBUL"),
        ("order-1234", "your order 1234 is here"),
        ("foo_bar", "foo bar"),
        ("ann@example.org", "write to ann@example.org"),
        ("東京", "明日東京都へ行きます"),
        ("京都", "東京都"),
        ("都", "東京都"),
        ("東", "東京都"),
        ("会議 明日", "明日の会議"),
        ("カタカナ", "ﾊﾝｶｸｶﾀｶﾅ"),
        ("がぎ", "か\u3099き\u3099ぐ"),
        ("서울", "저는 서울에서 왔습니다"),
        ("에서", "저는 서울에서 왔습니다"),
        ("ประชุม", "การประชุมพรุ่งนี้"),
        ("हिन्दी", "यह हिन्दी है"),
        ("سلام", "سَلامٌ عليكم"),
        ("שלום", "שָׁלוֹם"),
        ("python3", "python3.11"),
        ("ABC東京", "abc東京"),
        ("12", "\uff11\uff12\uff13"),
    ],
)
def test_a_query_finds(query: str, text: str) -> None:
    assert finds(query, content(text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("hell world", "Hello, world"),  # only the last one is a beginning
        ("orld", "Hello, world"),
        ("京東", "東京都"),
        ("大阪", "東京都 大学 阪神"),
        ("hello moon", "Hello, world"),
        ("", "Hello"),
        ("?! --", "Hello ?! --"),
        ("🎉", "party 🎉"),
    ],
)
def test_a_query_does_not_find(query: str, text: str) -> None:
    assert not finds(query, content(text))


def test_all_that_a_mail_is_about_is_searched() -> None:
    mail = content(
        "body",
        subject="subject",
        from_address="sender@one.example",
        from_name="Somebody",
        to=("to@two.example",),
        cc=("cc@three.example",),
        bcc=("bcc@four.example",),
        labels=("urgent thing",),
        attachments=(AttachmentInfo("att", "Invoice-77.pdf", "application/pdf", 1, 1),),
    )
    wanted = "body subject sender somebody to@two cc@three bcc@four urgent invoice 77 pdf"
    for query in wanted.split():
        assert finds(query, mail), query
    assert finds("visible", MessageContent("", text="visible"))


def test_the_keys_of_filters_are_exact_and_no_query_reaches_them() -> None:
    mail = content(from_address="Ann+x@Büro.example", labels=("To Do", "x"))
    words = words_of(mail)
    assert label_key(" TO DO ") in words
    assert label_key("To") not in words
    assert sender_key("ann+X@xn--bro-hoa.example") in words
    assert sender_key("büro.example") in words
    assert sender_key("@BÜRO.example") in words
    assert sender_key("ann@büro.example") not in words
    assert sender_key("example") not in words
    assert not query_terms(label_key("To Do")[0])


def test_a_mail_and_a_query_are_bounded() -> None:
    assert len(words_of(content(" ".join(f"w{n}" for n in range(10_000))))) == MAX_WORDS
    assert len(query_terms(" ".join(f"w{n}" for n in range(100)))) == MAX_TERMS
    long = "x" * (2 * MAX_WORD + 5)
    assert set(words_of(content(long))) == {"x" * MAX_WORD, "x" * 5}
    assert finds(long, content(long))
    assert finds(long[:-3], content(long))
    assert not finds(long + "y", content(long))


@given(st.text(max_size=300))
def test_every_text_is_a_query_and_finds_itself(text: str) -> None:
    terms = query_terms(text)
    assert all(
        term.word and '"' not in term.word and "\0" not in term.word and " " not in term.word
        for term in terms
    )
    for term in terms:
        term.word.encode()  # SQLite takes nothing else
    if terms:
        assert finds(text, content(text))


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_the_words_of_a_mail_are_each_once_and_always_the_same(
    text: str, labels: list[str]
) -> None:
    mail = content(text, labels=tuple(labels), from_address=text[:50])
    words = words_of(mail)
    assert len(set(words)) == len(words)
    assert words == words_of(mail)
    for word in words:
        assert word
        assert not set(word) & set(" \t\n\0\"'()*:^+-")
        word.encode()


def test_words_do_not_depend_on_the_process() -> None:
    """A set would come in another order, and be cut at another word."""
    program = (
        "from sendook_lite.domain import search_words as s\n"
        "from sendook_lite.domain.model import MessageContent\n"
        "text = ' '.join(f'w{n}' for n in range(9000))\n"
        "print(' '.join(s.words_of(MessageContent('a@b.example', full_text=text))))\n"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1

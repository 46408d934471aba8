"""The visible reply, HTML rendered as text, and flowed lines."""

import pytest

from sendook_lite.domain.body import unflow
from sendook_lite.domain.html_text import HTML_LIMIT, html_to_text
from sendook_lite.domain.visible_text import REPLY_LIMIT, visible_reply

NEW = "Yes, that works.\n\nSee you then"

# ruff: noqa: RUF001 - words of several scripts, whose letters look alike by nature
HISTORIES = {
    "gmail": "On Mon, Mar 3, 2025 at 9:00 AM Ada <a@x.test> wrote:\n\n> old\n> text",
    "gmail wrapped": "On Mon, Mar 3, 2025 at 9:00 AM Ada Lovelace <\na@x.test> wrote:\n\n> old",
    "gmail unquoted": "On Mon, Mar 3, 2025 at 9:00 AM Ada <a@x.test> wrote:\n\nold\n\ntext",
    "gmail empty": "On Mon, Mar 3, 2025 at 9:00 AM Ada <a@x.test> wrote:",
    "apple": "> On 3. Mar 2025, at 09:00, Ada <a@x.test> wrote:\n> \n> old",
    "outlook": "From: Ada <a@x.test>\nSent: Monday, 3 March 2025\nTo: Bob\nSubject: RE: x\n\nold",
    "outlook rule": "_" * 32 + "\nFrom: Ada\nSent: Monday\nTo: Bob\nSubject: RE: x\n\nold",
    "outlook bold": "*From:* Ada <a@x.test>\n*Sent:* Monday\n*To:* Bob\n*Subject:* x\n\nold",
    "outlook old": "-----Original Message-----\nFrom: Ada\nSent: Monday\nTo: Bob\n\nold",
    "forwarded": "---------- Forwarded message ---------\nFrom: Ada\nDate: x\nTo: Bob\n\nold",
    "apple forwarded": "Begin forwarded message:\n\nFrom: Ada\nSubject: x\nDate: y\nTo: Bob\n\nold",
    "german": "Am 03.03.2025 um 09:00 schrieb Ada Müller <a@x.test>:\n> alt",
    "german unquoted": "Am Mo., 3. März 2025 um 09:00 Uhr schrieb Ada <\na@x.test>:\n\nalt",
    "german outlook": "Von: Ada <a@x.test>\nGesendet: Montag\nAn: Bob\nBetreff: AW: x\n\nalt",
    "german old": "-----Ursprüngliche Nachricht-----\nVon: Ada\n\nalt",
    "french": "Le lun. 3 mars 2025 à 09:00, Ada <a@x.test> a écrit :\n\n> vieux",
    "french unquoted": "Le lun. 3 mars 2025 à 09:00, Ada <a@x.test> a écrit :\n\nvieux",
    "french outlook": "De : Ada <a@x.test>\nEnvoyé : lundi\nÀ : Bob\nObjet : RE: x\n\nvieux",
    "spanish": "El lun, 3 mar 2025 a las 9:00, Ada (<a@x.test>) escribió:\n\n> viejo",
    "spanish outlook": "De: Ada\nEnviado el: lunes\nPara: Bob\nAsunto: RE: x\n\nviejo",
    "italian": "Il giorno lun 3 mar 2025 alle ore 09:00 Ada <a@x.test> ha scritto:\n\nvecchio",
    "italian outlook": "Da: Ada\nInviato: lunedì\nA: Bob\nOggetto: R: x\n\nvecchio",
    "portuguese": "Em seg., 3 de mar. de 2025 às 09:00, Ada <a@x.test> escreveu:\n\n> velho",
    "dutch": "Op ma 3 mrt 2025 om 09:00 schreef Ada <a@x.test>:\n\n> oud",
    "dutch outlook": "Van: Ada\nVerzonden: maandag\nAan: Bob\nOnderwerp: RE: x\n\noud",
    "polish": "pon., 3 mar 2025 o 09:00 Ada <a@x.test> napisał(a):\n\n> stare",
    "swedish": "Den mån 3 mars 2025 kl 09:00 skrev Ada <a@x.test>:\n\n> gammal",
    "danish outlook": "Fra: Ada\nSendt: mandag\nTil: Bob\nEmne: SV: x\n\ngammel",
    "czech": "po 3. 3. 2025 v 9:00 odesílatel Ada <a@x.test> napsal:\n\n> staré",
    "russian": "пн, 3 мар. 2025 г. в 09:00, Ada <a@x.test>:\n\n> старое",
    "japanese": "2025年3月3日(月) 9:00 Ada <a@x.test>:\n\n> 古い",
    "chinese": "Ada <a@x.test> 于2025年3月3日周一 09:00写道：\n\n> 旧",
    "chinese outlook": "发件人: Ada\n发送时间: 2025年3月3日\n收件人: Bob\n主题: 答复\n\n旧",
    "quotation alone": "> old\n>> older",
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=list(HISTORIES))
def test_the_history_below_an_answer_is_cut(history: str) -> None:
    assert visible_reply(f"{NEW}\n\n{history}\n") == NEW


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nBob\nBob & Sons, 1 Road",
        "--\nBob",
        "—\nBob",
        "Sent from my iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Best regards,\nBob Builder\nBob & Sons\n+49 30 1234",
        "Best,\n\nBob",
        "Mit freundlichen Grüßen\n\nBob Bauer",
        "Viele Grüße aus Berlin\nBob",
        "Cordialement,\nBob",
        "Un saludo\nBob",
        "Cordiali saluti\nBob",
        "Thanks!\nBob\n\nSent from my iPhone",
    ],
)
def test_the_signature_is_cut(signature: str) -> None:
    assert visible_reply(f"{NEW}.\n\n{signature}") == f"{NEW}."


@pytest.mark.parametrize(
    "text",
    [
        "Take a look at this:\n\n- one\n- two\n\nThanks, and one more question.",
        "Thanks!\nCould you also look at the other one?\nBob",
        "Thanks!",
        "Dear all,\n\nTo: be or not to be\nthat is the question",
        "He wrote:\nsomething nice",
        "From: here\nit goes on\nand on",
        "We travel\nFrom: here\nTo: there\nby train",
        "Great.\n\nThanks,\nbut please send the other one, too.\nBob",
        "Prices:\n10:00 one\n11:00 two",
        "On 3 March 2025 we met:\nit was fine",
        "a -- b\n--flag\n---\nend",
        "Best regards",
        "-- \nonly a signature",
        "Sent from my iPhone",
        "ls -la /etc/passwd\n/usr/bin/env",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc\n-----END PGP PUBLIC KEY BLOCK-----",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible_reply(text) == text.strip()


def test_answers_between_quoted_lines_stay() -> None:
    text = "Hi,\n\nAda wrote on 2025-03-03:\n> one?\n\nYes.\n\n> two?\n> three?\nNo.\n"
    assert visible_reply(text) == "Hi,\n\nYes.\n\nNo."


def test_an_answer_below_the_quotation_stays() -> None:
    text = "On Mon, Mar 3, 2025 at 9:00 AM Ada <a@x.test> wrote:\n> one?\n> two?\n\nYes, both."
    assert visible_reply(text) == "Yes, both."


def test_a_sentence_before_a_quotation_is_no_attribution() -> None:
    assert visible_reply("You said this:\n> x\nIt is wrong.") == "You said this:\n\nIt is wrong."


@pytest.mark.parametrize("key", ["forwarded", "outlook", "quotation alone", "apple forwarded"])
def test_a_mail_without_a_word_of_its_own_is_shown_whole(key: str) -> None:
    assert visible_reply(HISTORIES[key]) == HISTORIES[key]


def test_text_beyond_the_limit_stays_unless_history_began_before() -> None:
    long = "word " * (REPLY_LIMIT // 5)
    assert visible_reply(f"{long}\n\n> old\nend").endswith("end")
    cut = visible_reply(f"new\n\n{HISTORIES['outlook']}\n{long}{long}")
    assert cut == "new"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br/><br>three<br><br><br>four", "one\ntwo\n\nthree\n\nfour"),
        ("a \n  b&nbsp;c", "a b c"),
        ("<b>bo</b>ld", "bold"),
        ("<ul><li>a<li>b<ol><li>c</ol></ul>d", "- a\n- b\n  1. c\n\nd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>", "a b\nc"),
        ("<pre>a\n  b\n</pre>c", "a\n  b\n\nc"),
        ("<blockquote>a<blockquote><p>b</p></blockquote></blockquote>c", "> a\n>\n> > b\n\nc"),
        ('<a href="https://x.test/?a=1&amp;b=2">go</a>.', "go <https://x.test/?a=1&b=2>."),
        ("<a href=https://x.test/>x.test</a>", "x.test"),
        ("<a href='mailto:a@x.test'>a@x.test</a>", "a@x.test"),
        ("<a href='javascript:x()'>go</a>", "go"),
        ("<a href='https://x.test'><img src=x></a>end", "end"),
        ('<img alt="A &amp; B" src=x>', "A & B"),
        ("a<hr>b", f"a\n{'-' * 20}\nb"),
        ("<style>p{}</style><script>if (a<b) {}</script><title>t</title>x", "x"),
        ("<STYLE>unclosed", ""),
        ("a<!-- <p>b</p> -->c<!doctype html><?xml?><![if !mso]>d", "acd"),
        ("a<!-- unclosed", "a"),
        ("1 < 2 > 0 &lt;b&gt; &eacute; &#8364; &unknown;", "1 < 2 > 0 <b> é € &unknown;"),
        ("a<b", "a<b"),
        ("</p></ul></blockquote></a></pre>x", "x"),
        ('<p title="a > b">x</p>', "x"),
        ("<p title='open>x</p>", "x"),
        ("a&#0;&#xD800;&#1;b", "a\ufffd\ufffdb"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
        ("<script src=x />y", "y"),
    ],
)
def test_html_reads_as_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@pytest.mark.parametrize(
    "piece",
    [
        *("<div>", "<ul><li>", "<blockquote>", "<table><tr><td>", "<", "<!", "<a ", '<a x="'),
        *("<!--", "&", "<pre>\n", "\n", "</", "<a '>' >", "<a href" + " " * 99, "<br>", "<hr>"),
    ],
)
def test_hostile_html_grows_no_more_than_in_proportion(piece: str) -> None:
    markup = piece * (HTML_LIMIT // 4 // len(piece))
    assert len(html_to_text(markup)) <= 8 * len(markup)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("> a \n> b\n>> c \n>> d", "> a b\n>> c d"),
        ("a \n> b", "a \n> b"),
        ("a \n-- \nsig", "a \n-- \nsig"),
        (" stuffed\n >not quoted", "stuffed\n>not quoted"),
        ("end ", "end "),
    ],
)
def test_flowed_lines_are_joined(text: str, expected: str) -> None:
    assert unflow(text) == expected


def test_the_added_space_of_flowed_lines_is_deleted_when_told_so() -> None:
    assert unflow("日本 \n語 \nです", delete_space=True) == "日本語です"

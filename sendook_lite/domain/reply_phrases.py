"""The words by which mail programs and people introduce quotations and end their mails.

One list per purpose, over all languages; adding a language means adding its words here. Matching is
always of a whole line or of its beginning, and never on one word alone.
"""
# ruff: noqa: RUF001 - words of several scripts, whose letters look alike by nature

import re
from collections.abc import Iterable


def _any(phrases: Iterable[str]) -> str:
    """Make alternatives of phrases, the longer ones first."""
    return "|".join(map(re.escape, sorted(set(phrases), key=len, reverse=True)))


COLONS = (":", "：")

_WROTE = (
    *("wrote", "writes", "schrieb", "a écrit", "escribió", "escribio", "ha scritto", "escreveu"),
    *("schreef", "het volgende geschreven", "napisał", "napisała", "napisal", "napsal", "napsala"),
    *("napísal", "napísala", "skrev", "kirjoitti", "írta", "yazdı", "a scris", "написал"),
    *("написала", "написав", "пишет", "έγραψε"),
)
_WROTE_UNSPACED = ("写道", "寫道", "のメール", "작성")

_OPENING = (
    *("on", "am", "le", "el", "il", "em", "op", "den", "dne", "dnia", "w dniu", "no dia", "på"),
    "tarihinde",
)

_FROM = (
    *("from", "von", "de", "da", "van", "od", "fra", "från", "lähettäjä", "feladó", "kimden"),
    *("от", "от кого", "发件人", "寄件者", "差出人", "보낸 사람"),
)
_OTHER_LABELS = (
    *("sent", "date", "to", "cc", "subject", "reply-to"),
    *("gesendet", "datum", "an", "betreff"),
    *("envoyé", "date d'envoi", "à", "objet"),
    *("enviado", "enviado el", "fecha", "para", "asunto"),
    *("enviada em", "enviado em", "data", "assunto"),
    *("inviato", "a", "oggetto"),
    *("verzonden", "aan", "onderwerp"),
    *("wysłano", "do", "temat", "dw"),
    *("odesláno", "komu", "předmět", "kopie"),
    *("sendt", "til", "emne", "dato", "skickat", "till", "ämne"),
    *("lähetetty", "vastaanottaja", "aihe", "dátum", "küldve", "címzett", "tárgy"),
    *("gönderildi", "kime", "konu", "отправлено", "дата", "кому", "тема"),
    *("发送时间", "收件人", "主题", "抄送", "送信日時", "宛先", "件名", "日期"),
    *("보낸 날짜", "받는 사람", "제목"),
)

_OLDER_MAIL = (
    *("original", "forwarded", "ursprüngliche", "weitergeleitet", "message d'origine"),
    *("message transféré", "mensaje", "mensagem", "messaggio", "oorspronkelijk", "doorgestuurd"),
    *("oprindelig", "opprinnelig", "ursprung", "vidarebefordra", "původní", "wiadomość"),
    *("исходное", "пересылаемое", "alkuperäinen", "eredeti", "原始", "邮件原件", "轉寄"),
    *("元のメッセージ", "원본"),
)
_FORWARDED = (
    *("forwarded", "weitergeleitete", "réexpédié", "transféré", "reenviado", "inoltrato"),
    *("doorgestuurd", "encaminhada", "vidarebefordra"),
)

_SENT_FROM = (
    *("sent from", "get outlook for", "sent with proton", "gesendet von", "gesendet mit"),
    *("diese nachricht wurde von meinem", "von meinem iphone", "von meinem ipad"),
    *("envoyé depuis", "envoyé de mon", "envoyé à partir", "obtenir outlook", "outlook für"),
    *("enviado desde", "enviado do meu", "enviado de mi", "inviato da", "verzonden vanaf"),
    *("verzonden met", "verstuurd vanaf", "skickat från", "sendt fra", "wysłano z"),
    *("odesláno z", "lähetetty iphonesta", "отправлено с", "отправлено из", "从我的", "發自我的"),
    *("iphoneから送信", "나의 iphone"),
)

_CLOSINGS = (
    *("regards", "best regards", "kind regards", "warm regards", "kindest regards"),
    *("with best regards", "with kind regards", "many regards", "best", "best wishes", "cheers"),
    *("all the best", "sincerely", "yours sincerely", "yours faithfully", "yours truly"),
    *("thanks", "thank you", "many thanks", "thanks in advance", "thanks and regards"),
    *("mfg", "vg", "lg", "gruß", "gruss", "danke", "vielen dank", "viele grüße"),
    *("mit freundlichen grüßen", "mit freundlichem gruß", "freundliche grüße", "beste grüße"),
    *("mit besten grüßen", "liebe grüße", "schöne grüße", "herzliche grüße", "mit freundl. grüßen"),
    *("mit freundlichen gruessen", "mit freundlichen grüssen", "freundliche grüsse"),
    *("viele gruesse", "viele grüsse", "beste gruesse", "liebe gruesse", "liebe grüsse"),
    *("cordialement", "bien cordialement", "bien à vous", "salutations", "merci", "bonne journée"),
    *("meilleures salutations", "sincères salutations"),
    *("saludos", "un saludo", "saludos cordiales", "atentamente", "gracias", "muchas gracias"),
    *("cordiali saluti", "distinti saluti", "saluti", "un saluto", "grazie"),
    *("atenciosamente", "att", "obrigado", "obrigada", "cumprimentos", "abraços"),
    *("met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "groeten"),
    *("hartelijke groeten", "mvg", "bedankt", "pozdrawiam", "z poważaniem", "dziękuję"),
    *("s pozdravem", "děkuji", "med venlig hilsen", "venlig hilsen", "mvh", "hilsen"),
    *("med vänliga hälsningar", "vänliga hälsningar", "hälsningar", "ystävällisin terveisin"),
    *("с уважением", "спасибо", "saygılarımla", "üdvözlettel"),
)

WHEN = re.compile(
    r"\d{1,2}[:.h]\d{2}|\b(?:19|20)\d{2}\b|\d{4}[年년]|\d{1,2}[./-]\d{1,2}[./-]\d",
)
"""A date or a time of day."""

ADDRESS = re.compile(r"\S@\S")
WROTE = re.compile(rf"\b(?:{_any(_WROTE)})\b|{_any(_WROTE_UNSPACED)}")
OPENING = re.compile(rf"(?:{_any(_OPENING)})\b", re.IGNORECASE)
"""How the line begins that says when who wrote what follows."""

FROM_LABEL = re.compile(rf"\s*\*?(?:{_any(_FROM)})\s?\*?[:：]", re.IGNORECASE)
LABEL = re.compile(rf"\s*\*?(?:{_any(_FROM + _OTHER_LABELS)})\s?\*?[:：]", re.IGNORECASE)
"""A line of the header that some programs put above the mail they answer."""

SEPARATOR = re.compile(
    rf"\s*-{{3,}}\s?(?:{_any(_OLDER_MAIL)})[^-]{{0,60}}-{{3,}}\s*", re.IGNORECASE
)
FORWARDING = re.compile(
    rf"\s*(?:[-_=*]{{3,}}|.{{0,20}}(?:{_any(_FORWARDED)}).{{0,20}}:)\s*", re.IGNORECASE
)
"""A rule or phrase that stands above such a header."""

SENT_FROM = re.compile(rf"\s*(?:{_any(_SENT_FROM)})", re.IGNORECASE)
CLOSING = re.compile(
    rf"(?:{_any(_CLOSINGS)})(?: (?:aus|from) [^\s]{{1,30}})?[\s,.!;]*", re.IGNORECASE
)

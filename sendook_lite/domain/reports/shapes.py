"""How one line of a notice names an address.

Servers name the recipient in a few shapes: at the start of a line, after a label, in a transcript
of the SMTP session, within a sentence. The lines around tell whether it is a failed one.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from sendook_lite.domain.reports import phrases
from sendook_lite.domain.reports.addresses import ADDRESS, clean_address

MAX_NAME_WORDS = 4


class Shape(IntEnum):
    """How an address is named, surest first."""

    LISTED = 1
    TRANSCRIPT = 2
    SENTENCE = 3
    MENTIONED = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """An address in a line; ``firm`` when even the sender's own may be meant.

    ``rest`` is the reason as far as the line gives it.
    """

    address: str
    shape: Shape
    rest: str
    firm: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around a line, in lower case.

    ``introduced``: a line above says that this is a report. ``explained``: a line close by gives a
    reason; ``told``: the line itself or one next to it does, or says what failed.
    """

    before: str
    after: str
    introduced: bool
    explained: bool
    told: bool


_A = ADDRESS.pattern
_BARE = r"(?:(?:smtp|mailto|rfc822)[:;=])?"
_LISTED = re.compile(
    rf"^[\s*>•·\-\u2013|]{{0,30}}(?:\(?\d{{1,3}}[.)][ \t]+)?[\"'`<\[(]{{0,3}}{_BARE}({_A})"
    rf"[>\"'`\])]{{0,3}}(.*)$",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"^[\s*>•·\-]{{0,30}}[^<>:]{{1,120}}<({_A})>(.*)$")
_LABELLED = re.compile(
    rf"^[\s*>•·\-|]{{0,30}}([^:=@<>]{{2,90}})[:=][ \t]*[\"'`<\[(]{{0,3}}{_BARE}({_A})(.*)$",
    re.IGNORECASE,
)
_EXCHANGE = re.compile(rf"smtp=({_A}); on ", re.IGNORECASE)
_RCPT = re.compile(rf"rcpt to: ?<?({_A})", re.IGNORECASE)
_REPLY_LINE = re.compile(
    r"^[\s<>]{0,12}(?:remote host said: |received >>> )?[45]\d\d[ -]", re.IGNORECASE
)
EXPANDED = re.compile(rf"\((?:expanded|generated) from:? <?({_A})", re.IGNORECASE)
_SENDER_LABEL = re.compile(
    r"(?:^|\b)(?:from|sender|originat\w*|reply[- ]?to|return[- ]path|message[- ]?id|mail from|"
    r"contact|subject|absender|von|exp[ée]diteur|de|remitente|remetente|mittente|afzender|"
    r"отправитель|от|送信者|差出人|发件人|寄件者|help|support|questions?|postmaster|"
    r"references|in-reply-to|reporting|id|http|https|url|x-[\w-]+)\s*$"
)
_RECIPIENT_LABEL = re.compile(
    r"recip|rcpt|address|user|mailbox|account|deliver|error-for|fail|undeliver|unknown|intended|"
    r"\bfor\b|to\s*$|empf|adress|destinat|endere|direcci|indirizz|адрес|получат|宛|アドレス|"
    r"受信者|送信先|收件|地址|수신|받는|odbiorc|p[řr][íi]jemce|mottagare|modtager|ontvanger|"
    r"vastaanottaja|al[\u0131i]c[\u0131i]|cannot|could not|mail to|reach|nicht|unzustell"
)
_PLAIN_TO = re.compile(r"^(?:to|cc|bcc|an|à|para|a|an:|aan|кому|do|till|til|e-?mail|mail|name)$")
_CONTACT = re.compile(
    r"(?:contact|postmaster|assist|help|support|question|visit|write to|report (?:this|it|the)|"
    r"e-?mail us|reply|respond|forward|abuse|hotline|bei fragen|wenden|kontakt|contactez|"
    r"contacte|p[óo]ngase|entre em|pregunt|d[uú]vid|problemi|обрат|свяж|問い合わせ|お問|联系|聯絡|"
    r"unsubscribe|more information|more details|if you|please|administrator)[^.!?\n]{0,80}$"
)
_SENT_BY = re.compile(
    r"(?:from|by|sender|sent by|sender is|von|de la part de|mail from|originator|on behalf of|"
    r"return path|отправител\w*|from:)[\s:<\"'(\[]{0,6}$"
)
_BEFORE = re.compile(
    r"(?:\b(?:to|for|user|users|recipient|mailbox|account|address|addressee|destination|addresses|"
    r"recipients|reach|an|à|para|al?|aan|do|til|till|adresse|adres|empf(?:ä|ae)nger|utilisateur|"
    r"usuario|usu[áa]rio|utente|destinatari[oa]|destinataire|benutzer|adresat\w*|postfach|"
    r"recipient name|person|domain|rejected recipient|direcci[óo]n|endere[çc]o|indirizzo|"
    r"на|адрес\w*|получател\w*|пользовател\w*|addressed to)\b|宛先?|送信先|アドレス|收件人|地址|"
    r"用户|至|到|给|unknown|deliver|undeliverable|invalid|mailto|recipient,)"
    r"[\s:;,<\"'`(\[「『“*=]{0,8}$"
)
_AFTER = re.compile(
    r"^[\s>\"'`)\]:;,」』”.*]{0,8}(?:is|was|were|has|have|had|does|did|could|can|cannot|not|"
    r"no such|unknown|doesn|isn|couldn|didn|wasn|failed|konnte|ist|wurde|wird|n['\u2019]|no |"
    r"non |não|не|未|は|が|に|への|へ|を|이|가|에|because|due|mailbox|user|account|rejected|"
    r"refused|undeliverable|over|address|nie|nebyl|kunde|kunne|kan)"
)
_ON_DATE = re.compile(
    r"^\s*(?:on\s+\S|(?:[^\W\d]{1,10}[.,]?\s+){0,2}\d{1,4}[-./]\s?\d{1,2}[-./]\s?\d{1,4})"
)
"""The time of the attempt, which Exchange writes behind the address in its own language."""
_CODE_FIRST = re.compile(r"^[\s#:|-]{0,8}[45](?:\d\d|\.\d{1,3}\.\d{1,3})\b")


def read_line(line: str, context: Context) -> list[Hit]:
    """Read one line that contains an at sign; bounded by the length of the line."""
    exchange = _EXCHANGE.search(line)
    if exchange is not None:
        return _hit(exchange[1], Shape.LISTED, firm=True)
    if EXPANDED.search(line):
        return []
    rcpt = _RCPT.search(line)
    if rcpt is not None:
        labelled = line.lower().lstrip().startswith("rcpt to")
        return _hit(rcpt[1], Shape.LISTED if labelled else Shape.TRANSCRIPT, firm=True)
    for read in (_read_listed, _read_labelled, _read_reply):
        hits = read(line, context)
        if hits is not None:
            return hits
    return _read_sentence(line, context)


def _hit(token: str, shape: Shape, rest: str = "", *, firm: bool = False) -> list[Hit]:
    address = clean_address(token)
    return [] if address is None else [Hit(address, shape, rest, firm)]


def _read_listed(line: str, context: Context) -> list[Hit] | None:
    """Read ``<addr>: reason``, ``addr``, ``* addr (reason)``, ``Name <addr>``; None if not so."""
    found = _NAMED.match(line)
    if found is not None and _CONTACT.search(line[: found.start(1)].lower().rstrip("< ")):
        return []
    if found is None or len(line[: found.start(1)].split()) > MAX_NAME_WORDS:
        found = _LISTED.match(line)
    if found is None:
        return None
    token, rest = found[1], found[2].strip()
    said = rest.lstrip(":;,.-> ").lower()
    sender = _SENT_BY.search(context.before) or (not said and _CONTACT.search(context.before))
    if sender and not rest.startswith(":"):
        return []
    if said:
        return _read_reasoned(line, token, rest, said, context)
    firm = rest.startswith(":") or context.explained
    if firm or context.introduced:
        return _hit(token, Shape.LISTED, firm=firm)
    return _hit(token, Shape.MENTIONED)


def _read_reasoned(
    line: str, token: str, rest: str, said: str, context: Context
) -> list[Hit] | None:
    """Read an address at the start of a line that goes on; None when it goes on as a sentence."""
    if rest[0] in ",;" and ADDRESS.match(said.lstrip("<\"' ")):
        return _read_row(line, context)
    if _ON_DATE.match(rest):
        return _hit(token, Shape.LISTED, firm=True) if context.introduced else None
    reason = phrases.FAILURE_WORDS.search(said) is not None
    if rest[0] in ":([-," or rest.startswith("..."):
        fits = reason or context.introduced
    else:
        told = _CODE_FIRST.match(rest) or (context.introduced and not _AFTER.match(said))
        fits = reason and bool(told)
    return _hit(token, Shape.LISTED, rest, firm=True) if fits else None


def _read_row(line: str, context: Context) -> list[Hit]:
    """Read several addresses on one line, separated by commas or semicolons."""
    shape = Shape.LISTED if context.introduced else Shape.MENTIONED
    hits: list[Hit] = []
    for found in ADDRESS.finditer(line):
        hits += _hit(found[0], shape)
    return hits


def _read_labelled(line: str, _: Context) -> list[Hit] | None:
    """Read ``Recipient: <addr>``; labels of senders name nobody; None if there is no label."""
    found = _LABELLED.match(line)
    if found is None:
        return None
    label = found[1].strip().lower()
    if _SENDER_LABEL.search(label) or _CONTACT.search(label):
        return []
    if _PLAIN_TO.match(label):
        return _hit(found[2], Shape.MENTIONED)
    reason = phrases.FAILURE_WORDS.search(label) is not None
    if not reason and not _RECIPIENT_LABEL.search(label):
        return None
    rest = line.strip() if reason else found[3]
    hits = _hit(found[2], Shape.LISTED, rest, firm=True)
    if found[3].lstrip(">\"' ")[:1] in {",", ";"}:
        for more in ADDRESS.finditer(found[3]):
            hits += _hit(more[0], Shape.LISTED, rest, firm=True)
    return hits


def _read_reply(line: str, _: Context) -> list[Hit] | None:
    """Read the first address of an SMTP reply; None if the line is none."""
    if not _REPLY_LINE.match(line):
        return None
    found = ADDRESS.search(line)
    return None if found is None else _hit(found[0], Shape.TRANSCRIPT, line)


def _read_sentence(line: str, context: Context) -> list[Hit]:
    """Read addresses within a sentence that speaks of failure."""
    hits: list[Hit] = []
    for found in ADDRESS.finditer(line):
        before = f"{context.before[-60:]} {line[: found.start()].lower()}"[-140:]
        after = f"{line[found.end() : found.end() + 60].lower()} {context.after[:60]}"
        if _SENT_BY.search(before) or _CONTACT.search(before.split(". ")[-1]):
            continue
        named = _BEFORE.search(before) or _AFTER.match(after)
        shape = Shape.SENTENCE if named and context.told else Shape.MENTIONED
        hits += _hit(found[0], shape, line.strip())
    return hits

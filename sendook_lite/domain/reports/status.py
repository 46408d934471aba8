"""Deriving an enhanced status code (RFC 3463) from what a server said."""

import re

_ENHANCED = re.compile(r"(?<![\d.\[/:@-])([245])[.](\d{1,2})[.](\d{1,3})(?![\d.]|/\d)")
_REPLY = re.compile(
    r"(?:^|[\s:;(<>\"'#=,-])([45])(\d)(\d)(?=[\s-][^\d]|[\s-]\d[.]\d|[-:,)\]\"']|[\s]*$)"
)

_GENERIC = re.compile(r"^[245][.]0[.]0$")

_BY_REPLY = {
    "421": "4.3.0",
    "450": "4.2.0",
    "451": "4.3.0",
    "452": "4.3.1",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "535": "5.7.8",
    "550": "5.0.0",
    "551": "5.1.6",
    "552": "5.2.2",
    "553": "5.1.3",
    "554": "5.0.0",
}
"""RFC 5321 section 4.2.3; 550 and 554 are used for everything and say nothing more."""

_QUOTA = (
    r"(?:quota|mail ?box|account|storage|disk|inbox|box|postfach|bo[iî]te|buz[óo]n|caixa|casella)"
    r"[^\n]{0,40}(?:full|exceed|over|plein|voll|llen[oa]|chei[ao]|pien[oa]|satura|überschritten|"
    r"limit)|over ?quota|quota exceeded|out of disk|not enough (?:disk )?space|"
    r"insufficient (?:system )?storage|exceeds allowed size|переполнен|容量|超過|已满|已滿"
)
_SIZE = (
    r"(?:message|mail|size|attachment)[^\n]{0,40}(?:too (?:large|big|long)|exceeds?|limit)|"
    r"size exceeds|too large|maximum (?:message )?size"
)
_HOST = (
    r"\b(?:host|domain)(?: name)?:? (?:unknown|not found|is unknown|could ?n.t be found|"
    r"could not be found|does ?n.t exist|does not exist)|unknown domain|domain name not found|"
    r"(?:unknown|no such|bad|invalid|illegal) (?:host|domain)|couldn't find any host|nxdomain|"
    r"name service error|non-?existent (?:host|domain)|unrouteable|host not found|no mx|"
    r"mx records point to non-existent|find a gateway for"
)
_USER = (
    r"(?:user|recipient|mail ?box|account|address|alias|destinataire|usuario|utente|destinatario|"
    r"buz[óo]n|empf[äa]nger|benutzer|usu[áa]rio|destinat[áa]rio)[^\n]{0,60}"
    r"(?:unknown|not (?:found|exist|listed|known|here|recogni|valid)|n.t (?:exist|be found|found|"
    r"have)|does not|doesn.t|invalid|no such|inconnu|unbekannt|desconoc|no (?:se )?(?:existe|"
    r"encontr)|n.existe|sconosciut|inexist|desconhecid|unavailable|rejected)|"
    r"(?:unknown|no such|invalid|bad|non-?existent|undefined|illegal) (?:local )?"
    r"(?:user|recipient|mailbox|address|account|destination|alias|person|final|name)|"
    r"user ?unknown|not listed in|no mailbox here|address rejected|not our customer|"
    r"does not like recipient|unbekannt|пользователь|получател|не существует|不存在|不明|"
    r"見つかりません|存在しません|couldn.t be found"
)
_DISABLED = (
    r"(?:account|mailbox|user|address)[^\n]{0,30}(?:disabled|inactive|suspend|expired|locked|"
    r"not active|deactivated|discontinued)|temporarily limited"
)
_POLICY = (
    r"relay(?:ing)?[^\n]{0,30}(?:denied|not (?:allowed|permitted)|prohibited|refused)|"
    r"unable to relay|spam|blocked|blacklist|block ?list|policy|access denied|refused by|"
    r"not (?:authorized|permitted|allowed)|rejected|virus"
)
_LOOP = r"too many (?:hops|received)|mail loop|loop(?:ing|s)? (?:back|detected)|hop count"
_EXPIRED = (
    r"in the queue too long|message expired|retry time|time ?out exceeded|not delivered within|"
    r"delivery time expired|could not be delivered for|queue.{0,12}expired"
)
_UNREACHED = (
    r"connection (?:refused|timed out|lost|dropped|reset)|timed? ?out|no route to host|"
    r"not respond|unreachable|not reachable|unable to connect|could not connect|"
    r"establish an smtp connection|network|greylist"
)
_BY_PHRASE = tuple(
    (re.compile(pattern), detail)
    for pattern, detail in (
        (_QUOTA, "2.2"),
        (_SIZE, "3.4"),
        (_HOST, "1.2"),
        (_USER, "1.1"),
        (_DISABLED, "2.1"),
        (_POLICY, "7.1"),
        (_LOOP, "4.6"),
        (_EXPIRED, "4.7"),
        (_UNREACHED, "4.1"),
    )
)
"""RFC 3463 section 3, the subject and detail without the class; the first that fits counts."""


def enhanced_code(text: str) -> str | None:
    """Find the first enhanced code that says something; else a generic one; else None."""
    generic: str | None = None
    for found in _ENHANCED.finditer(text[:4000]):
        code = f"{found[1]}.{int(found[2])}.{int(found[3])}"
        if not _GENERIC.match(code):
            return code
        generic = generic or code
    return generic


def derive_status(text: str, *, failed: bool) -> str | None:
    """Derive a code from free text: a code in it, the words of the reason, the SMTP reply.

    Args:
        text: what the server said, any case.
        failed: gives the class (5, or 4 for a delay) where only words tell.
    """
    said = enhanced_code(text)
    if said is not None and not _GENERIC.match(said):
        return said
    reply = _REPLY.search(text[:4000])
    kind = reply[1] if reply else ("5" if failed else "4")
    lowered = text[:4000].lower()
    for pattern, detail in _BY_PHRASE:
        if pattern.search(lowered):
            return f"{kind}.{detail}"
    if said is not None:
        return said
    if reply is None:
        return None
    number = f"{reply[1]}{reply[2]}{reply[3]}"
    return _BY_REPLY.get(number, f"{reply[1]}.0.0")


def has_code(text: str) -> bool:
    """Say whether a text shows an SMTP reply or an enhanced code of failure."""
    found = _ENHANCED.search(text)
    return (found is not None and found[1] != "2") or _REPLY.search(text) is not None

"""Failed for good, delayed or delivered: what the words of a whole notice say."""

from sendook_lite.domain.reports.model import Action
from sendook_lite.domain.reports.phrases import any_of
from sendook_lite.domain.reports.subjects import DELIVERED_SUBJECT

_DELAYED_SURELY = any_of(
    r"this is (?:only )?a warning",
    r"warning (?:message )?only",
    r"not need to (?:resend|re-send|take any)",
    r"do(?:n['\u2019]t| not) (?:resend|re-send)",
    r"no action is (?:required|needed)",
    r"advisory-only",
    r"message will be retried",
    r"delivery attempts? will continue",
    r"(?:will|shall) (?:continue|keep) (?:on )?(?:trying|to try|to be)",
    r"(?:has|have) not yet been (?:delivered|able)",
    r"(?:message|mail|delivery)[^\n]{0,60}(?:has been|is|was) (?:delayed|postponed)",
    r"recipients? (?:has|have) been delayed",
    r"is still being (?:retried|attempted)",
    r"noch nicht (?:zugestellt|(?:ü|ue)bermittelt)",
    r"n['\u2019]a pas encore (?:[ée]t[ée] )?",
    r"(?:a[úu]n|todav[ií]a) no (?:se )?ha",
    r"ainda n[ãa]o (?:foi|p[ôo]de)",
    r"non [èe] ancora stat",
    r"не доставлено до сих пор|ещ[её] не доставлен",
    r"再送を?(?:試み|続け)",
)
"""A warning and nothing else: the server keeps trying."""

DELAYED_MAYBE = any_of(
    r"delivery[^\n]{0,20}delay",
    r"\bdelayed\b",
    r"delay reason",
    r"not yet (?:be(?:en)? )?",
    r"(?<!not )(?<!never )(?:will|shall) (?:be (?:retried|attempted|tried)|continue|retry|"
    r"try again|keep trying|attempt)",
    r"still (?:being retried|trying|undelivered|in the queue|queued)",
    r"transient non-fatal",
    r"for (?:more than|the (?:past|last)|at least|over) \d+ ?(?:minutes?|hours?|days?)",
    r"temporar(?:y|ily)[^\n]{0,30}(?:fail|error|problem|delay|unable)",
    r"verz(?:ö|oe)gert",
    r"wird weiter(?:hin)? versucht",
    r"(?:remise|distribution|livraison) (?:a [ée]t[ée] )?(?:diff[ée]r|retard)",
    r"(?:entrega|env[ií]o|mensaje|mensagem|correo|consegna|recapito|messaggio)[^\n]{0,60}"
    r"(?:retras|retard|ritard|demor|atras|adiad)",
    r"(?:seguir[áa]|continuar[áa])[^\n]{0,20}(?:intent|tent)|vertraag|f[öo]rsena|forsink|viiv[äa]st",
    r"(?:配信|配送|送信)が?遅延|遅れて|지연",
    r"延迟|延遲|尚未|继续(?:尝试|投递)|繼續嘗試",
    r"задерж|отложен|затрим|op[óo][źz]ni|zpo[žz]d|gecik",
)
"""Words of waiting; reports of failure use them too."""

_GIVEN_UP = any_of(
    r"permanent(?:ly)? (?:error|fail|fatal|deliver)",
    r"failed permanently",
    r"is a permanent|been a permanent",
    r"\bg(?:a|i)ve(?:n)? up\b|\bgiving up\b",
    r"will not (?:be )?(?:retr|try|tried|attempt|deliver)",
    r"no (?:further|more|additional) (?:delivery )?attempt",
    r"not going to try again",
    r"could not be delivered (?:for|after|within)[^\n]{0,40}(?:and|days)",
    r"(?:retry|queue|delivery|time)[^\n]{0,20}(?:time ?out|expired|exceeded)",
    r"message (?:has )?expired",
    r"(?:being|has been|is|was) returned",
    r"undeliverable",
    r"in the queue too long",
    r"was not delivered within",
    r"permanente[rn]? fehler",
    r"endg(?:ü|ue)ltig",
    r"d[ée]finitiv|permanente",
)
"""A failure for good, even where the text also speaks of waiting."""

_PERMANENT_SURELY = any_of(
    r"(?:this is|following|had|been) (?:a )?permanent",
    r"failed permanently",
    r"(?:i['\u2019]ve|i have|have|has) given up",
    r"not going to try again",
)
"""Outweighs even the surest words of waiting: one report can carry both."""


def overall_action(text: str, subject: str) -> Action:
    """Read what the whole text says: failure, unless it surely speaks of waiting or success.

    Args:
        text: what the server wrote, in lower case.
        subject: of the mail, in lower case.
    """
    if DELIVERED_SUBJECT.search(subject):
        return "relayed" if subject.startswith("relay") else "delivered"
    if _DELAYED_SURELY.search(text) and not _PERMANENT_SURELY.search(text):
        return "delayed"
    waiting = DELAYED_MAYBE.search(text) or DELAYED_MAYBE.search(subject)
    if waiting and not _GIVEN_UP.search(text):
        return "delayed"
    return "failed"

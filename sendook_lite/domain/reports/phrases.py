"""The sentences of notices, as tables of patterns over lower-cased text.

Facts gathered from the programs themselves. Every pattern is linear: no nested repetition, gaps
are bounded.
"""

import re


def any_of(*patterns: str) -> re.Pattern[str]:
    """Join patterns into one that finds any of them."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


REPORT_INTRO = any_of(
    r"this is the (?:\S{1,60} )?(?:mail|e-?mail|mailer|postfix|qmail|smtp|dragonfly|courier|"
    r"machine generated|deliver|mta|email)\b",
    r"\bhi\. this is the ",
    r"\bhi\. the mta program at",
    r"this is the mailer-daemon",
    r"created automatically by (?:the )?(?:mail|e-?mail|\S{1,60} mail|facebook)",
    r"automatically generated (?:delivery|message|notification|by)",
    r"automatic(?:ally)?[ -]generated.{0,20}(?:delivery|status|non-?delivery|report)",
    r"delivery status notification",
    r"non-?delivery (?:report|notif|message)",
    r"(?:could|can|would|did|was|were|has|have|had|is|are)(?: ?not|n['\u2019]?t) (?:yet )?"
    r"(?:be(?:en)? )?(?:able to be )?(?:deliver|reach|sent|accepted|transmit|relay)",
    r"cannot (?:be )?(?:deliver|sent|send)",
    r"not been (?:deliver|sent|received)",
    r"not (?:yet )?(?:be(?:en)? )?delivered",
    r"non-?deliver|not deliverable",
    r"un(?:able|successful)[^\n]{0,30}(?:deliver|send)",
    r"wasn['\u2019]?t able to deliver",
    r"not able to (?:deliver|be delivered|send)",
    r"(?:failed|failure|error|errors|problem|problems|trouble|difficult\w*)[^\n]{0,40}"
    r"(?:deliver|sending|send your|transmi)",
    r"deliver(?:y|ing)?[^\n]{0,60}(?:fail|error|problem|delayed|abort|unsuccessful|impossible)",
    r"undeliver(?:able|ed)",
    r"returned (?:to (?:you|sender)|mail|message)",
    r"returning (?:message|mail|your)",
    r"(?:message|mail)[^\n]{0,60}(?:bounced|rejected|returned|refused|was blocked)",
    r"had (?:permanent|transient|delivery|fatal)[^\n]{0,30}(?:error|problem|failure)",
    r"transcript of session follows",
    r"failed addresses follow",
    r"failed recipients?",
    r"following (?:address|recipient|user)[^\n]{0,30}(?:fail|reject|unknown|refused|affected)",
    r"recipient\(?s?\)? did not receive",
    r"undeliverable address",
    r"failure reasons",
    r"error description:",
    r"(?:invalid final delivery userid|unknown user:|user mailbox exceeds)",
    r"couldn['\u2019]t be (?:found|delivered)",
    r"address (?:not found|couldn['\u2019]t be found)",
    r"here is your (?:list of failed|returned)",
    r"your (?:message|e-?mail|mail) (?:(?:to|for|could|cannot|can't)\b|"
    r"(?:was|has|has been) (?:not been|not be|not deliver|not accept|reject|return|refus|block|"
    r"delay|discard|undeliver|fail|encounter|expired))",
    r"encountered[^\n]{0,30}(?:error|problem|delivery)",
    # German
    r"nicht (?:zugestellt|(?:ü|ue)bermittelt|zustellbar|ausgeliefert|gesendet|zustellen)",
    r"unzustellbar",
    r"zustellung[^\n]{0,60}(?:fehlgeschlagen|nicht|verz(?:ö|oe)gert|fehler|abgebrochen)",
    r"konnte[^\n]{0,80}(?:zugestellt|zustellen|(?:ü|ue)bermittelt|erreich)",
    # French
    r"(?:n['\u2019]a|n['\u2019]ont|ne peut|ne peuvent|n['\u2019]a pu)[^\n]{0,40}"
    r"(?:remis|livr|distribu|d[ée]livr|transmis|achemin|envoy)",
    r"[ée]chec (?:de|lors|d)[^\n]{0,30}(?:remise|distribution|livraison|envoi|transmission)",
    r"impossible de (?:remettre|distribuer|livrer|d[ée]livrer|transmettre)",
    r"non[- ]remis|non[- ]d[ée]livr",
    # Spanish and Portuguese
    r"no (?:se )?(?:ha |pudo|puede|fue|ha podido|han)[^\n]{0,40}(?:entreg|envia|enviad)",
    r"imposible (?:entregar|enviar)",
    r"n[ãa]o (?:foi|p[ôo]de|foram|pode)[^\n]{0,40}(?:entreg|envia)",
    r"(?:falha|erro)[^\n]{0,30}(?:entrega|envio)",
    r"fall[óo] la entrega|error (?:de|en) (?:la )?entrega",
    # Italian, Dutch
    r"(?:non [èe] stato|impossibile|non [èe] possibile|non pu[òo])[^\n]{0,40}"
    r"(?:recapit|consegn|inviar|inoltr)",
    r"(?:kon|kan|kunnen)[^\n]{0,60}niet[^\n]{0,40}(?:bezorgd|afgeleverd|worden)",
    # Slavic
    r"не (?:удалось|может|было|был|могло|была|доставлен)[^\n]{0,60}(?:достав|отправ)?",
    r"не (?:вдалося|може)[^\n]{0,40}достав",
    r"ошибка[^\n]{0,30}достав",
    r"невозможно достав",
    r"nie (?:mo[żz]e|mog[łl]a|zosta[łl]a?|mo[żz]na)[^\n]{0,40}(?:dostarcz|dor[ęe]cz)",
    r"(?:nelze|nebylo mo[žz]n[ée]|nemohla|nebyla)[^\n]{0,40}doru[čc]",
    r"no (?:lleg[óo]|se (?:puede|pudo))[^\n]{0,40}(?:destinatari|localizar|entregar)",
    r"niet (?:bereikt|bezorgd|afgeleverd)",
    r"(?:nije|ni) (?:mogu[ćc]e|mogo[čc]e)[^\n]{0,30}(?:isporu[čc]|dostav)",
    r"nu (?:a|au|s-a|poate)[^\n]{0,40}(?:livra|trimi)",
    # Nordic, Turkish, Finnish, Hungarian, Greek
    r"(?:kunde inte|kan inte|kunne ikke|kan ikke|ble ikke|blev ikke)[^\n]{0,30}lever",
    r"(?:misslyckades|mislykkedes|mislyktes)[^\n]{0,60}(?:mottagar|modtager|mottaker)",
    r"(?:teslim|ilet|g[öo]nder)[^\n]{0,12}(?:emedi|emeyen|emiyor|emez)",
    r"(?:ei voi|ei voitu|ei voida|ep[äa]onnistui)[^\n]{0,30}(?:toimit|v[äa]lit|l[äa]het)|"
    r"toimitus[^\n]{0,30}ep[äa]onnist",
    r"(?:nem|sikertelen)[^\n]{0,40}k[ée]zbes[íi]t",
    r"(?:δεν|αδύνατη)[^\n]{0,40}παρ[αά]δ[οό]",
    # East Asian
    r"配信(?:できません|不能|されません|に失敗|が失敗|することができ|エラー)",
    r"配送(?:できません|不能|に失敗|されません|エラー)",
    r"送信(?:できません|に失敗|されません|エラー|することができ)",
    r"送信先[^\n]{0,20}(?:見つ|存在|不明)",
    r"届け(?:られません|ることができ|できません)",
    r"(?:宛先|あて先|アドレス)[^\n]{0,30}(?:見つかり|存在しま|不明|エラー|届き)",
    r"(?:无法|未能|不能|無法)(?:被)?(?:成功)?(?:投递|送达|发送|传递|傳遞|投遞|送達|傳送|递送)",
    r"退(?:信|回)",
    r"投递失败",
    r"(?:전송|배달|전달|발송)[^\n]{0,3}(?:하지 못|되지|할 수 없|실패|불가)",
    r"kh[ôo]ng (?:th[ểe]|g[ửu]i)[^\n]{0,20}(?:g[ửu]i|chuy[ểe]n)|ไม่สามารถ(?:ส่ง|จัดส่ง)",
    r"tidak (?:dapat|bisa)[^\n]{0,10}(?:dikirim|terkirim)",
    r"تعذر[^\n]{0,20}تسليم|לא ניתן[^\n]{0,20}(?:למסור|לשלוח|להעביר)",
)
"""Sentences that make a text a report on delivery."""

CHALLENGE = any_of(
    r"(?:confirm|verify) (?:that )?(?:your|this) (?:message|e-?mail|address|delivery)",
    r"(?:click|follow|visit)[^\n]{0,60}(?:to|and) (?:confirm|verify|release|deliver|have your)",
    r"(?:challenge[-/ ]response|tmda|spamarrest|earthlink.{0,20}spamblocker|boxbe)",
    r"awaits? (?:moderator|approval|your confirmation)",
    r"is being held until",
    r"has been (?:held|quarantined)",
    r"only needs? to be (?:done|confirmed) once",
)
"""Challenge and response, moderation: the mail waits, it did not fail."""

AWAY = any_of(
    r"out of (?:the |my )?office|on (?:\w{1,12} )?(?:leave|vacation|holidays?)\b|i(?: a|')m away",
    r"(?:be|am) back (?:on|in|at|from)|no access to (?:my )?e?-?mail",
    r"abwesend|nicht (?:im (?:hause?|b(?:ü|ue)ro)|erreichbar)|im urlaub|wieder (?:da|im b)",
    r"en cong[ée]|absente? (?:du|jusqu|de)|de vacaciones|fuera de la oficina|in ferie|"
    r"fuori ufficio|de f[ée]rias|ausente|op vakantie|afwezig",
    r"休暇|休假|外出|휴가|부재|в отпуске|urlopie|semester",
)
"""Somebody is away: their program answers, with an empty envelope sender as reports have it."""

FAILURE_WORDS = any_of(
    r"unknown",
    r"no such",
    r"not (?:found|exist|listed|known|recogni|valid|accept|allow|available|a valid|here|local)",
    r"n['\u2019]?t (?:exist|have|accept|recei|found|be found|valid)",
    r"invalid",
    r"reject",
    r"refus",
    r"denied",
    r"disabled",
    r"inactive",
    r"suspend",
    r"unavailable",
    r"unrout",
    r"undeliver",
    r"fail",
    r"error",
    r"quota",
    r"full\b",
    r"exceed",
    r"too (?:large|big|many|long)",
    r"time(?:d)?[- ]?out",
    r"expired",
    r"blocked",
    r"bounced",
    r"deferred",
    r"delay",
    r"mailbox",
    r"does ?n[o']t",
    r"could ?n[o']t",
    r"cannot|can't|can not",
    r"relay",
    r"spam",
    r"bad (?:address|destination|recipient)",
    r"ambiguous",
    r"\b[45]\d\d\b",
    r"[45]\.\d{1,3}\.\d{1,3}",
    r"unbekannt|nicht|fehler|ung(?:ü|ue)ltig|(?:ü|ue)berschritten|voll\b",
    r"inconnu|n['\u2019]existe|introuvable|invalide|plein|refus",
    r"desconoc|no existe|inexistente|desconhecid|n[ãa]o existe|llen[oa]|chei[oa]|inv[áa]lid|"
    r"rechazad|rejeitad|excedid|bloquead",
    r"sconosciut|non esiste|inesistente|pieno|piena|rifiutat",
    r"onbekend|bestaat niet|geweigerd|vol\b",
    r"неизвестн|не существует|не найден|переполнен|отклонен|отклонён|ошибк",
    r"не існує|невідом|переповн|відхилен",
    r"nieznan|nie istnieje|pe[łl]n[ay]|przekroczon|zablokowan|odrzucon",
    r"neexistuje|nezn[áa]m|odm[íi]tnut|pln[áaýy]\b|nu exist|necunoscut|plin[ăa]?\b|"
    r"ne postoji|nepoznat",
    r"ok[äa]nd|finns inte|ukendt|findes ikke|ukjent|finnes ikke|tuntematon|t[äa]ynn[äa]|"
    r"ismeretlen|nem l[ée]tez|megtelt|άγνωστ|δεν υπάρχει|πλήρ",
    r"dolu\b|bulunamad|ge[çc]ersiz|mevcut de[ğg]il|reddedil|kh[ôo]ng t[ồo]n t[ạa]i|penuh|"
    r"tidak (?:ada|ditemukan)|ไม่พบ|เต็ม|غير موجود|ممتلئ|לא קיים|מלאה",
    r"不明|存在し|見つかり|できません|エラー|拒否|超過|満杯|いっぱい|容量",
    r"不存在|无效|無效|未找到|已满|已滿|失败|失敗|拒绝|拒絕|超出|超过",
    r"없|실패|거부|초과|잘못",
)
"""Words of a reason; they make an address beside them a failed one."""

LIST_INTRO = any_of(
    r"[:\uff1a]\s*$",
    r"following (?:e-?mail )?(?:address|recipient|user|destination|mailbox|person|people)",
    r"recipient\(?s?\)?\)?:?\s*$",
    r"address(?:es|\(es\))?\)?:?\s*$",
    r"(?:delivered|deliver|delivery|sent|send|reach|message|mail|undeliverable)[^\n]{0,40}"
    r"\b(?:to|for|following)\s?:?\s*$",
    r"\bto:?\s*$",
    r"(?:following|below)\s*:?\s*$",
    r"failed\s*:?\s*$",
    r"(?:error|problem|failure)s?[^\n]{0,30}-{2,}\s*$",
    r"recipients? (?:failed|were|was|returned)",
    r"(?:failure|failed)[^\n]{0,30}(?:addresses|recipients|reasons)",
    r"(?:empf(?:ä|ae)nger|adresse|adressen|an)[^\n]{0,40}:?\s*$",
    r"(?:destinataire|adresse)s?(?:\(s\))?[^\n]{0,60}:?\s*$",
    r"(?:destinatari[oa]|direcci[óo]n|direcciones|endere[çc]o)s?(?:\(s\))?[^\n]{0,60}:?\s*$",
    r"(?:destinatari[oi]|indirizz[oi])[^\n]{0,40}:?\s*$",
    r"(?:адрес|получател|адресат)[^\n]{0,60}:?\s*$",
    r"(?:宛先|あて先|受信者|送信先|アドレス|收件人|地址|수신자)[^\n]{0,40}\s*$",
    r"(?:できませんでした|失敗しました|されませんでした)[^\n]{0,10}$",
)
"""A line after which failed addresses are listed."""

ORIGINAL_FOLLOWS = any_of(
    r"^[-=*_+#> ]{2,}[^\n]{0,40}(?:original|returned|unsent|unzustellbar)[^\n]{0,20}"
    r"(?:message|mail|header|text|e-?mail|nachricht)[^\n]{0,60}$",
    r"^[-=*_+#> ]{2,}[^\n]{0,40}(?:copy of|header of|headers of|beginning of|start of)[^\n]{0,80}$",
    r"^[-=*_+#> ]{2,}[^\n]{0,20}below this line[^\n]{0,60}$",
    r"^[-=*_+#> ]{2,} ?(?:message (?:header|text|body|contents?|follows)|forwarded message|"
    r"returned mail|header)[^\n]{0,40}$",
    r"^[-=*_+#> ]{2,}[^\n]{0,40}(?:ursprüngliche|urspruengliche|original)[^\n]{0,10}nachricht",
    r"^[-=*_+#> ]{2,}[^\n]{0,40}(?:message (?:d['\u2019])?(?:origin|initial)|mensaje original|"
    r"mensagem original|messaggio originale|исходн|オリジナル|元の|原始邮件|原始郵件)",
    r"^-{2,} ?the (?:header|first|body)",
    r"^-- the header",
    r"^\W{0,6}(?:the )?original (?:message|mail|e-?mail|text)(?: (?:headers?|as|is|text|body))?"
    r"[^\n]{0,20}(?:follows|below|attached|:)\W{0,6}$",
    r"^\W{0,6}original message(?: headers?)?:?\W{0,6}$",
    r"^\W{0,6}(?:message|mail) (?:headers?|text|body|contents?)[^\n]{0,12}follows?\W{0,6}$",
    r"^\W{0,6}(?:included|below|attached|following|here)[^\n]{0,20} (?:is|are)[^\n]{0,30}"
    r"(?:copy|header|first|beginning|original|portion|part of)[^\n]{0,80}$",
    r"^\W{0,6}a copy of (?:the|your)[^\n]{0,80}$",
    r"^\W{0,6}(?:the )?first (?:\d+|few) lines",
    r"^\W{0,6}old message:",
    r"^\W{0,6}your message (?:reads|begins|follows|text)",
    r"^\W{0,6}unsent message",
    r"^\W{0,6}here is your returned",
    r"^\W{0,6}returned mail follows",
    r"^content-type:\s*(?:message/rfc822|text/rfc822-headers)",
    r"^-{3,} ?original ?mail",
    r"^-{3,} ?end of (?:report|message)",
)
"""The line below which the returned mail stands."""

"""The names mail servers write under, as patterns over lower-cased text."""

import re

from sendook_lite.domain.reports.phrases import any_of

DAEMON_LOCAL_PARTS = re.compile(
    r"^(?:mailer[-_. ]?daemon|mail[-_.]?daemon|daemon|post[-_]?master|mdaemon|mmdf|uucp|smtp|"
    r"mailer|maildaemon|mailerdaemon|mail[-_.]?delivery|mail[-_.]delivery[-_.]subsystem|"
    r"bounce[-_.]?handler|double-bounce|ndr|mail[-_.]?admin|maildelivery|[a-z0-9]{0,12}_?smtp_mail_service|mail[-_.]?service|microsoftexchange"
    r"[0-9a-f]{16,40}|mtaadmin|gwia|groupwise|sysadmin|sysadm|"
    r"autoresponder-bounce|delivery|mailsystem|mail-system|mailmaster|administrator)"
    r"(?:[-+._=][^@]{0,80})?(?:@|$)"
)
"""Local parts of mail servers; ``daemon`` and ``postmaster`` foremost."""

STRONG_DAEMON = re.compile(r"mailer[-_. ]?daemon|mail[-_. ]?daemon|microsoftexchange[0-9a-f]{16}")
"""Nobody else writes under these names."""

DAEMON_NAMES = any_of(
    r"mail deliver\w* (?:sub)?-?(?:system|service|agent|daemon|notification|status)",
    r"delivery (?:sub)?system",
    r"mail delivery",
    r"mailer[- _]?daemon",
    r"mail[- _]daemon",
    r"\bpost ?master\b",
    r"internet mail delivery",
    r"mail administrator",
    r"system administrator",
    r"systemadministrator",
    r"administrateur syst",
    r"administrador del sistema",
    r"administrador de sistema",
    r"systeembeheer",
    r"microsoft outlook",
    r"microsoft exchange",
    r"mail system",
    r"mail server",
    r"почтов",
    r"interscan",
    r"smtp32",
    r"mail router",
    r"mailer",
    r"undeliver",
    r"mail transport",
    r"メール配信",
    r"システム管理者",
    r"系统管理员",
    r"邮件系统",
    r"(?:mail|security|spam|virus) (?:\w{1,12} )?gateway",
    r"anti-?(?:virus|spam)",
    r"content[- ]filter",
    r"lotus.?notes",
    r"bounce",
)

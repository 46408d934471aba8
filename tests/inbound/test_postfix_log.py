"""Lines in the forms that Postfix 2.6 to 3.9 write them."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.inbound.listeners import TcpAddress, UnixAddress
from sendook_lite.inbound.postfix_log import MOST_OPEN, PostfixLog
from sendook_lite.inbound.syslog_line import Entry

AT = 1_764_082_416_000
OWN = UnixAddress(Path("/var/spool/postfix/sendook/lmtp.sock"))
BEFORE = """\
cleanup 4XkQ2v1Gz3z9: message-id=<1@a.example>
qmgr 4XkQ2v1Gz3z9: from=<ann@a.example>, size=414, nrcpt=1 (queue active)
"""
TO = "smtp 4XkQ2v1Gz3z9: to=<zoe@c.example>, "
RELAY = "relay=mx.c.example[192.0.2.1]:25, delay=0.3, delays=0.02/0.01/0.1/0.2, "
SENT = f"{TO}{RELAY}dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 1F)"


def read(text: str, log: PostfixLog | None = None, at: int = AT) -> list[dict[str, Any]]:
    """Read lines of the form ``service text``; a service with a slash is the whole tag."""
    log = log or PostfixLog(own_lmtp=OWN)
    lines = []
    for line in text.splitlines():
        service, _, rest = line.partition(" ")
        lines += log.read(Entry(at, service if "/" in service else f"postfix/{service}", rest))
    return lines


def test_a_delivery_names_the_mail_and_everything_that_is_known() -> None:
    assert read(BEFORE + SENT) == [
        {
            "event": "message.delivered",
            "messageIdHeader": "1@a.example",
            "from": "ann@a.example",
            "recipient": "zoe@c.example",
            "status": "2.0.0",
            "diagnostic": "250 2.0.0 Ok: queued as 1F",
            "remoteMta": "mx.c.example",
            "at": "2025-11-25T14:53:36.000Z",
            "key": "postfix:4XkQ2v1Gz3z9:zoe@c.example:delivered:1764082416",
        }
    ]


def test_a_bounce_tells_why_with_all_its_parentheses() -> None:
    said = "host mx.c.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)"
    (line,) = read(f"{BEFORE}{TO}{RELAY}dsn=5.1.1, status=bounced ({said})")
    assert line["event"] == "message.bounced"
    assert (line["status"], line["diagnostic"]) == ("5.1.1", said)


def test_the_machine_that_refused_is_named_when_there_was_no_relay() -> None:
    said = "host mx.c.example[192.0.2.1] refused to talk to me: 554 5.7.1 no"
    (line,) = read(f"{BEFORE}{TO}relay=none, delay=1, dsn=5.7.1, status=bounced ({said})")
    assert line["remoteMta"] == "mx.c.example"


def test_deferred_tells_nothing_until_the_mail_expires() -> None:
    deferred = f"{RELAY}dsn=4.4.1, status=deferred (connect to mx.c.example: timed out)\n"
    log = PostfixLog()
    assert read(BEFORE + TO + deferred + TO.replace("zoe", "max") + deferred, log) == []
    assert read(TO.replace("zoe", "max") + RELAY + "dsn=2.0.0, status=sent (250 ok)", log) != []
    expired = "qmgr 4XkQ2v1Gz3z9: from=<ann@a.example>, status=expired, returned to sender"
    (line,) = read(expired, log)
    assert line["event"] == "message.bounced"
    assert line["recipient"] == "zoe@c.example"
    assert (line["status"], line["permanent"]) == ("4.4.1", True)
    assert "timed out" in line["diagnostic"]
    assert read(expired, log) == []


def test_a_mail_that_was_made_to_expire_is_told_too() -> None:
    log = PostfixLog()
    read(f"{BEFORE}{TO}{RELAY}dsn=4.4.1, status=deferred (later)", log)
    forced = "qmgr 4XkQ2v1Gz3z9: from=<ann@a.example>, status=force-expired, returned to sender"
    assert len(read(forced, log)) == 1


@pytest.mark.parametrize(
    "relay",
    [
        "mx.a.example[sendook/lmtp.sock]",
        "mx.a.example[/sendook/lmtp.sock]",
        "mx.a.example[/var/spool/postfix/sendook/lmtp.sock]",
    ],
)
def test_what_is_handed_to_our_own_door_is_no_delivery(relay: str) -> None:
    own = f"lmtp 4XkQ2v1Gz3z9: to=<us@a.example>, relay={relay}, delay=1, "
    for rest in ("dsn=2.0.0, status=sent (250 ok)", "dsn=5.1.1, status=bounced (550 no)"):
        assert read(BEFORE + own + rest) == []
        other = (own + rest).replace("sendook/", "private/").replace("/var/spool/postfix/", "/")
        assert len(read(BEFORE + other)) == 1


def test_our_own_door_may_be_a_port() -> None:
    own = PostfixLog(own_lmtp=TcpAddress("127.0.0.1", 2424))
    line = "lmtp 4XkQ2: to=<us@a.example>, relay=127.0.0.1[127.0.0.1]:2424, delay=1, dsn=2.0.0, "
    assert read(BEFORE.replace("4XkQ2v1Gz3z9", "4XkQ2") + line + "status=sent (ok)", own) == []
    elsewhere = line.replace("2424", "24") + "status=sent (ok)"
    assert len(read(BEFORE.replace("4XkQ2v1Gz3z9", "4XkQ2") + elsewhere, own)) == 1


def test_mail_that_stays_here_is_told_only_where_the_mail_is_known() -> None:
    """Its sender may be anybody who wrote to this machine."""
    local = "local 4XkQ2v1Gz3z9: to=<zoe@a.example>, relay=local, delay=1, dsn=2.0.0, status=sent"
    (line,) = read(f"{BEFORE}{local} (delivered to mailbox)")
    assert "from" not in line
    assert "remoteMta" not in line
    assert line["messageIdHeader"] == "1@a.example"
    assert read(f"{local} (delivered to mailbox)") == []


def test_our_bounce_addresses_are_not_told_as_senders() -> None:
    (line,) = read(BEFORE.replace("<ann@", "<bounces+x1@") + SENT)
    assert "from" not in line


def test_mail_without_a_sender_is_not_told() -> None:
    assert read(BEFORE.replace("ann@a.example", "") + SENT) == []


def test_the_recipient_is_the_one_that_was_written_to() -> None:
    aliased = SENT.replace("relay", "orig_to=<team@a.example>, relay")
    (line,) = read(BEFORE + aliased)
    assert line["recipient"] == "team@a.example"
    assert ":zoe@c.example:" in line["key"]
    (line,) = read(BEFORE + aliased.replace("team@a.example", "root"))
    assert line["recipient"] == "zoe@c.example"


@pytest.mark.parametrize(
    "line",
    [
        (
            "local 4XkQ2v1Gz3z9: to=<z@a.example>, relay=local, delay=1, dsn=2.0.0, status=sent"
            " (forwarded as 3AB01)"
        ),
        "discard 4XkQ2v1Gz3z9: to=<z@a.example>, relay=none, delay=1, dsn=2.0.0, status=sent (x)",
        (
            "smtp 4XkQ2v1Gz3z9: to=<z@a.example>, relay=none, delay=1, dsn=2.0.0,"
            " status=deliverable (delivers to command: x)"
        ),
        (
            "smtpd NOQUEUE: reject: RCPT from x[192.0.2.9]: 550 5.1.1 <z@a.example>: no;"
            " from=<x@y.example> to=<z@a.example> proto=ESMTP helo=<x>"
        ),
        "bounce 4XkQ2v1Gz3z9: sender non-delivery notification: 3AB02",
        "smtpd 4XkQ2v1Gz3z9: client=localhost[127.0.0.1]",
        "smtp 4XkQ2v1Gz3z9: to=<z@a.example>, nonsense",
        "anvil statistics: max connection rate 1/60s",
        "other/smtp 4XkQ2v1Gz3z9: to=<z@a.example>, relay=none, delay=1, dsn=2.0.0, status=sent ()",
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    assert read(BEFORE + line) == []


def test_instances_have_queues_of_their_own() -> None:
    log = PostfixLog()
    read(BEFORE, log)
    sent = SENT.replace("smtp ", "postfix-out/smtp ", 1)
    assert read(sent, log) == []
    before = BEFORE.replace("cleanup", "postfix-out/cleanup").replace("qmgr", "postfix-out/qmgr")
    (line,) = read(before.replace("1@a", "2@a") + sent, log)
    assert line["messageIdHeader"] == "2@a.example"
    assert line["key"].startswith("postfix-out:")
    assert len(read(SENT.replace("smtp ", "postfix/relay/smtp ", 1), log)) == 1


def test_short_queue_ids_and_a_reused_connection_are_read() -> None:
    before = BEFORE.replace("4XkQ2v1Gz3z9", "E61A3A0672B")
    sent = SENT.replace("4XkQ2v1Gz3z9", "E61A3A0672B").replace("delay=", "conn_use=2, delay=")
    assert len(read(before + sent)) == 1


def test_a_quoted_recipient_cannot_pretend_a_status() -> None:
    trap = r'"x>, relay=none, delay=1, dsn=2.0.0, status=sent (\""@c.example'
    bounced = SENT.replace("2.0.0, status=sent", "5.0.0, status=bounced")
    (line,) = read(BEFORE + bounced.replace("zoe@c.example", trap))
    assert line["event"] == "message.bounced"
    assert line["recipient"] == trap


def test_a_removed_mail_is_forgotten_and_its_id_means_another_then() -> None:
    log = PostfixLog()
    read(BEFORE + SENT, log)
    assert read("qmgr 4XkQ2v1Gz3z9: removed", log) == []
    assert log.remember() == []
    assert read(SENT, log) == []


def test_a_line_read_again_has_its_key_and_a_reused_id_has_another() -> None:
    first, again = read(BEFORE + SENT), read(BEFORE + SENT)
    later = read(BEFORE + SENT, at=AT + 3_600_000)
    assert first[0]["key"] == again[0]["key"] != later[0]["key"]


def test_a_key_is_never_longer_than_the_socket_takes() -> None:
    lines = [read(BEFORE + SENT.replace("zoe", name * 1500))[0]["key"] for name in "ab"]
    assert all(len(key) <= 998 for key in lines)
    assert lines[0] != lines[1]


def test_what_is_open_survives_as_json() -> None:
    log = PostfixLog()
    read(f"{BEFORE}{TO}{RELAY}dsn=4.4.1, status=deferred (later)", log)
    restarted = PostfixLog()
    restarted.recall(orjson.loads(orjson.dumps(log.remember())))
    expired = "qmgr 4XkQ2v1Gz3z9: from=<ann@a.example>, status=expired, returned to sender"
    assert read(expired, restarted) == read(expired, log) != []


def test_not_more_mails_are_remembered_than_stated() -> None:
    log = PostfixLog()
    for number in range(MOST_OPEN + 10):
        log.read(Entry(AT, "postfix/cleanup", f"{number:08d}: message-id=<{number}@a.example>"))
    remembered = log.remember()
    assert len(remembered) == MOST_OPEN
    assert remembered[0][0] == "postfix:00000010"


@given(st.text(), st.text())
def test_no_entry_makes_it_fail(tag: str, text: str) -> None:
    log = PostfixLog(own_lmtp=OWN)
    for each in (text, f"4XkQ2: to=<{text}>, relay={text}, {text}", f"4XkQ2: from=<{text}>, size="):
        log.read(Entry(AT, f"postfix/{tag}", each))
        log.read(Entry(AT, "postfix/smtp", each))

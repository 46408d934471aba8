"""Turns the log of Postfix into lines of the event socket; pure, what it remembers is handed out.

What became of a recipient stands on the line of the delivery agent, the sender and the Message-ID
of the mail on earlier ones, so open mails are remembered by queue id until Postfix removes them:

    cleanup[1]: 4Xk: message-id=<a@b.example>
    qmgr[2]: 4Xk: from=<ann@b.example>, size=414, nrcpt=1 (queue active)
    smtp[3]: 4Xk: to=<zoe@c.example>, relay=mx.c.example[192.0.2.1]:25, delay=0.3, …, dsn=2.0.0,
             status=sent (250 2.0.0 ok)
    qmgr[2]: 4Xk: removed

Only ``sent`` and ``bounced`` are told, and ``expired`` for each recipient that was still deferred.
``deferred`` is not: nothing has become of the mail yet, and no event says so.
"""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from sendook_lite.domain import events
from sendook_lite.domain.clock import MS_PER_SECOND, iso
from sendook_lite.inbound.listeners import Address, UnixAddress
from sendook_lite.inbound.syslog_line import Entry

MOST_OPEN: Final = 20_000
"""Mails remembered at once; beyond, the one that was silent longest is forgotten."""

_MOST_DEFERRED: Final = 1000
_LONGEST_KEY: Final = 998
_LONGEST_DIAGNOSTIC: Final = 4096

# Quoted local parts may hold anything, also what looks like the rest of a line.
_ADDRESS: Final = r'<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>'
_TAG: Final = re.compile(r"(?P<instance>[^/]+)(?:/[\w.-]+)*/(?P<service>[\w-]+)")
_QUEUE_ID: Final = re.compile(r"([0-9A-Za-z]{5,30}): (.*)", re.DOTALL)
_DELIVERY: Final = re.compile(
    rf"to={_ADDRESS}, (?:orig_to={_ADDRESS}, )?relay=(?P<relay>.*?), (?:conn_use=\d+, )?"
    r"delay=[\d./]+, (?:delays=[\d./]+, )?dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3}), "
    r"status=(?P<status>[a-z]+)(?: \((?P<said>.*)\))?",
    re.DOTALL,
)
_SENDER: Final = re.compile(rf"from={_ADDRESS}, (?:status=(?P<status>[a-z-]+)|size=)")
_MESSAGE_ID: Final = re.compile(r"message-id=(\S.*)")
_RELAY: Final = re.compile(r"(?P<host>[^\[\]]+)\[(?P<place>[^\]]*)\](?::(?P<port>\d+))?")
_SAID: Final = re.compile(r"host (\S+)\[[^\]]*\](?::\d+)? (?:said|refused)")

_EXPIRED: Final = frozenset({"expired", "force-expired"})
_LEAVING: Final = "smtp"
"""The service that speaks to other machines; the others deliver on this one."""

Line = dict[str, Any]


@dataclass(slots=True)
class _Delivery:
    """What a delivery agent said about one recipient."""

    recipient: str
    alias_of: str
    remote: str | None
    status: str
    diagnostic: str
    leaving: bool


@dataclass(slots=True)
class _Mail:
    """What is known of a mail in the queue; ``deferred`` by recipient."""

    sender: str | None = None
    message_id: str | None = None
    deferred: dict[str, _Delivery] = field(default_factory=dict)


class PostfixLog:
    """Reads entries in their order.

    Args:
        name: how the tags of the instances begin (``syslog_name``); others are passed over.
        own_lmtp: where this server takes its own mail; what is handed in there has arrived, and
            is no delivery of anybody's.
    """

    def __init__(self, name: str = "postfix", own_lmtp: Address | None = None) -> None:
        self._name = name
        self._own_lmtp = own_lmtp
        self._open: OrderedDict[str, _Mail] = OrderedDict()

    def read(self, entry: Entry) -> list[Line]:
        """Read one entry; returns the lines that it gives, usually none or one."""
        tag = _TAG.fullmatch(entry.tag)
        queued = _QUEUE_ID.fullmatch(entry.text)
        if tag is None or queued is None or not tag["instance"].startswith(self._name):
            return []
        # Two instances may use the same queue ids.
        identity = f"{tag['instance']}:{queued[1]}"
        text = queued[2]
        if text.startswith("to="):
            return self._read_delivery(identity, tag["service"], text, entry.at)
        if text.startswith("from="):
            return self._read_sender(identity, text, entry.at)
        if text == "removed":
            self._open.pop(identity, None)
        elif (match := _MESSAGE_ID.fullmatch(text)) and tag["service"] == "cleanup":
            self._mail(identity).message_id = match[1].removeprefix("<").removesuffix(">")
        return []

    def remember(self) -> list[list[Any]]:
        """Return the open mails as JSON values, for `recall` after a restart."""
        return [
            [
                identity,
                mail.sender,
                mail.message_id,
                [_as_list(each) for each in mail.deferred.values()],
            ]
            for identity, mail in self._open.items()
        ]

    def recall(self, remembered: list[list[Any]]) -> None:
        """Take back what `remember` gave out."""
        for identity, sender, message_id, deferred in remembered:
            deliveries = [_Delivery(*each) for each in deferred]
            by_recipient = {each.recipient: each for each in deliveries}
            self._open[identity] = _Mail(sender, message_id, by_recipient)

    def _mail(self, identity: str) -> _Mail:
        """Return what is known of a mail, which is the last now to be forgotten."""
        mail = self._open.setdefault(identity, _Mail())
        self._open.move_to_end(identity)
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return mail

    def _read_sender(self, identity: str, text: str, at: int) -> list[Line]:
        match = _SENDER.match(text)
        if match is None:
            return []
        mail = self._mail(identity)
        mail.sender = match[1]
        if match["status"] not in _EXPIRED:
            return []
        lines = [
            _line(identity, mail, each, at, events.MESSAGE_BOUNCED) | {"permanent": True}
            for each in mail.deferred.values()
        ]
        mail.deferred = {}
        return _told(mail, lines)

    def _read_delivery(self, identity: str, service: str, text: str, at: int) -> list[Line]:
        match = _DELIVERY.fullmatch(text)
        if match is None or self._is_own(match["relay"]):
            return []
        said = (match["said"] or "")[:_LONGEST_DIAGNOSTIC]
        delivery = _Delivery(
            recipient=match[1],
            alias_of=match[2] or "",
            remote=_remote(match["relay"], said),
            status=match["dsn"],
            diagnostic=said,
            leaving=service == _LEAVING,
        )
        mail = self._mail(identity)
        if match["status"] == "deferred":
            if len(mail.deferred) < _MOST_DEFERRED:
                mail.deferred[delivery.recipient] = delivery
            return []
        mail.deferred.pop(delivery.recipient, None)
        if match["status"] == "bounced":
            return _told(mail, [_line(identity, mail, delivery, at, events.MESSAGE_BOUNCED)])
        # An alias was replaced by a mail of its own, whose lines follow; or nobody gets it.
        if match["status"] != "sent" or said.startswith("forwarded as ") or service == "discard":
            return []
        return _told(mail, [_line(identity, mail, delivery, at, events.MESSAGE_DELIVERED)])

    def _is_own(self, relay: str) -> bool:
        """Say whether a relay is the door through which this server takes its own mail."""
        match = _RELAY.fullmatch(relay)
        own = self._own_lmtp
        if match is None or own is None:
            return False
        if isinstance(own, UnixAddress):
            # Relative to the queue directory, or seen from inside a chroot: only the end is sure.
            return match["place"].rpartition("/")[2] == own.path.name and (
                match["place"].split("/")[-2:-1] in ([own.path.parent.name], [])
            )
        return match["port"] == str(own.port) and own.host in (match["place"], match["host"])


def _told(mail: _Mail, lines: list[Line]) -> list[Line]:
    """Keep lines that name a mail; a mail without a sender is a report or an answer itself."""
    return [
        line for line in lines if mail.sender != "" and {"from", "messageIdHeader"} & line.keys()
    ]


def _line(identity: str, mail: _Mail, delivery: _Delivery, at: int, event: str) -> Line:
    """Write the line for one recipient.

    ``from`` makes the server tell it of mail that it does not know. It is left out where that
    would be wrong: mail that stays on this machine came from anywhere, and our own bounce
    addresses are nobody's.
    """
    sender = mail.sender
    if sender is not None and (not delivery.leaving or sender.startswith("bounces+")):
        sender = None
    # To the sender an address is what was written to, whatever aliases made of it.
    recipient = delivery.alias_of if "@" in delivery.alias_of else delivery.recipient
    line = {
        "event": event,
        "messageIdHeader": mail.message_id,
        "from": sender,
        "recipient": recipient,
        "status": delivery.status,
        "diagnostic": delivery.diagnostic,
        "remoteMta": delivery.remote,
        "at": iso(at),
        "key": _key(f"{identity}:{delivery.recipient}:{event.removeprefix('message.')}", at),
    }
    return {name: value for name, value in line.items() if value}


def _key(what: str, at: int) -> str:
    """Return what is the same when the line is read again, and no other time.

    Queue ids are used again after a while, hence the time.
    """
    key = f"{what}:{at // MS_PER_SECOND}"
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{what[:64]}:{hashlib.sha256(key.encode()).hexdigest()}"


def _remote(relay: str, said: str) -> str | None:
    """Return the name of the machine that took or refused the mail."""
    match = _RELAY.fullmatch(relay)
    if match is not None:
        return match["host"]
    named = _SAID.match(said)
    return named[1] if named else None


def _as_list(delivery: _Delivery) -> list[Any]:
    return [getattr(delivery, name) for name in _Delivery.__dataclass_fields__]

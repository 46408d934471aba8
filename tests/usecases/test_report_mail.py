"""Mail about mail of ours: matched by its token, told once, believed from nobody else."""

import re
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.submission import Reply
from sendook_lite.store import messages
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.intake import Intake, Stored, UnknownRecipient
from tests.usecases.product import TOKENS, Product, mail

ONE, TWO = "one@elsewhere.example", "two@elsewhere.example"
ABUSE = "abuse@mail.example"


def report(*groups: str, returned: str = "") -> bytes:
    """A delivery report as Postfix writes it (RFC 3464)."""
    status = "\r\n".join(group.strip().replace("\n", "\r\n") + "\r\n" for group in groups)
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: x@mail.example\r\nSubject: Report\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nThis is the mail system.\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.example\r\n\r\n{status}\r\n"
        f"--B\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--B--\r\n"
    ).encode()


def group(recipient: str, action: str, status: str, diagnostic: str = "") -> str:
    said = f"\nDiagnostic-Code: smtp; {diagnostic}" if diagnostic else ""
    return (
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Remote-MTA: dns; mx.elsewhere.example{said}\n"
    )


def complaint(message: Message, *fields: str) -> bytes:
    """An abuse report (RFC 5965)."""
    more = "".join(f"{each}\r\n" for each in fields)
    return (
        "From: fbl@provider.example\r\nTo: abuse@mail.example\r\nSubject: FW: spam\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nAn abuse report.\r\n"
        "--B\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: abuse\r\nUser-Agent: Provider/1\r\nVersion: 1\r\n{more}\r\n"
        "--B\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: ann@mail.example\r\nMessage-ID: <{message.external_message_id}>\r\n\r\nx\r\n"
        "--B--\r\n"
    ).encode()


async def sent(product: Product, *recipients: str) -> tuple[Inbox, Message]:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    wanted = Wanted(to=recipients or (ONE,), text="Hello.", subject="Hi")
    message = (await product.sending().send("key_1", box.id, wanted)).message
    (due,), _ = await product.submitting().due((), 1)
    replies = {each.recipient: Reply(250, "ok") for each in due.recipients}
    await product.submitting().settle(due, replies)
    return box, message


def return_path(message: Message) -> str:
    return TOKENS.return_path(message.id, "mail.example")


async def deliver(intake: Intake, raw: bytes, address: str, sender: str = "") -> Stored:
    await intake.judge_recipient(address)
    return await intake.receive(await intake.prepare(raw), address, sender)


async def shown(product: Product, box: Inbox, message: Message) -> tuple[str, list[Any]]:
    now = await messages.get(product.store.reader, box.id, message.id)
    return now.status, [each["status"] for each in now.content.recipients]


async def test_a_report_of_success_becomes_delivered(product: Product) -> None:
    box, message = await sent(product)
    raw = report(group(ONE, "relayed", "2.0.0", "250 2.0.0 ok"))
    stored = await deliver(product.intake(), raw, return_path(message))
    assert (stored.message_id, stored.report, stored.event_id) == (message.id, True, None)
    (payload,) = await product.bodies("message.delivered")
    assert payload["id"] == message.id
    delivery = payload["delivery"]
    delivery.pop("reportedAt")
    assert delivery == {
        "recipient": ONE,
        "action": "delivered",
        "status": "2.0.0",
        "diagnostic": "250 2.0.0 ok",
        "remoteMta": "mx.elsewhere.example",
    }
    assert await shown(product, box, message) == ("delivered", ["delivered"])
    assert await product.count("messages") == 1


@pytest.mark.parametrize(("status", "suppressed"), [("5.1.1", 1), ("5.2.2", 1), ("4.4.1", 0)])
async def test_a_failure_becomes_bounced_and_suppresses_when_it_is_for_good(
    product: Product, status: str, suppressed: int
) -> None:
    box, message = await sent(product)
    await deliver(product.intake(), report(group(ONE, "failed", status)), return_path(message))
    (payload,) = await product.bodies("message.bounced")
    assert payload["delivery"]["status"] == status
    assert payload["delivery"]["permanent"] is True
    assert await shown(product, box, message) == ("bounced", ["bounced"])
    rows = await product.rows("SELECT address, reason, message_id FROM suppressions")
    assert rows == [(ONE, "bounced", message.id)] * suppressed


async def test_a_delay_is_shown_and_tells_nobody(product: Product) -> None:
    box, message = await sent(product)
    raw = report(group(ONE, "delayed", "4.4.1", "connect timed out"))
    await deliver(product.intake(), raw, return_path(message))
    now = await messages.get(product.store.reader, box.id, message.id)
    assert now.status == "sent"
    assert now.content.recipients == (
        {"address": ONE, "status": "delayed", "detail": "connect timed out"},
    )
    rows = await product.rows("SELECT count(*) FROM events WHERE type LIKE 'message.%'")
    assert rows == [(1,)]


async def test_every_recipient_has_its_event_and_a_repetition_has_none(product: Product) -> None:
    box, message = await sent(product, ONE, TWO)
    raw = report(group(ONE, "failed", "5.1.1"), group(TWO, "delivered", "2.0.0"))
    for _ in range(2):
        await deliver(product.intake(), raw, return_path(message))
    assert len(await product.bodies("message.bounced")) == 1
    assert len(await product.bodies("message.delivered")) == 1
    assert await shown(product, box, message) == ("bounced", ["bounced", "delivered"])


async def test_what_is_known_of_a_recipient_never_goes_back(product: Product) -> None:
    box, message = await sent(product)
    for action, status in (("failed", "5.1.1"), ("delivered", "2.0.0"), ("delayed", "4.0.0")):
        raw = report(group(ONE, action, status))
        await deliver(product.intake(), raw, return_path(message))
    assert await shown(product, box, message) == ("bounced", ["bounced"])
    assert await product.bodies("message.delivered") == []


async def test_the_only_recipient_is_meant_by_whatever_name(product: Product) -> None:
    box, message = await sent(product)
    raw = report(group("forwarded@far.example", "failed", "5.1.1"))
    await deliver(product.intake(), raw, return_path(message))
    (payload,) = await product.bodies("message.bounced")
    assert payload["delivery"]["recipient"] == ONE
    assert await shown(product, box, message) == ("bounced", ["bounced"])


async def test_a_name_that_none_of_several_recipients_has_is_told_once(product: Product) -> None:
    box, message = await sent(product, ONE, TWO)
    raw = report(group("forwarded@far.example", "failed", "5.1.1"))
    for _ in range(2):
        await deliver(product.intake(), raw, return_path(message))
    (payload,) = await product.bodies("message.bounced")
    assert payload["delivery"]["recipient"] == "forwarded@far.example"
    assert await shown(product, box, message) == ("bounced", ["sent", "sent"])
    assert await product.count("suppressions") == 0


async def test_a_mail_server_may_change_the_case_of_a_token(product: Product) -> None:
    _, message = await sent(product)
    address = return_path(message).upper()
    await deliver(product.intake(), report(group(ONE, "failed", "5.1.1")), address)
    assert len(await product.bodies("message.bounced")) == 1


async def test_a_token_that_is_not_ours_is_refused_and_changes_nothing(product: Product) -> None:
    box, message = await sent(product)
    intake = product.intake(unknown_recipients="create")
    right = return_path(message)
    token = right.partition("+")[2].partition("@")[0]
    last = "a" if token[-1] != "a" else "b"
    raw = report(
        group(ONE, "failed", "5.1.1"), returned=f"Message-ID: <{message.external_message_id}>"
    )
    for wrong in (
        f"bounces+{token[:-1]}{last}@mail.example",
        f"bounces+{token[1:]}@mail.example",
        f"bounces+{(message.external_message_id or '').partition('@')[0]}@mail.example",
        "bounces+@mail.example",
        "bounces@mail.example",
    ):
        with pytest.raises(UnknownRecipient):
            await intake.judge_recipient(wrong)
        with pytest.raises(UnknownRecipient):
            await intake.receive(await intake.prepare(raw), wrong, "")
    assert await shown(product, box, message) == ("sent", ["sent"])
    assert await product.bodies("message.bounced") == []


async def test_another_message_named_inside_a_report_is_not_believed(product: Product) -> None:
    box, message = await sent(product)
    other = (await product.sending().send("key_1", box.id, Wanted(to=(TWO,), text="other"))).message
    raw = report(
        group(ONE, "failed", "5.1.1"),
        returned=f"Message-ID: <{other.external_message_id}>",
    ).replace(b"Reporting-MTA", f"Original-Envelope-Id: {other.id}\r\nReporting-MTA".encode())
    await deliver(product.intake(), raw, return_path(message))
    assert (await shown(product, box, message))[0] == "bounced"
    assert (await shown(product, box, other))[0] == "queued"


async def test_an_answer_to_the_return_path_joins_the_conversation(product: Product) -> None:
    box, message = await sent(product)
    raw = mail("Out of office", text="I am away until Monday.\n", to="x@mail.example")
    stored = await deliver(product.intake(), raw, return_path(message))
    assert not stored.report
    kept = await messages.get(product.store.reader, box.id, stored.message_id)
    assert (kept.direction, kept.thread_id) == ("inbound", message.thread_id)
    assert kept.content.auto_submitted
    assert kept.content.to[0] == box.email
    (payload,) = await product.bodies("message.received")
    assert payload["id"] == kept.id
    assert (await shown(product, box, message))[0] == "sent"


async def test_a_report_about_a_mail_that_is_gone_is_taken_and_forgotten(
    product: Product,
) -> None:
    box, message = await sent(product)
    await product.inboxes.delete(box.id)
    await product.upkeep.run()
    for raw in (report(group(ONE, "failed", "5.1.1")), mail("Out of office")):
        stored = await deliver(product.intake(), raw, return_path(message))
        assert (stored.report, stored.published) == (True, ())


async def test_a_complaint_is_matched_by_the_message_id_we_made(product: Product) -> None:
    box, message = await sent(product)
    intake = product.intake(report_addresses=(ABUSE,))
    raw = complaint(message, f"Original-Rcpt-To: {ONE}")
    for _ in range(2):
        stored = await deliver(intake, raw, "Abuse+fbl@mail.example", "fbl@provider.example")
        assert (stored.message_id, stored.report) == (message.id, True)
    (payload,) = await product.bodies("message.complained")
    assert payload["delivery"]["recipient"] == ONE
    assert payload["delivery"]["action"] == "complained"
    assert await shown(product, box, message) == ("complained", ["complained"])
    rows = await product.rows("SELECT address, reason FROM suppressions")
    assert rows == [(ONE, "complained")]


async def test_a_complaint_that_hides_who_complained_means_the_only_recipient(
    product: Product,
) -> None:
    box, message = await sent(product)
    await deliver(product.intake(report_addresses=(ABUSE,)), complaint(message), ABUSE)
    assert await shown(product, box, message) == ("complained", ["complained"])


async def test_a_complaint_with_a_message_id_of_ones_own_is_not_believed(
    product: Product,
) -> None:
    box, message = await sent(product)
    raw = complaint(message, f"Original-Rcpt-To: {ONE}")
    forged = re.sub(rb"Message-ID: <.{4}", b"Message-ID: <0000", raw)
    intake = product.intake(report_addresses=(ABUSE,))
    with pytest.raises(UnknownRecipient):
        await deliver(intake, forged, ABUSE)
    assert await shown(product, box, message) == ("sent", ["sent"])


async def test_other_mail_to_an_address_for_complaints_goes_where_mail_goes(
    product: Product,
) -> None:
    _, message = await sent(product)
    intake = product.intake(report_addresses=(ABUSE,))
    with pytest.raises(UnknownRecipient):
        await deliver(intake, mail("You sent me spam"), ABUSE)
    desk = await product.inboxes.create("Abuse", ABUSE)
    stored = await deliver(intake, mail("You sent me spam"), ABUSE)
    assert (await messages.get(product.store.reader, desk.id, stored.message_id)).content.subject
    raw = complaint(message, f"Original-Rcpt-To: {ONE}")
    stored = await deliver(intake, raw, ABUSE)
    assert len(stored.published) == 2
    assert len(await product.bodies("message.complained")) == 1


async def test_samples_of_real_servers_are_read(product: Product) -> None:
    samples = Path(__file__).parent.parent / "samples" / "reports"
    box, message = await sent(product)
    raw = (samples / "arf-hotmail-jmrp.eml").read_bytes()
    await deliver(product.intake(), raw, return_path(message))
    assert await shown(product, box, message) == ("complained", ["complained"])

"""Takes the pictures of README and docs/dashboard.md: ``make screenshots``.

A server for trying things is filled with a month of made-up work; each picture is taken light and
dark, into docs/images.
"""

import json
import math
import shutil
import smtplib
import sqlite3
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from sendook_lite.store.statistics import HOUR_MS
from tests.dashboard.conftest import ARGUMENTS
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, wait_until

WIDTH, HEIGHT = 1080, 680
LOW = {"setup": 520, "reference": 460}
"""Pictures full of text are cut, so that each stays below 100 kB."""
HOURS = 30 * 24

MAILS = (
    ("Ann Arbor", "ann@example.org", "Order 4711 has not arrived"),
    ("Bob Berg", "bob@example.com", "Invoice for November"),
    ("Chiara Conti", "chiara@example.it", "How do I change my address?"),
    ("Dana Dietz", "dana@example.net", "Greetings from Lisbon"),
)
TEXT = """\
Hello,

the parcel with order 4711 was announced for Tuesday and has not arrived yet.
Could you please find out where it is? The number is DE 8821 0042 17.

Kind regards
"""


def fill_history(server: Server) -> None:
    """Write sums by the hour as a month of work would have left them."""
    now = int(time.time() * 1000)
    this_hour = now - now % HOUR_MS
    connection = sqlite3.connect(server.data_dir / "sendook.db")
    (hook,) = connection.execute("SELECT min(seq) FROM webhooks").fetchone()
    for back in range(1, HOURS):
        hour = this_hour - back * HOUR_MS
        clock = (hour // HOUR_MS) % 24
        busy = 30 + 60 * max(0.0, math.sin((clock - 6) / 24 * 2 * math.pi)) + (back * 7919) % 23
        failed = 14 if back in {9, 10} else 3 if back % 61 == 0 else 0
        connection.executemany(
            "INSERT INTO event_hours (hour, type, count) VALUES (?, ?, ?)",
            [(hour, "message.received", int(busy)), (hour, "message.sent", int(busy * 0.6))],
        )
        connection.executemany(
            "INSERT INTO webhook_hours (webhook_seq, hour, delivered, failed) VALUES (?, ?, ?, ?)",
            [(seq, hour, int(busy * 1.5), failed) for seq in (0, hook)],
        )
    connection.commit()
    connection.close()


def push_mails(server: Server) -> None:
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as client:
        for number, (name, address, subject) in enumerate(MAILS):
            mail = EmailMessage()
            mail["From"], mail["To"] = f"{name} <{address}>", "support@localhost.test"
            mail["Subject"], mail["Message-ID"] = subject, f"<{number}@example.org>"
            mail.set_content(TEXT + name)
            if number == 0:
                mail.add_attachment(b"%PDF-1.4", "application", "pdf", filename="order-4711.pdf")
            client.send_message(mail, address, ["support@localhost.test"])


def report(server: Server) -> None:
    """Tell of mail that went out, through the event socket."""
    lines = [
        {"event": "message.delivered", "recipient": "ann@example.org", "status": "2.0.0"},
        {"event": "message.bounced", "recipient": "gone@example.net", "status": "5.1.1",
         "diagnostic": "550 no such user here"},
    ]  # fmt: skip
    with server.events_socket() as connection, connection.makefile("rb") as answers:
        for line in lines:
            told = json.dumps({**line, "from": "support@localhost.test"})
            connection.sendall(told.encode() + b"\n")
            answers.readline()


def take(page: Page, server: Server, paths: dict[str, str], scheme: str, into: Path) -> None:
    page.goto(f"{server.url}/signin")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    for name, path in paths.items():
        page.set_viewport_size({"width": WIDTH, "height": LOW.get(name, HEIGHT)})
        page.goto(server.url + path)
        page.wait_for_timeout(700)
        target = into / f"{name}-{scheme}.png"
        page.screenshot(path=target)
        sys.stdout.write(f"{target} {target.stat().st_size // 1024} kB\n")


def main() -> None:
    into = Path("docs/images")
    into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, Endpoint() as good, Endpoint() as bad:
        (Path(directory) / "a").mkdir()
        server = Server(Path(directory) / "a" / "data").start()
        inbox = server.inbox()
        hook = server.webhook(good.url, "message.received", description="Ticket system")
        server.webhook(good.url, "message.delivered", description="Delivery tracker")
        bad_url = bad.url.rpartition("/")[0]
        bad.__exit__()
        server.webhook(
            f"{bad_url}/", "message.received", description="Old archive", retrySchedule=[0.1]
        )
        fill_history(server)
        push_mails(server)
        report(server)
        wait_until(lambda: len(good.received) >= len(MAILS))
        (first, *_) = server.call("GET", "/v1/events?type=message.received")
        message = first["payload"]
        server.call(
            "POST",
            f"/v1/inboxes/{inbox['id']}/messages/{message['id']}/reply",
            {"text": "Hello Ann,\n\nit is on its way again and arrives on Friday.\n\nSupport"},
        )
        paths = {
            "overview": "/",
            "webhook": f"/webhooks/{hook['id']}",
            "event": f"/events/{first['id']}",
            "conversation": f"/inboxes/{inbox['id']}/threads/{message['threadId']}",
            "setup": "/setup",
            "reference": "/docs#createWebhook",
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(ARGUMENTS)
            )
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": WIDTH, "height": HEIGHT},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                take(context.new_page(), server, paths, scheme, into)
            browser.close()
        server.stop()


if __name__ == "__main__":
    main()

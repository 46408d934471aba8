"""Mail that is pushed through the door the mail server uses."""

import smtplib
from email.message import EmailMessage

from tests.e2e.server import Server

HOSTILE = """\
<div style="color:#123456"><p>Hello <b>there</b></p>
<script>document.title = "owned"</script>
<img src="https://tracker.example/p.gif" onerror="alert(1)">
<a href="javascript:alert(1)">a</a><a href="https://example.org/">b</a>
<p style="background:url(https://tracker.example/b.gif)">c</p>
<form action="https://example.org/"><input name="q"></form>
<iframe src="https://tracker.example/"></iframe><base href="https://tracker.example/">
<meta http-equiv="refresh" content="0;url=https://tracker.example/"></div>
"""


def push_mail(server: Server, subject: str, recipient: str = "support@localhost.test") -> None:
    """Hand in a mail with a text, hostile HTML and an attachment."""
    mail = EmailMessage()
    mail["From"] = "Ann Arbor <ann@example.org>"
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{abs(hash(subject))}@example.org>"
    mail.set_content("Where is my parcel?\n")
    mail.add_alternative(HOSTILE, subtype="html")
    mail.add_attachment("<script>1</script>", subtype="html", filename="bill.html")
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as client:
        client.send_message(mail, "ann@example.org", [recipient])

"""B8: mails per second by LMTP, stored and published, against a server that only answers."""

from contextlib import closing
from statistics import median

from bench.mail_feeder import MailFeeder
from bench.pairs import SECONDS, Measured
from bench.processes import Yardstick
from bench.workshop import Workshop

CONNECTIONS = 4
ADDRESS = "support@localhost.test"
WARM_UP_SECONDS = 1.0


def mails(workshop: Workshop) -> Measured:
    """Measure B8."""
    socket = workshop.sockets / "answerer.sock"
    with workshop.server() as server, Yardstick("lmtp_answerer", socket) as answerer:
        server.call("POST", "/v1/inboxes", {"name": "Support", "email": ADDRESS})
        ours = MailFeeder(server.lmtp, ADDRESS, CONNECTIONS)
        other = MailFeeder(str(socket), ADDRESS, CONNECTIONS)
        costs: list[float] = []
        with closing(ours), closing(other):

            def product() -> float:
                cpu = server.cpu()
                rate = ours.feed(SECONDS)
                costs.append((server.cpu() - cpu) / (rate * SECONDS))
                return rate

            ours.feed(WARM_UP_SECONDS)
            other.feed(WARM_UP_SECONDS)
            before = answerer.go("")["cpu"]
            measured = workshop.compare(product, lambda: other.feed(SECONDS))
            spent = answerer.go("")["cpu"] - before
        answered = sum(measured.yardstick) * SECONDS
        stored = server.count("SELECT count(*) FROM messages")
        measured.remarks.extend(
            [
                f"{median(costs) * 1e3:.2f} ms CPU a mail, {spent / answered * 1e3:.2f} an answer",
                f"{stored:,} messages stored",
            ]
        )
        return measured

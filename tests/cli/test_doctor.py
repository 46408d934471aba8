"""The doctor: each thing that can be wrong is found, with what mends it."""

import grp
import json
import os
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from sendook_lite.cli import doctor_host, doctor_mail
from sendook_lite.cli.findings import Finding
from sendook_lite.domain.clock import SystemClock
from sendook_lite.settings import Settings
from sendook_lite.store.migrate import migrations
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until
from tests.mailbox import Mailbox
from tests.store.old_database import AT, make_old_database

GROUP = grp.getgrgid(os.getgid()).gr_name


def settings(directory: Path, **sections: dict[str, Any]) -> Settings:
    sections["server"] = {"data_dir": str(directory)} | sections.get("server", {})
    return Settings.model_validate(sections)


def host(directory: Path, **sections: dict[str, Any]) -> list[Finding]:
    return list(doctor_host.look(settings(directory, **sections)))


def worst(found: list[Finding], area: str) -> Finding:
    """Return what is worst of an area; a test that names an area no finding has fails."""
    order = ("ok", "note", "warning", "error")
    return max(
        (each for each in found if each.area == area), key=lambda each: order.index(each.level)
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory as a server left it."""
    make_old_database(tmp_path / "data" / "sendook.db", migrations()[-1].version)
    for each in (tmp_path / "data").iterdir():
        each.chmod(0o600)
    return tmp_path / "data"


def listen_at(path: Path, mode: int) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(mode)
        yield


def test_a_directory_in_order_is_well(data: Path) -> None:
    found = host(data)
    assert {each.area for each in found if each.level == "ok"} >= {"data", "database", "disk"}
    assert not [each for each in found if each.level == "error"]


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    (only,) = host(tmp_path / "missing")
    assert only.level == "error"
    assert "there is no directory" in only.what


@pytest.mark.parametrize("name", ["", "sendook.db"])
def test_what_others_may_read_is_told(data: Path, name: str) -> None:
    (data / name).chmod(0o755)
    found = worst(host(data), "data")
    assert found.level == "error"
    assert found.mend.startswith("chmod ")
    assert str(data / name) in found.mend


def test_a_database_that_does_not_open_is_told(data: Path) -> None:
    (data / "sendook.db").write_bytes(b"no database" * 1000)
    found = worst(host(data), "database")
    assert found.level == "error"
    assert "sendook-lite restore" in found.mend


def test_a_clock_that_is_behind_the_database_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: AT - 3_600_000)
    found = [each for each in host(data) if each.area == "clock"]
    assert any("3,600 seconds from now" in each.what for each in found)


@pytest.mark.parametrize(("state", "level"), [(0, "ok"), (5, "warning")])
def test_a_clock_that_nothing_keeps_right_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, state: int, level: str
) -> None:
    class Kernel:
        @staticmethod
        def adjtimex(_: object) -> int:
            return state

    monkeypatch.setattr(doctor_host.ctypes, "CDLL", lambda _: Kernel)
    assert worst(host(data), "clock").level == level


@pytest.mark.parametrize(
    ("free", "level"), [(10_000_000, "error"), (300_000_000, "warning"), (900_000_000, "ok")]
)
def test_a_disk_that_gets_full_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    usage = shutil._ntuple_diskusage(1_000_000_000, 0, free)  # type: ignore[attr-defined]
    monkeypatch.setattr(doctor_host.shutil, "disk_usage", lambda _: usage)
    assert worst(host(data), "disk").level == level


def test_backups_that_are_not_made_are_told(data: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    assert "no automatic copies" in worst(host(data), "backup").what
    backup = {"backup": {"dir": str(copies)}}
    assert worst(host(data, **backup), "backup").level == "error"
    copies.mkdir()
    assert worst(host(data, **backup), "backup").level == "note"
    (copies / "sendook-20200101T000000Z.db").touch()
    overdue = worst(host(data, **backup), "backup")
    assert overdue.level == "error"
    assert "days old" in overdue.what


def test_a_socket_with_another_mode_is_told(data: Path) -> None:
    with contextmanager(listen_at)(data / "lmtp.sock", 0o600):
        found = worst(host(data), "lmtp")
    assert found.level == "error"
    assert found.mend.startswith(f"chmod 0660 {data / 'lmtp.sock'}")


def test_a_socket_that_the_group_cannot_reach_is_told(data: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        directory = Path(made)
        server = {"socket_group": GROUP, "socket_dir": made}
        with contextmanager(listen_at)(directory / "lmtp.sock", 0o660):
            found = worst(host(data, server=server), "lmtp")
            assert found.level == "error"
            assert f"{directory} is closed to it" in found.what
            assert found.mend.startswith(f"chgrp {GROUP} {directory} && chmod g+x")
            directory.chmod(0o750)
            assert worst(host(data, server=server), "lmtp").level == "ok"


def test_a_group_that_the_socket_does_not_have_is_told(data: Path) -> None:
    with contextmanager(listen_at)(data / "lmtp.sock", 0o660):
        found = worst(host(data, server={"socket_group": "no-such-group"}), "lmtp")
    assert "does not belong to the group no-such-group" in found.what


def relay(url: str) -> Finding:
    found = doctor_mail.look(Settings.model_validate({"relay": {"url": url}}))
    return worst(list(found), "relay")


def test_a_relay_that_answers_is_well() -> None:
    with Mailbox() as mailbox:
        assert relay(f"smtp://127.0.0.1:{mailbox.port}").level == "ok"


def test_a_relay_that_cannot_be_used_is_told_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = relay(f"smtp://user:s3cret@127.0.0.1:{port}")
    assert refused.level == "error"
    assert "refused" in refused.what
    assert "s3cret" not in refused.what + refused.mend
    with Mailbox() as mailbox:
        plain = relay(f"smtp+starttls://127.0.0.1:{mailbox.port}")
        assert "does not speak SMTP as expected" in plain.what
    assert relay("").level == "note"
    assert relay("capture:").level == "note"


Zone = dict[tuple[str, str], str]
GOOD: Zone = {
    ("good.net.", "MX"): "10 mx.good.net.",
    ("good.net.", "TXT"): '"v=spf1 mx include:relay.net ~all"',
    ("key._domainkey.good.net.", "TXT"): '"v=DKIM1; p=abc"',
    ("_dmarc.good.net.", "TXT"): '"v=DMARC1; p=none"',
}


@contextmanager
def nameserver(zone: Zone) -> Iterator[str]:
    """A DNS server of our own, over UDP; yields where it is."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, sock = self.request
            query = dns.message.from_wire(packet)
            question = query.question[0]
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            answer = dns.message.make_response(query)
            if (name, kind) in zone:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, zone[name, kind]))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            sock.sendto(answer.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def look_at_good_net(resolver: str, **domains: str) -> list[Finding]:
    given = {
        "inbound": {"domains": ["good.net"]},
        "relay": {"url": "smtp://127.0.0.1:9"},
        "domains": {"resolver": [resolver], **domains},
    }
    return list(doctor_mail.look(Settings.model_validate(given)))


@pytest.mark.parametrize(
    ("missing", "level", "words"),
    [
        (None, "ok", "the MX of good.net is mx.good.net"),
        (("good.net.", "MX"), "error", "has no MX record"),
        (("good.net.", "TXT"), "warning", "has no SPF record"),
        (("key._domainkey.good.net.", "TXT"), "error", "there is no key at key._domainkey.good"),
        (("_dmarc.good.net.", "TXT"), "warning", "has no DMARC record"),
    ],
)
def test_records_that_are_missing_are_told(
    missing: tuple[str, str] | None, level: str, words: str
) -> None:
    zone = {each: value for each, value in GOOD.items() if each != missing}
    with nameserver(zone) as address:
        found = look_at_good_net(
            address,
            mx_host="mx.good.net",
            spf_include="relay.net",
            dkim_selector="key",
            dkim_key_file="key.pem",
        )
    told = worst(found, "dns")
    assert told.level == level
    assert words in told.what
    assert told.level == "ok" or told.mend


def test_another_mx_and_another_spf_are_told() -> None:
    with nameserver(GOOD) as address:
        found = look_at_good_net(address, mx_host="mx.other.net", spf_include="other.net")
    assert any("is mx.good.net, not mx.other.net" in each.what for each in found)
    assert any("does not include other.net" in each.what for each in found)


def test_domains_that_were_added_to_a_running_server_are_looked_at(tmp_path: Path) -> None:
    with nameserver(GOOD) as address:
        server = Server(
            tmp_path / "data",
            SENDOOK_DOMAINS__RESOLVER=f'["{address}"]',
            SENDOOK_DOMAINS__MX_HOST="mx.good.net",
            SENDOOK_DOMAINS__TRUST="false",
        ).start()
        for name in ("good.net", "bad.net"):
            server.call("POST", "/v1/domains", {"name": name})
        assert server.call("POST", "/v1/domains/good.net/verify")["verified"]
        done = server.run("doctor", "--dev", "--json")
        found = [Finding(**each) for each in json.loads(done.stdout)]
        assert done.returncode == 1
        assert worst(found, "dns").what == "bad.net has no MX record: nobody can send mail to it"
        assert "the MX of good.net is mx.good.net" in [each.what for each in found]
        (told,) = [each for each in found if each.area == "domains"]
        assert told.what == "bad.net is not verified yet: mail for it is refused"
        assert told.mend.endswith("sendook-lite domains verify bad.net")
        assert server.stop() == 0


def test_a_running_server_is_asked_for_webhooks_that_need_somebody(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENDOOK_DELIVERY__RETRY_SCHEDULE="[]").start()

    def look() -> tuple[int, list[dict[str, str]]]:
        done = server.run("doctor", "--dev", "--json")
        return done.returncode, json.loads(done.stdout)

    code, found = look()
    assert code == 0
    assert any("there is none: nobody is told" in each["what"] for each in found)
    with Endpoint(lambda one: 410 if b"gone" in one.body else 500) as endpoint:
        failing = server.webhook(endpoint.url, "message.sent")
        push(server, 2)
        wait_until(lambda: len(server.call("GET", "/v1/deliveries?status=failed")) == 2)
    code, found = look()
    assert code == 1
    (told,) = [each for each in found if each["area"] == "webhooks" and each["level"] == "error"]
    assert failing["id"] in told["what"]
    assert "http_status" in told["what"]
    assert told["mend"].startswith(f"sendook-lite webhooks attempts {failing['id']}")
    server.call("PATCH", f"/v1/webhooks/{failing['id']}", {"status": "disabled"})
    assert any("is disabled (manual)" in each["what"] for each in look()[1])
    text = server.run("doctor", "--dev").stdout.decode()
    assert "→ sendook-lite webhooks enable" in text
    assert server.stop() == 0
    assert any(each["area"] == "server" and each["level"] == "warning" for each in look()[1])

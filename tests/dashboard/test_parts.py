"""The parts of the dashboard that need no server: charts, code, examples, the cage for mail."""

import base64
import hashlib
import hmac
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sendook_lite.dashboard import code_view, docs, hours, rendering, setup
from sendook_lite.dashboard.charts import Bar, bars
from sendook_lite.dashboard.mail_html import has_remote_content, sanitise
from sendook_lite.dashboard.snippets import Call, snippets
from sendook_lite.domain.model import AttachmentInfo, HourCount, MessageContent
from sendook_lite.domain.signing import prepare_secret, signature_header, signing_key
from sendook_lite.settings import Settings
from sendook_lite.store.statistics import HOUR_MS

NOW = 1_772_356_200_000


def test_a_chart_shows_every_count_and_a_small_one_is_still_seen() -> None:
    drawn = bars([Bar(0, (("delivered", 10_000), ("failed", 1)))], "Deliveries <b>", "hour")
    assert 'data-tip="delivered 10,000, failed 1"' in drawn
    assert 'class="failed"' in drawn
    assert 'height="1.5"' in drawn
    assert "<b>" not in drawn


def test_hours_become_a_day_and_a_month() -> None:
    this_hour = NOW - NOW % HOUR_MS
    counts = hours.of_endings(
        [HourCount(this_hour, 3, 1), HourCount(this_hour - 23 * HOUR_MS, 2, 0)]
    )
    day = hours.day(counts, NOW, ("delivered", "failed"))
    assert len(day) == 24
    assert day[-1].parts == (("delivered", 3), ("failed", 1))
    assert day[0].parts == (("delivered", 2), ("failed", 0))
    today = NOW - NOW % hours.DAY_MS
    month = hours.month(hours.of_endings([HourCount(today, 5, 1)]), NOW, ("delivered", "failed"))
    assert (len(month), month[-1].start) == (30, today)
    assert hours.total(month, "delivered") == 5


def test_json_is_marked_and_nothing_in_it_is_markup() -> None:
    shown = code_view.pretty_json(b'{"a":"<script>","n":1,"t":true}')
    assert '<span class="j-key">&#34;a&#34;</span>' in shown
    assert "<script>" not in shown
    assert code_view.pretty_json("<b>no json") == "&lt;b&gt;no json"
    assert len(code_view.pretty_json(json.dumps(["x" * 200_000]))) < 100_000


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")]
)
def test_sizes_are_written_for_people(value: int, text: str) -> None:
    assert rendering.size(value) == text


def test_pictures_that_came_along_are_shown_and_others_are_not() -> None:
    picture = AttachmentInfo("att_1", "a.png", "image/png", 3, 1, "<pic@x>", "AAAA")
    page = AttachmentInfo("att_2", "a.svg", "image/svg+xml", 3, 2, "svg@x", "BBBB")
    content = MessageContent(
        "a@b.example",
        html='<img src="cid:pic@x"><img src="cid:svg@x"><img src="http://x.example/p">'
        '<a href="https://x.example">go</a><svg onload="x"></svg>',
        attachments=(picture, page),
    )
    shown = sanitise(content, remote=False)
    assert "data:image/png;base64,AAAA" in shown
    assert "BBBB" not in shown
    assert "http://x.example/p" not in shown
    assert "svg" not in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert has_remote_content(content.html)
    assert not has_remote_content('<img src="cid:pic@x"><a href="https://x.example">')


BODY = b'{"event":"message.received","text":"\xc3\xa4 \\u0027 &"}'


def signed(age: int = 0) -> tuple[str, dict[str, str]]:
    """A secret, and the headers of a request that is signed with it and with another one."""
    old, new = (prepare_secret("hmac", None, letter.__mul__) for letter in (b"a", b"b"))
    stamp = int(time.time()) - age
    keys = [signing_key(new), signing_key(old)]
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature_header(keys, "evt_1", stamp, BODY),
    }
    return old.value, headers


def cases() -> list[tuple[str, dict[str, str], str, bool]]:
    """(secret, headers, body in base64, whether it is genuine)."""
    secret, headers = signed()
    body = base64.b64encode(BODY).decode()
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    wrong = hmac.new(b"x", b"y", hashlib.sha256).digest()
    forged = {**headers, "webhook-signature": f"v1,{base64.b64encode(wrong).decode()} v2,x v1 ,"}
    return [
        (secret, headers, body, True),
        (secret, headers, base64.b64encode(BODY + b" ").decode(), False),
        (other, headers, body, False),
        (secret, forged, body, False),
        (secret, signed(age=400)[1], body, False),
        (secret, signed(age=-400)[1], body, False),
        (secret, {**headers, "webhook-id": "evt_2"}, body, False),
    ]


PYTHON_RUN = """
import base64, json, sys
for secret, headers, body, _ in json.load(sys.stdin):
    print(str(verify(secret, headers, base64.b64decode(body))).lower())
"""
NODE_RUN = """
import { readFileSync } from "node:fs";
for (const [secret, headers, body] of JSON.parse(readFileSync(0))) {
  console.log(verify(secret, headers, Buffer.from(body, "base64")));
}
"""
PHP_RUN = """
foreach (json_decode(file_get_contents('php://stdin'), true) as [$secret, $headers, $body, $_]) {
    echo verify($secret, $headers, base64_decode($body)) ? "true\\n" : "false\\n";
}
"""
RUBY_RUN = """
require "json"
JSON.parse($stdin.read).each do |secret, headers, body, _|
  puts verify(secret, headers, body.unpack1("m"))
end
"""


def run(arguments: list[str], directory: Path) -> list[bool]:
    """Run a program on the cases; returns what it thinks of each."""
    done = subprocess.run(
        arguments,
        cwd=directory,
        input=json.dumps(cases()),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in done.stdout.split()]


def verifier(language: str) -> str:
    return (docs.VERIFIERS / docs.LANGUAGES[language]).read_text()


EXPECTED = [genuine for *_, genuine in cases()]


def test_the_python_verifier_of_the_guide_tells_genuine_from_forged(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_text(verifier("Python") + PYTHON_RUN)
    assert run([sys.executable, "verify.py"], tmp_path) == EXPECTED


@pytest.mark.parametrize(
    ("language", "program", "file", "more"),
    [
        found
        for found in (
            ("Node", shutil.which("node"), "verify.mjs", NODE_RUN),
            ("PHP", shutil.which("php"), "verify.php", PHP_RUN),
            ("Ruby", shutil.which("ruby"), "verify.rb", RUBY_RUN),
        )
        if found[1] is not None
    ],
)
def test_the_verifiers_of_the_guide_agree_in_every_language_that_is_here(
    tmp_path: Path, language: str, program: str, file: str, more: str
) -> None:
    (tmp_path / file).write_text(verifier(language) + more)
    assert run([program, file], tmp_path) == EXPECTED


def test_examples_take_the_key_and_ids_from_the_environment() -> None:
    made = snippets(
        Call("http://h", "/v1/inboxes/{inbox_id}", "PATCH", {"name": "it's"}, True, "x/y")
    )
    assert '"http://h/v1/inboxes/$INBOX_ID"' in made["curl"]
    assert shlex.split(made["curl"].replace("\\\n", ""))[-1] == '{"name": "it\'s"}'
    assert 'os.environ["INBOX_ID"]' in made["Python"]
    assert "${process.env.INBOX_ID}" in made["Node"]


@pytest.mark.parametrize(
    ("address", "transport"),
    [
        ("unix:/var/spool/postfix/sendook/lmtp.sock", "lmtp:unix:sendook/lmtp.sock"),
        ("unix:/srv/data/lmtp.sock", "lmtp:unix:/srv/data/lmtp.sock"),
        ("127.0.0.1:2424", "lmtp:inet:127.0.0.1:2424"),
    ],
)
def test_the_lines_for_postfix_name_the_socket_as_postfix_sees_it(
    address: str, transport: str
) -> None:
    lines = setup.postfix_lines(Settings(), ["a.example", "b.example"], address).splitlines()
    assert f"virtual_transport = {transport}" in lines
    assert "virtual_mailbox_domains = a.example b.example" in lines
    recipe = Path("contrib/postfix/main.cf").read_text()
    for line in lines[2:]:
        assert line in recipe, "the recipe and the page are to say the same"


def test_who_never_opens_the_dashboard_pays_no_memory_for_it() -> None:
    program = (
        "import sys, sendook_lite.app\n"
        "print([name for name in ('jinja2', 'nh3', 'sendook_lite.api.openapi',"
        " 'sendook_lite.api.answers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"

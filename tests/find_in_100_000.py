"""Measures list, search and thread answers with 100,000 messages in an inbox against 100.

    python -m tests.find_in_100_000 [DIRECTORY] [COUNT]

Builds, once, a database with three inboxes (COUNT messages, COUNT others, 100) of mails of 1 kB
whose words are as frequent as in a language, then asks a server that runs on it over HTTP. Each
figure is the median of 51 requests, taken in turns with the same request to the small inbox.
"""

import asyncio
import itertools
import os
import random
import statistics
import sys
import time
from pathlib import Path

import aiohttp
import aiosqlite

from sendook_lite.app import App
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.search_words import VERSION
from sendook_lite.settings import Settings
from sendook_lite.store import search
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.prepared_mail import read
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.served_domains import ServedDomains

DOMAIN = "mail.example"
KEY = "sk_benchmark_of_a_mailbox"
BATCH = 100
ROUNDS = 51
WORDS_OF_A_MAIL = 150
CONVERSATION = 5  # mails of a thread; one thread has a tenth of all


class Feed:
    """Nobody is subscribed."""

    def now(self) -> int:
        return 0

    def offer(self, fresh: object) -> None:
        pass

    def webhook_changed(self, webhook_seq: int) -> None:
        pass


class Author:
    """Writes mails; the same ones every time."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        letters = "abcdefghijklmnoprstuvwz"
        self.words = [
            "".join(self._random.choices(letters, k=self._random.randint(2, 11)))
            for _ in range(60_000)
        ]
        self._weights = list(itertools.accumulate(1 / (n + 3) for n in range(len(self.words))))

    def write(self, number: int, box: str, count: int) -> bytes:
        words = self._random.choices(self.words, cum_weights=self._weights, k=WORDS_OF_A_MAIL)
        first = 0 if number < count // 10 else number - number % CONVERSATION
        head = [
            f"From: Somebody <{words[0]}@{words[1]}.example>",
            f"To: {box}@{DOMAIN}",
            f"Subject: {' '.join(words[2:8])}",
            f"Message-ID: <{number}.{box}@bench.example>",
        ]
        if number != first:
            head.append(f"In-Reply-To: <{first}.{box}@bench.example>")
        text = " ".join(words)
        lines = [text[at : at + 72] for at in range(0, len(text), 72)]
        return "\r\n".join([*head, "", *lines, ""]).encode()


async def build(directory: Path, boxes: dict[str, int]) -> None:
    clock = SystemClock()
    store = Store(directory, clock, Ids(clock))
    await store.open()
    publisher = Publisher(Feed(), 1_048_576)
    inboxes = Inboxes(store, publisher, ServedDomains((DOMAIN,)))
    rules = IntakeRules("reject", 0, "", 0, "http://127.0.0.1")
    intake = Intake(store, publisher, inboxes, rules, clock, lambda: None)
    author = Author()

    def receive(tx: Tx, mails: list[bytes], address: str) -> None:
        for raw in mails:
            prepared = read(raw)
            intake.receive_in(tx, prepared, address, "a@b.example")

    for box, count in boxes.items():
        await inboxes.create(box, f"{box}@{DOMAIN}")
        started = time.perf_counter()
        for first in range(0, count, BATCH):
            numbers = range(first, min(count, first + BATCH))
            mails = [author.write(number, box, count) for number in numbers]
            await store.writer.write(receive, mails, f"{box}@{DOMAIN}")
        print(f"{box}: {count:,} stored in {time.perf_counter() - started:.0f} s", flush=True)
    await store.writer.write(search.start_anew_if_outdated, VERSION)
    held: dict[str, list[float]] = {"add": [], "merge": []}
    work = {"add": search.add_older, "merge": search.merge_some}
    more = True
    while more:
        more = False
        for name, step in work.items():
            while True:
                started = time.perf_counter()
                did = await store.writer.write(step)
                held[name].append(time.perf_counter() - started)
                more = more or did
                if name == "add" or not did:
                    break
    total = sum(boxes.values())
    (size,) = await store.reader.all("SELECT sum(length(block)) FROM message_search_data")
    for name, times in held.items():
        times.sort()
        print(
            f"{name}: {len(times)} units, {sum(times) / total * 1e6:.0f} us a mail,"
            f" median {statistics.median(times) * 1e3:.1f} ms,"
            f" p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms, longest {times[-1] * 1e3:.1f} ms"
        )
    print(f"index: {size[0] / total:.0f} bytes a mail", flush=True)
    await store.close()


async def measure(directory: Path, boxes: dict[str, int]) -> None:
    settings = Settings.model_validate(
        {
            "server": {"listen": "127.0.0.1:0", "data_dir": str(directory)},
            "inbound": {"domains": [DOMAIN]},
        }
    )
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    app = App(settings, environment_key=KEY)
    serving = asyncio.create_task(app.run(stop, ready.set_result))
    base = (await ready).addresses["api"]
    words = Author().words
    paths = {
        "list": "messages",
        "list, a page from the middle": "messages?before={middle}",
        "list of a period": "messages?until={until}",
        "search: every mail has it": f"messages?query={words[0]}",
        "search: one in a hundred has it": f"messages?query={words[1500]}",
        "search: no mail has it": "messages?query=zzzzzzzz",
        "search: two words, few mails have both": f"messages?query={words[500]}+{words[501]}",
        "search: beginning of one letter": "messages?query=a",
        "search: beginning of two letters": "messages?query=ab",
        "search: beginning of three letters": "messages?query=abo",
        "search: a sender nobody is": "messages?from=nobody@x.example",
        "threads": "threads",
        "the longest thread": "threads/{thread}",
        "a thread": "threads/{newest}",
        "a message": "messages/{middle}",
    }
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def ask(path: str) -> tuple[float, object, int]:
            started = time.perf_counter()
            async with session.get(base + path) as answer:
                body = await answer.read()
                assert answer.status == 200, (path, body[:300])
            return time.perf_counter() - started, body, len(body)

        async def get(path: str) -> list[dict[str, str]]:
            async with session.get(base + path) as answer:
                found: list[dict[str, str]] = await answer.json()
                return found

        places: dict[str, dict[str, str]] = {}
        for inbox in await get("/v1/inboxes"):
            path = f"/v1/inboxes/{inbox['id']}"
            box = inbox["email"].partition("@")[0]
            (row,) = await rows(directory, "SELECT seq FROM inboxes WHERE id = ?", inbox["id"])
            middle = await rows(
                directory,
                "SELECT id, created_at FROM messages WHERE inbox_seq = ? ORDER BY seq"
                " LIMIT 1 OFFSET ?",
                row[0],
                boxes[box] // 2,
            )
            thread = await rows(
                directory, "SELECT id FROM threads WHERE inbox_seq = ? ORDER BY seq LIMIT 1", row[0]
            )
            places[box] = {
                "path": path,
                "middle": middle[0][0],
                "until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(middle[0][1] // 1000)),
                "thread": thread[0][0],
                "newest": (await get(f"{path}/threads?limit=1"))[0]["id"],
            }
        large, small = places["large"], places["small"]
        print(f"{'':50} {'100':>9} {boxes['large']:>9,}  ratio")
        for name, path in paths.items():
            times: dict[str, list[float]] = {"large": [], "small": []}
            for _ in range(ROUNDS):
                for box, place in (("small", small), ("large", large)):
                    took, _, _ = await ask(
                        f"{place['path']}/{path.format(**place)}"
                        + ("&" if "?" in path else "?")
                        + "limit=20"
                    )
                    times[box].append(took * 1e3)
            few, many = statistics.median(times["small"]), statistics.median(times["large"])
            print(f"{name:50} {few:6.2f} ms {many:6.2f} ms  {many / few:.2f}", flush=True)
    stop.set()
    await serving


async def rows(directory: Path, sql: str, *parameters: object) -> list[tuple[str, int]]:
    async with aiosqlite.connect(directory / "sendook.db") as connection:
        return list(await connection.execute_fetchall(sql, parameters))  # type: ignore[arg-type]


def main() -> None:
    """Build what is not there, then measure."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else ".cache/find")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    boxes = {"large": count, "other": count, "small": 100}
    os.nice(5)
    if not (directory / "sendook.db").exists():
        asyncio.run(build(directory, boxes))
    asyncio.run(measure(directory, boxes))


if __name__ == "__main__":
    main()

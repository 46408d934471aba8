"""Makes up requests from our own OpenAPI document and sends them to the installed program.

python -m tests.fuzz.api [--examples 100] [--seed N]

Schemathesis makes them: what the document allows and what it does not, and sequences of requests
that use each other's answers. Each answer has to be one that the document describes. Counted are
the requests that the server itself counted, so what the maker leaves out of its sums is in ours.
The exit code is 1 for an answer that is not described, and for any error of the server's.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.server import KEY, Server, push

SCHEMATHESIS = str(Path(sys.executable).with_name("st"))
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,ignored_auth"
)
_COUNTED = re.compile(r'^sendook_http_requests_total\{.*status="(\dxx)"\} (\S+)', re.MULTILINE)


@dataclass(frozen=True)
class Explored:
    """What became of the requests: how many by class of status, and all that was said."""

    statuses: Counter[str]
    clean: bool
    output: str

    @property
    def requests(self) -> int:
        return self.statuses.total()


def explore(
    server: Server,
    examples: int,
    *options: str,
    phases: str = "examples,coverage,fuzzing",
    seconds: float | None = None,
) -> Explored:
    """Send requests to every operation of a running server that has something of everything.

    Args:
        server: is given an inbox, a webhook and events first.
        examples: most made up for an operation, in each of the phases that make any up.
        options: more of schemathesis' own.
        phases: of schemathesis.
        seconds: how long that may take; None: as long as it does.
    """
    server.inbox()
    server.webhook("http://127.0.0.1:9/hook", "message.sent")
    push(server, 3)
    done = subprocess.run(
        [
            SCHEMATHESIS, "run", f"{server.url}/openapi.json",
            "--header", f"Authorization: Bearer {KEY}",
            "--phases", phases, "--max-examples", str(examples),
            "--checks", CHECKS,
            "--exclude-path", "/v1/events/stream",  # never ends
            "--request-timeout", "30", "--no-color", *options,
        ],
        cwd=server.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )  # fmt: skip
    counted: Counter[str] = Counter()
    with urlopen(f"{server.url}/metrics", timeout=30) as page:
        for status, count in _COUNTED.findall(page.read().decode()):
            counted[status] += round(float(count))
    clean = done.returncode == 0 and not counted["5xx"] and "request failed" not in server.log()
    return Explored(counted, clean, done.stdout + done.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.api", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="for each operation and phase")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"requests made up from the OpenAPI document, seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sendook-api-") as directory:
        server = Server(Path(directory) / "data").start()
        try:
            seen = explore(
                server,
                options.examples,
                *("--seed", str(options.seed)),
                phases="examples,coverage,fuzzing,stateful",
            )
        finally:
            code = server.stop()
    if not seen.clean:
        print(seen.output[-20_000:])
    rows = [
        ("requests", seen.requests),
        *((f"  answered {status}", count) for status, count in sorted(seen.statuses.items())),
        ("errors of the server's (5xx)", seen.statuses["5xx"]),
        ("seconds", round(time.monotonic() - began)),
    ]
    print("\n".join(f"{name:40}{count:>10,}" for name, count in rows))
    print("every answer was as described" if seen.clean else "not every answer was as described")
    return int(not seen.clean or code != 0)


if __name__ == "__main__":
    sys.exit(main())

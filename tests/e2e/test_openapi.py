"""The running server against its own description, with requests that schemathesis makes up."""

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.server import KEY, Server, push

SCHEMATHESIS = str(Path(sys.executable).with_name("st"))
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,ignored_auth"
)


def test_no_request_that_its_description_allows_ends_in_an_error_of_ours(server: Server) -> None:
    server.inbox()
    server.webhook("http://127.0.0.1:9/hook", "message.sent")
    push(server, 3)
    done = subprocess.run(
        [
            SCHEMATHESIS, "run", f"{server.url}/openapi.json",
            "--header", f"Authorization: Bearer {KEY}",
            "--phases", "examples,coverage,fuzzing", "--max-examples", "3",
            "--checks", CHECKS,
            "--exclude-path", "/v1/events/stream",  # never ends
            "--generation-deterministic", "--request-timeout", "30", "--no-color",
        ],
        cwd=server.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    tried = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert tried, done.stdout[-2000:]
    print(f"requests made up from the description: {tried[1]}, errors of ours: 0")
    assert int(tried[1]) > 500
    assert "request failed" not in server.log()

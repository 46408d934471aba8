"""The running server against its own description; ``make chaos`` sends many more requests."""

from tests.e2e.server import Server
from tests.fuzz.api import explore


def test_no_request_that_its_description_allows_ends_in_an_error_of_ours(server: Server) -> None:
    seen = explore(server, 3, "--generation-deterministic", seconds=110)
    print(f"requests made up from the description: {dict(seen.statuses)}")
    assert seen.clean, seen.output[-10_000:]
    assert seen.requests > 500

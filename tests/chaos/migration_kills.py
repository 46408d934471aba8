"""Kills the program at every statement of its migrations, and has it start again."""

from dataclasses import dataclass, field
from pathlib import Path

from sendook_lite.store.database import DATABASE_NAME
from sendook_lite.store.migrate import migrations, split_statements
from sendook_lite.store.soundness import examine
from tests.chaos.ledger import Ledger
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server
from tests.store.old_database import make_old_database

POINT = "during a migration"


@dataclass
class MigrationKills:
    """Databases of every earlier schema, killed at each statement that is still to come."""

    directory: Path
    every: int = 1
    """Only every so many statements, for a short run."""
    kills: int = 0
    breaches: list[str] = field(default_factory=list)

    def run(self) -> "MigrationKills":
        steps = migrations()
        # Each step is a transaction: BEGIN, its statements, the new version, COMMIT.
        statements = [len(split_statements(step.sql)) + 3 for step in steps]
        with Endpoint() as endpoint:
            for present, step in enumerate(steps[:-1], 1):
                for passage in range(1, sum(statements[present:]) + 1, self.every):
                    self._kill(step.version, passage, endpoint)
        return self

    def _kill(self, version: int, passage: int, endpoint: Endpoint) -> None:
        where = self.directory / f"from-{version}-at-{passage}"
        make_old_database(where / "data" / DATABASE_NAME, version, endpoint.url)
        points = str(Path(__file__).with_name("points"))
        server = Server(where / "data", PYTHONPATH=points)
        server.environment |= {"CHAOS_POINT": POINT, "CHAOS_PASSAGE": str(passage)}
        died = server.run("serve", "--dev").returncode
        self.kills += 1
        if died != -9:
            self.breaches.append(f"{where.name}: ended with {died}, was to be killed")
            return
        self.breaches += self._on_disk(where)
        endpoint.received.clear()
        server.environment["CHAOS_POINT"] = ""
        server.start()
        try:
            server.wait_until(lambda: endpoint.received)
        except AssertionError as error:
            self.breaches.append(f"{where.name}: what was owed was not sent\n{error}")
            server.kill()
            return
        if server.stop() != 0:
            self.breaches.append(f"{where.name}: did not stop in peace")
        found = examine(where / "data" / DATABASE_NAME)
        if found.version != migrations()[-1].version or found.problems:
            self.breaches.append(f"{where.name}: {found.version}, {found.problems}")
        ids = [one.headers["webhook-id"] for one in endpoint.received]
        if ids != ["evt_old1"]:
            self.breaches.append(f"{where.name}: what was owed was sent as {ids}")

    @staticmethod
    def _on_disk(where: Path) -> list[str]:
        """Say what the killed process left that it should not have."""
        ledger = Ledger()
        ledger.look_only(where / "data", where / "scratch")
        return [f"{where.name}: {each}" for each in ledger.problems]

"""The short campaign: kills at every named point and at random, and nothing acknowledged is lost.

``make chaos`` is the long one.
"""

from pathlib import Path

import pytest

from tests.chaos.audit import Verdict
from tests.chaos.campaign import POINTS, Campaign
from tests.chaos.migration_kills import MigrationKills

KILLS = 20


@pytest.mark.timeout(600)
async def test_nothing_acknowledged_is_lost_over_kills_under_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign(tmp_path, KILLS, seed=5, kept_seconds=30)
    verdict = await campaign.run()
    tell(campaign, verdict, capsys)
    assert verdict.clean, verdict.breaches
    assert sum(campaign.done.values()) == KILLS
    assert set(POINTS) <= set(campaign.done), "a point was never reached"
    assert all(verdict.acknowledged[kind] for kind in ("mails", "lines", "inboxes", "retries"))


@pytest.mark.timeout(300)
def test_a_migration_that_is_killed_is_whole_or_not_at_all(tmp_path: Path) -> None:
    kills = MigrationKills(tmp_path, every=24).run()
    assert kills.kills > 0
    assert kills.breaches == []


def tell(campaign: Campaign, verdict: Verdict, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\n{dict(campaign.done)}: {verdict.acknowledged} acknowledged,"
            f" {verdict.requests} requests, {verdict.repeated} repeated"
        )

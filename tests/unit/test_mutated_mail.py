"""Twenty thousand damaged mails are read, every second one as a report too, and all is clean.

``SENDOOK_FUZZ_CASES`` raises the number, as in `test_mail_never_raises`; `make fuzz` goes further.
"""

import os

import pytest

from tests.fuzz.mails import mails
from tests.invariants import check_mail, check_report
from tests.mutations import mutate

SHARDS = 20
SHARD = max(1000, int(os.environ.get("SENDOOK_FUZZ_CASES", "0")))
SAMPLES = [raw for kind in ("mail", "reports") for raw in mails(kind) if len(raw) < 4000]


@pytest.mark.no_cover  # looking over its shoulder doubles the time it takes
@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_mails_are_read_clean(shard: int) -> None:
    for seed in range(shard * SHARD, (shard + 1) * SHARD):
        raw = mutate(seed, SAMPLES)
        try:
            check_mail(raw, parts=seed % 4 == 0)
            if seed % 2:
                check_report(raw)
        except BaseException as error:
            error.add_note(f"mutate(seed={seed})")
            raise


def test_a_seed_gives_the_same_mail_again_and_others_give_others() -> None:
    assert mutate(7, SAMPLES) == mutate(7, SAMPLES)
    assert len({mutate(seed, SAMPLES) for seed in range(500)}) > 450

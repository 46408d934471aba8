"""The fuzz targets take their own corpus, and the runner knows all of them."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.fuzz.run import TARGETS

NO_TARGETS = {"__init__", "api", "harness", "mails", "run"}
"""``api`` asks a running server, and is run by itself."""


def test_every_target_is_run() -> None:
    files = {path.stem for path in (Path(__file__).parent.parent / "fuzz").glob("*.py")}
    assert files - NO_TARGETS == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_corpus_and_pieces_of_it(name: str) -> None:
    target = import_module(f"tests.fuzz.{name}")
    corpus = list(target.corpus())
    assert len(corpus) >= 10
    for data in corpus[:100]:
        target.one(data)
        target.one(data[: len(data) // 2])

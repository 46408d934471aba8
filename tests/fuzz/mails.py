"""The sample mails as a corpus: those in files of their own, and those in packs."""

from collections.abc import Iterator
from pathlib import Path

from tests.packs import read_pack

SAMPLES = Path(__file__).parent.parent / "samples"


def mails(kind: str) -> Iterator[bytes]:
    """Yield the samples below ``samples/<kind>``."""
    for path in sorted((SAMPLES / kind).glob("*.eml")):
        yield path.read_bytes()
    for path in sorted((SAMPLES / kind / "packs").glob("*.pack")):
        for sample in read_pack(path):
            yield sample.raw

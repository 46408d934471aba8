"""The pages that people read, and the blocks of code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")]
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; ``page`` is its path from the root of the project."""

    page: str
    language: str
    text: str


def blocks(*languages: str) -> Iterator[Block]:
    """Return the blocks of some languages, of all pages."""
    for page in PAGES:
        for found in _BLOCK.finditer(page.read_text()):
            if found[1] in languages:
                yield Block(str(page.relative_to(ROOT)), found[1], found[2])


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text())

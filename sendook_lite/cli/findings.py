"""What ``doctor`` finds: how bad, what, and the command or setting that mends it."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``error``: something does not work, or mail or data is at risk; ``warning``: it will
            be, or only part works; ``note``: worth knowing.
        area: what it is about, in one word.
        what: what was found, as a sentence.
        mend: what to do, a command where there is one; empty when all is well.
    """

    level: Level
    area: str
    what: str
    mend: str = ""

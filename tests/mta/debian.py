"""Programs of Debian's packages, unpacked in the project's cache by ``fetch_packages.sh``."""

import os
from pathlib import Path

from tests.requirements import cannot_run

CACHE = Path(__file__).parents[2] / ".cache" / "debian"


def unpacked(package: str) -> Path:
    """Return the root of a package's tree; without it the test cannot run.

    Mail servers change to users of their own and therefore want root; nothing else is skipped.
    """
    if os.geteuid() != 0:
        cannot_run(f"{package} changes users and groups, which only root may do")
    if not (CACHE / package / "complete").exists():
        cannot_run(
            f"{package} is not in .cache/debian; `make mail-servers` fetches it (Debian only)"
        )
    return CACHE / package / "root"


def environment(root: Path) -> dict[str, str]:
    """Return what programs of a tree need to find their libraries and modules."""
    libraries = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
    modules = [*root.glob("usr/share/perl*"), *root.glob("usr/lib/*/perl*")]
    return {
        "PATH": f"{os.environ['PATH']}:/usr/sbin:{root}/usr/sbin:{root}/usr/bin",
        "LD_LIBRARY_PATH": ":".join(map(str, [*libraries, root / "usr/lib/postfix"])),
        "PERL5LIB": ":".join(map(str, modules)),
    }

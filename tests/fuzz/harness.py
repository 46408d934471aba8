"""One target under atheris: `python -m tests.fuzz.harness TARGET [libFuzzer arguments]`.

Its own process, since libFuzzer ends the process it runs in.
"""

import sys
import traceback
from collections.abc import Callable
from importlib import import_module

import atheris


def main() -> None:
    """Instrument the product, then hand the target to libFuzzer."""
    with atheris.instrument_imports(include=["sendook_lite"]):
        target = import_module(f"tests.fuzz.{sys.argv.pop(1)}")
    atheris.Setup(sys.argv, _telling(target.one))
    atheris.Fuzz()


def _telling(one: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Print what went wrong before libFuzzer ends the process without a word about it."""

    def tell(data: bytes) -> None:
        try:
            one(data)
        except BaseException:
            traceback.print_exc()
            raise

    return tell


if __name__ == "__main__":
    main()

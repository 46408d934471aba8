"""One target under atheris: `python -m tests.fuzz.harness TARGET [libFuzzer arguments]`.

Its own process, since libFuzzer ends the process it runs in.
"""

import sys
from importlib import import_module

import atheris


def main() -> None:
    """Instrument the product, then hand the target to libFuzzer."""
    with atheris.instrument_imports(include=["sendook_lite"]):
        target = import_module(f"tests.fuzz.{sys.argv.pop(1)}")
    atheris.Setup(sys.argv, target.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

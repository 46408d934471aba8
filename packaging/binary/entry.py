"""Where the program in one file starts."""

import ctypes
import os
import signal
import sys

from sendook_lite.cli import main

_PR_SET_PDEATHSIG = 1


def _end_with_the_unpacker() -> None:
    """Have the kernel kill us when the process that unpacked us is gone (prctl(2)).

    It passes signals on, but who kills it cannot be passed on: a server would be left behind that
    holds the data directory, while its service manager takes it for dead.
    """
    unpacker = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != unpacker:
        sys.exit(1)


if __name__ == "__main__":
    _end_with_the_unpacker()
    main()

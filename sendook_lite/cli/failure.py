"""Exit codes, and the error that ends a command with one of them and a sentence."""

import os

from sendook_lite.domain.errors import SendookError

DONE = 0
REFUSED = 1
"""The server said no."""
WRONG_USE = 2
TRY_AGAIN = os.EX_TEMPFAIL
NO_INPUT = os.EX_NOINPUT
INTERRUPTED = 130
"""128 and SIGINT, as shells say it."""


class Failed(SendookError):
    """The command ends here; the message says why, and what would help."""

    def __init__(self, message: str, exit_code: int = REFUSED) -> None:
        super().__init__("command_failed", message)
        self.exit_code = exit_code


def describe_defect(error: BaseException) -> str:
    """Say where the program went wrong, without a trace and without any of the data."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" at {place.tb_frame.f_globals['__name__']}:{place.tb_lineno}"
    return f"this is a defect of the program, please report it: {type(error).__name__}{where}"

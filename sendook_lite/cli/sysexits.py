"""A command whose exit codes are those of sysexits(3), for mail servers that call it.

To a mail server any code but 75 is final: the mail goes back to its sender. So whatever is not a
verdict on the mail, a broken settings file or a defect of ours included, must end with 75.
"""

import os
from typing import Any

import click

from sendook_lite.cli.failure import TRY_AGAIN, Failed, describe_defect
from sendook_lite.domain.errors import SendookError


class _WrongUseError(click.UsageError):
    """Wrong use, as sysexits(3) counts it."""

    exit_code = os.EX_USAGE


class SysexitsCommand(click.Command):
    """Ends with 64 for wrong use, and with 75 for everything that nobody decided."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise _WrongUseError(error.format_message(), error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _WrongUseError(error.format_message(), ctx) from error
        except (Failed, click.exceptions.Exit):
            raise
        except SendookError as error:
            raise Failed(error.message, TRY_AGAIN) from error
        except Exception as error:
            raise Failed(describe_defect(error), TRY_AGAIN) from error

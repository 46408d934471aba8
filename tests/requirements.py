"""What tests need of the machine beyond Python: without it they are skipped, or fail in CI."""

import os
from typing import NoReturn

import pytest


def cannot_run(reason: str) -> NoReturn:
    """Skip the test that asks; where ``SENDOOK_REQUIRE_ALL`` is set nothing may be missing."""
    if os.environ.get("SENDOOK_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)

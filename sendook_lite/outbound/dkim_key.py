"""Reads the private key that outgoing mail is signed with, or says what is wrong with its file."""

from pathlib import Path
from typing import Final

from sendook_lite.domain.dkim import BadDkimKey, DkimSigner
from sendook_lite.domain.errors import SendookError

_CODE: Final = "bad_settings"


def read_signer(key_file: str, selector: str) -> DkimSigner | None:
    """Return a signer with the key of a file; None when no file is named.

    Raises:
        SendookError: the file cannot be read, or what is in it cannot be used.
    """
    if not key_file:
        return None
    try:
        return DkimSigner(selector, Path(key_file).read_bytes())
    except OSError as error:
        why = f"cannot read {key_file}: {error.strerror}"
        raise SendookError(_CODE, f"domains.dkim_key_file: {why}") from error
    except BadDkimKey as error:
        raise SendookError(
            _CODE,
            f"domains.dkim_key_file: {key_file}: {error.message};"
            " `sendook-lite domains dkim-keygen --out FILE` makes a new one",
        ) from error

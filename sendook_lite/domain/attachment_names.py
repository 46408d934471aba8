"""File names of attachments: readable, unique enough, and harmless wherever they are saved."""

import re

from sendook_lite.domain.charsets import clean

MAX_NAME_BYTES = 255
_MAX_EXTENSION_BYTES = 20

# Marks that reverse the direction of text make "exe.pdf" out of "fdp.exe".
_DECEPTIVE = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\t\n]")
_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/markdown": ".md",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "text/css": ".css",
    "text/rtf": ".rtf",
    "text/rfc822-headers": ".txt",
    "application/json": ".json",
    "application/xml": ".xml",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/rtf": ".rtf",
    "application/ics": ".ics",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/ms-tnef": ".dat",
    "application/vnd.ms-tnef": ".dat",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
    "application/pgp-keys": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "image/x-icon": ".ico",
    "audio/mpeg": ".mp3",
    "audio/x-wav": ".wav",
    "video/quicktime": ".mov",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
}


def safe_name(name: str) -> str:
    """Return the last component of a claimed name without anything a file system acts on.

    The result has at most 255 bytes of UTF-8, no separator, control character or leading dot; it is
    '' when nothing is left.
    """
    name = _DECEPTIVE.sub("", clean(name))
    name = re.split(r"[/\\]", name)[-1]
    name = name.strip(" ").lstrip(". ").rstrip(". ")
    return _shorten(name)


def default_name(number: int, content_type: str, title: str = "") -> str:
    """Make up a name, e.g. ``attachment-2.pdf``; for enclosed messages from their subject.

    Args:
        number: the place among the attachments, from 1.
        content_type: the media type in lower case.
        title: the subject of the enclosed message, '' for everything else.
    """
    extension = _EXTENSIONS.get(content_type) or _guess(content_type)
    stem = safe_name(re.sub(r"[/\\:]+", "-", title)) or f"attachment-{number}"
    return _shorten(stem + extension)


def _guess(content_type: str) -> str:
    main, _, sub = content_type.partition("/")
    sub = sub.removeprefix("x-")
    if main in {"image", "audio", "video", "font"} and re.fullmatch(r"[a-z0-9]{2,5}", sub):
        return f".{sub}"
    return ".txt" if main == "text" else ".bin"


def _shorten(name: str) -> str:
    """Cut to what file systems hold, at a character, and keep the extension."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension
    if not stem or len(tail.encode()) > _MAX_EXTENSION_BYTES:
        stem, tail = name, ""
    room = MAX_NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + tail

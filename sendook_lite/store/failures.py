"""Says in words why SQLite failed, without paths or statements."""

import sqlite3

_PHRASES = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the database is read-only",
    "SQLITE_BUSY": "the database is locked by another program",
    "SQLITE_LOCKED": "the database is locked by another program",
    "SQLITE_IOERR": "the disk reports an input/output error",
    "SQLITE_CORRUPT": "the database file is damaged",
    "SQLITE_NOTADB": "the database file is damaged",
    "SQLITE_CANTOPEN": "the database file cannot be opened",
    "SQLITE_PERM": "the database file may not be accessed",
}


def explain(error: sqlite3.Error) -> str:
    """Return a phrase for a failure of SQLite, from the names of its result codes."""
    name = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    for prefix, phrase in _PHRASES.items():
        if name.startswith(prefix):
            return phrase
    return f"the database reported {name}"


def is_store_failure(error: BaseException) -> bool:
    """Say whether the disk or the file is at fault, and not the statement that met it."""
    name = getattr(error, "sqlite_errorname", None) or ""
    return isinstance(error, sqlite3.Error) and name.startswith(tuple(_PHRASES))

# ruff: noqa: INP001, PLC0415 - Python finds it by its name; the program is loaded after it
"""Ends the program's writer thread on an error of its own, once a certain inbox is made."""

from typing import Any


def break_the_writer() -> None:
    from sendook_lite.store import writer

    commit = writer.Writer._commit

    def commit_or_die(self: Any, connection: Any) -> Any:
        answers = commit(self, connection)
        if connection.execute("SELECT 1 FROM inboxes WHERE name = 'the last one'").fetchone():
            raise MemoryError
        return answers

    writer.Writer._commit = commit_or_die


break_the_writer()

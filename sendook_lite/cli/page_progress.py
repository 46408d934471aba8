"""A progress bar for work that goes through a database page by page; on terminals only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def page_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Lend a function that is told how many pages are done, and of how many."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield show

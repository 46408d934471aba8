"""The options of a webhook that creating and changing one share."""

import functools
from collections.abc import Callable
from typing import Any

import click


def webhook_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what may be set on a webhook; the command gets it as ``changes``, named as in the API."""

    @functools.wraps(command)
    def with_changes(
        *,
        description: str | None,
        inboxes: tuple[str, ...],
        headers: tuple[str, ...],
        retry_schedule: str | None,
        timeout: str | None,
        rate_limit: str | None,
        **others: Any,
    ) -> Any:
        changes: dict[str, Any] = {}
        if description is not None:
            changes["description"] = description or None
        if inboxes:
            changes["inboxIds"] = [each for each in inboxes if each] or None
        if headers:
            changes["headers"] = dict(map(_header, filter(None, headers))) or None
        if retry_schedule is not None:
            changes["retrySchedule"] = [
                _number("--retry-schedule", each) for each in retry_schedule.split(",") if each
            ] or None
        for option, name, text in (
            ("--timeout", "timeout", timeout),
            ("--rate-limit", "rateLimit", rate_limit),
        ):
            if text is not None:
                changes[name] = _number(option, text) if text else None
        return command(changes=changes, **others)

    for option in (
        click.option("--rate-limit", metavar="N", help="Requests per second, at most."),
        click.option("--timeout", metavar="SECONDS", help="How long it may take to answer."),
        click.option(
            "--retry-schedule", metavar="SECONDS,…", help="The waits after failed attempts."
        ),
        click.option(
            "--header",
            "headers",
            multiple=True,
            metavar="NAME:VALUE",
            help="A header of its requests; repeatable.",
        ),
        click.option(
            "--inbox",
            "inboxes",
            multiple=True,
            metavar="ID",
            help="Only events of this inbox; repeatable.",
        ),
        click.option("--description", metavar="TEXT"),
    ):
        with_changes = option(with_changes)
    return with_changes


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter("must be like 'Authorization: Bearer x'", param_hint="--header")
    return name.strip(), value.strip()


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number", param_hint=option) from None
    return number

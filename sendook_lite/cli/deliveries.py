"""``sendook-lite deliveries``: what became of each event at each webhook."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import fetch_list, id_argument, limit_option, show
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of


@click.group
def deliveries() -> None:
    """Show what became of events at webhooks, and try once more.

    \b
    Examples:
      sendook-lite deliveries list --status failed
      sendook-lite deliveries show dlv_…
      sendook-lite deliveries retry dlv_…
    """  # noqa: D301 - the character itself tells click to keep the lines


@deliveries.command("list")
@click.option("--status", metavar="STATUS", help="pending, delivered, failed or canceled.")
@click.option("--webhook", "webhook_id", metavar="ID", help="Those to this webhook.")
@click.option("--event", "event_id", metavar="ID", help="Those of this event.")
@limit_option
@json_option
@server_options
def list_deliveries(
    server: Server,
    *,
    status: str | None,
    webhook_id: str | None,
    event_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries, newest first."""
    query = {"status": status, "webhookId": webhook_id, "eventId": event_id}
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("deliveries"), query, limit)
    show(found, _table, as_json=as_json)


@deliveries.command("show")
@id_argument
@json_option
@server_options
def show_delivery(server: Server, *, identifier: str, as_json: bool) -> None:
    """Show a delivery with its attempts."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("deliveries", identifier))
    show(found, _detail, as_json=as_json)


@deliveries.command("retry")
@id_argument
@json_option
@server_options
def retry_delivery(server: Server, *, identifier: str, as_json: bool) -> None:
    """Have a delivery attempted once more, now, whatever became of it before."""
    with open_client(os.environ, server) as client:
        due = client.request("POST", path_of("deliveries", identifier, "retry"))
    show(due, _due, as_json=as_json)


def attempts_table(made: list[dict[str, Any]]) -> str:
    """Lay out attempts; one without an answer has a reason instead."""
    rows = [
        [
            each["timestamp"],
            each["attempt"],
            each["trigger"],
            None if _unanswered(each) else each["status"],
            f"{each['durationMs']:,} ms",
            each["eventId"],
            each.get("error"),
        ]
        for each in made
    ]
    headings = ["AT", "ATTEMPT", "TRIGGER", "STATUS", "TOOK", "EVENT", "ERROR"]
    return columns(headings, rows, ("ERROR",))


def _unanswered(attempt: dict[str, Any]) -> bool:
    """Say whether the status of an attempt stands for "no answer"; only the error tells."""
    return not attempt.get("error", "http_status").startswith("http_status")


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [
            each["id"],
            each["event"],
            each["status"],
            each["attemptCount"],
            each.get("dueAt"),
            each["webhookId"],
            each["eventId"],
            each.get("lastError") or each.get("lastStatus"),
        ]
        for each in found
    ]
    headings = ["ID", "EVENT", "STATUS", "ATTEMPTS", "DUE", "WEBHOOK", "OF", "LAST"]
    return columns(headings, rows, ("LAST",))


def _due(delivery: dict[str, Any]) -> str:
    identifier = printable(delivery["id"])
    return f"{identifier} is due now; `sendook-lite deliveries show {identifier}` tells the outcome"


def _detail(delivery: dict[str, Any]) -> str:
    made = delivery["attempts"]
    known = {name: value for name, value in delivery.items() if name != "attempts"}
    return f"{fields(known)}\n\n{attempts_table(made)}" if made else fields(known)

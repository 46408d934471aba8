"""What ``doctor`` hears from a running server: is it ready, what about its domains and webhooks."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sendook_lite import __version__
from sendook_lite.cli import doctor_mail
from sendook_lite.cli.client import Client, open_client
from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.cli.findings import Finding
from sendook_lite.cli.options import Server
from sendook_lite.settings import Settings


def look(server: Server, settings: Settings) -> Iterator[Finding]:
    """Ask the server, if one runs."""
    try:
        with open_client(os.environ, server) as client:
            yield from _state(client)
            yield from _domains(client, settings)
            yield from _webhooks(client)
    except Failed as error:
        if error.exit_code == TRY_AGAIN:
            yield Finding(
                "warning", "server", error.message,
                "systemctl start sendook-lite, or: sendook-lite serve",
            )  # fmt: skip
        else:
            yield Finding("error", "server", error.message, "give an admin key with --key")


def _state(client: Client) -> Iterator[Finding]:
    readiness = client.ask("GET", "/readyz")
    facts = client.request("GET", "/health")
    if not readiness.ok:
        reason = readiness.document.get("message", "it does not say why")
        yield Finding(
            "error",
            "server",
            f"it takes no work now: {reason}",
            "see the lines about disk and database",
        )
    else:
        yield Finding("ok", "server", f"runs, version {facts.get('version')}, at {client.place}")
    if facts.get("version") != __version__:
        yield Finding(
            "warning", "server", f"version {facts.get('version')} runs, {__version__} is installed",
            "systemctl restart sendook-lite",
        )  # fmt: skip
    if (facts.get("backup") or {}).get("failure"):
        yield Finding(
            "error", "backup", f"the last one failed: {facts['backup']['failure']}",
            "mend that; it is tried again every hour",
        )  # fmt: skip
    if (given_up := facts.get("alerts", {}).get("givenUp", 0)) > 0:
        yield Finding(
            "warning", "alerts", f"{given_up} alerts could not be told since the start",
            "check [alerts] and the relay; the log says which and why",
        )  # fmt: skip


def _domains(client: Client, settings: Settings) -> Iterator[Finding]:
    """Look at the domains that were added while it ran; those of the settings were seen already."""
    added = [
        each
        for each in client.list_all("/v1/domains")
        if each["name"] not in settings.inbound.domains
    ]
    for name in (each["name"] for each in added if not each["verified"]):
        yield Finding(
            "warning", "domains", f"{name} is not verified yet: mail for it is refused",
            f"sendook-lite domains dns {name}; when its records are there:"
            f" sendook-lite domains verify {name}",
        )  # fmt: skip
    if added:
        yield from doctor_mail.look_at_domains(settings, [each["name"] for each in added])


def _webhooks(client: Client) -> Iterator[Finding]:
    """Look at each webhook: disabled by somebody or something, or failing just now."""
    webhooks = client.list_all("/v1/webhooks")
    if not webhooks:
        yield Finding(
            "note", "webhooks", "there is none: nobody is told of anything",
            "sendook-lite webhooks create https://… --events message.received",
        )  # fmt: skip
    healthy = 0
    for webhook in webhooks:
        found = _webhook(client, webhook)
        if found is None:
            healthy += 1
        else:
            yield found
    if healthy:
        yield Finding("ok", "webhooks", f"{healthy} of {len(webhooks)} are well")


def _webhook(client: Client, webhook: dict[str, Any]) -> Finding | None:
    identifier = webhook["id"]
    # The path of a URL may be a secret, so its host has to do.
    name = f"{identifier} ({urlsplit(webhook['url']).hostname})"
    if webhook["status"] == "disabled":
        reason = webhook.get("disabledReason", "manual")
        return Finding(
            "note" if reason == "manual" else "error", "webhooks",
            f"{name} is disabled ({reason}): events are kept, and not sent to it",
            f"sendook-lite webhooks enable {identifier}; then send what it missed:"
            f" sendook-lite webhooks replay {identifier} --since 7d",
        )  # fmt: skip
    attempts = client.request("GET", f"/v1/webhooks/{identifier}/attempts?limit=5")
    failed = [each for each in attempts if each.get("error")]
    if not attempts or len(failed) < len(attempts):
        return None
    return Finding(
        "error", "webhooks",
        f"{name}: the last {len(failed)} attempts failed, the newest: {failed[0]['error']}",
        f"sendook-lite webhooks attempts {identifier}; sendook-lite webhooks test {identifier}",
    )  # fmt: skip

"""``sendook-lite domains``: domains added while running, their DNS records, and the DKIM key."""

import os
from pathlib import Path
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns
from sendook_lite.cli.failure import Failed
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import (
    confirm,
    fetch_list,
    limit_option,
    show,
    yes_option,
)
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of

domain_argument = click.argument("domain", metavar="NAME|ID")


@click.group
def domains() -> None:
    """List, add, verify and delete domains; make a DKIM key."""


@domains.command("list")
@limit_option
@json_option
@server_options
def list_domains(server: Server, *, limit: int, as_json: bool) -> None:
    """List domains, newest first; those of the settings are not among them."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("domains"), {}, limit)
    show(found, _table, as_json=as_json)


@domains.command("show")
@domain_argument
@json_option
@server_options
def show_domain(server: Server, *, domain: str, as_json: bool) -> None:
    """Show a domain and what the last look at its DNS found."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("domains", domain))
    show(found, _detail, as_json=as_json)


@domains.command("create")
@click.argument("name")
@json_option
@server_options
def create_domain(server: Server, *, name: str, as_json: bool) -> None:
    """Add a domain and show the DNS records it needs."""
    with open_client(os.environ, server) as client:
        made = client.request("POST", path_of("domains"), {"name": name})
    show(made, _detail, as_json=as_json)


@domains.command("verify")
@domain_argument
@json_option
@server_options
def verify_domain(server: Server, *, domain: str, as_json: bool) -> None:
    """Look at the DNS now; ends with 1 while the domain is not verified."""
    with open_client(os.environ, server) as client:
        found = client.request("POST", path_of("domains", domain, "verify"))
    show(found, _detail, as_json=as_json)
    if not found["verified"]:
        raise click.exceptions.Exit(1)


@domains.command("dns")
@domain_argument
@json_option
@server_options
def show_records(server: Server, *, domain: str, as_json: bool) -> None:
    """Print the DNS records that a domain needs, as lines of a zone file."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("domains", domain, "dns"))
    show(found, _zone, as_json=as_json)


@domains.command("delete")
@domain_argument
@yes_option
@json_option
@server_options
def delete_domain(server: Server, *, domain: str, yes: bool, as_json: bool) -> None:
    """Delete a domain; its inboxes stay, and get no mail any more."""
    with open_client(os.environ, server) as client:
        confirm(f"Take no more mail for {printable(domain)}?", yes=yes)
        gone = client.request("DELETE", path_of("domains", domain))
    show(gone, lambda it: printable(f"{it['id']} ({it['name']}) is gone"), as_json=as_json)


@domains.command("dkim-keygen")
@click.option("--out", metavar="FILE", default="dkim.pem", show_default=True, help="Its file.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["rsa", "ed25519"]),
    default="rsa",
    show_default=True,
    help="ed25519 is shorter; many receivers do not know it yet.",
)
@click.option("--selector", default="sendook", show_default=True, help="As domains.dkim_selector.")
def make_dkim_key(*, out: str, kind: Any, selector: str) -> None:
    """Make a private key for signing mail, and print the TXT record of its public key.

    Needs no server. An existing file is never overwritten.
    """
    from sendook_lite.domain.dkim import DkimSigner, generate_key  # noqa: PLC0415 - cryptography

    pem = generate_key(kind)
    record = DkimSigner(selector, pem).record
    try:
        descriptor = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        raise Failed(f"{out} is there already; choose another --out, or move it away") from error
    except OSError as error:
        raise Failed(f"cannot write {out}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    click.echo(_zone_line(f"{selector}._domainkey", "TXT", record))
    click.echo(
        f"The private key is in {out}. Set domains.dkim_key_file to {Path(out).absolute()},"
        " and add this record to the DNS of each domain.",
        err=True,
    )


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [each["id"], each["name"], each["verified"], _summary(each), each["createdAt"]]
        for each in found
    ]
    return columns(["ID", "NAME", "VERIFIED", "RECORDS", "CREATED"], rows, ("NAME", "RECORDS"))


def _summary(domain: dict[str, Any]) -> str:
    return " ".join(f"{each['purpose']}:{each['status']}" for each in domain["records"])


def _detail(domain: dict[str, Any]) -> str:
    verified = "verified: its mail is taken" if domain["verified"] else "not verified yet"
    lines = [printable(f"{domain['name']} ({domain['id']}) is {verified}")]
    for record in domain["records"]:
        optional = "" if record["required"] else ", optional"
        lines += ["", f"{record['purpose'].upper()}: {record['status']}{optional}"]
        lines.append(f"  {_zone_line(record['name'] + '.', record['type'], record['value'])}")
        lines += [printable(f"  found  {each}") for each in record["found"]]
        if "advice" in record:
            lines.append(printable(f"  to do  {record['advice']}"))
    return "\n".join(lines)


def _zone(records: list[dict[str, Any]]) -> str:
    return "\n".join(
        _zone_line(each["name"] + ".", each["type"], each["value"]) for each in records
    )


def _zone_line(name: str, record_type: str, value: str) -> str:
    """Write a record as a zone file has it (RFC 1035, section 5), in strings of 255 bytes."""
    if record_type == "TXT":
        pieces = [value[at : at + 255] for at in range(0, len(value), 255)]
        value = " ".join(f'"{piece}"' for piece in pieces)
    elif record_type == "MX":
        value += "."
    return printable(f"{name} IN {record_type} {value}")

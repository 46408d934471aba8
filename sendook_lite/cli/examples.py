"""An example for the help of each command that has none in its own words.

Every line stands in docs/cli.md too, where a test runs it.
"""

from collections.abc import Mapping
from typing import Final

import click

EXAMPLES: Final[Mapping[str, str]] = {
    "serve": "sendook-lite serve --dev",
    "read": "sendook-lite read mail.eml --json",
    "emit": "sendook-lite emit events.jsonl",
    "follow postfix": "sendook-lite follow postfix -",
    "receive": "sendook-lite receive --port 0 --status 204",
    "webhooks attempts": "sendook-lite webhooks attempts wh_01J… --limit 5",
    "webhooks delete": "sendook-lite webhooks delete wh_01J… --yes",
    "webhooks disable": "sendook-lite webhooks disable wh_01J…",
    "webhooks enable": "sendook-lite webhooks enable wh_01J…",
    "webhooks list": "sendook-lite webhooks list",
    "webhooks replays": "sendook-lite webhooks replays wh_01J…",
    "webhooks rotate": "sendook-lite webhooks rotate wh_01J… --grace 3600",
    "webhooks secret": "sendook-lite webhooks secret wh_01J…",
    "webhooks show": "sendook-lite webhooks show wh_01J… --json",
    "webhooks stats": "sendook-lite webhooks stats wh_01J…",
    "webhooks test": "sendook-lite webhooks test wh_01J…",
    "webhooks update": (
        'sendook-lite webhooks update wh_01J… --description "The shop" --retry-schedule 1,10,60'
    ),
    "inboxes create": "sendook-lite inboxes create Sales --email sales@localhost.test",
    "inboxes delete": "sendook-lite inboxes delete inbox_01J… --yes",
    "inboxes list": "sendook-lite inboxes list",
    "inboxes rename": 'sendook-lite inboxes rename inbox_01J… "Customer support"',
    "inboxes show": "sendook-lite inboxes show inbox_01J…",
    "messages list": "sendook-lite messages list inbox_01J…",
    "messages reply": 'sendook-lite messages reply inbox_01J… msg_01J… --text "Yes." --all',
    "messages show": "sendook-lite messages show inbox_01J… msg_01J…",
    "suppressions list": "sendook-lite suppressions list",
    "suppressions remove": "sendook-lite suppressions remove gone@example.org",
    "events list": "sendook-lite events list --type message.received --limit 20",
    "events show": "sendook-lite events show evt_01J…",
    "deliveries list": "sendook-lite deliveries list --status delivered",
    "deliveries retry": "sendook-lite deliveries retry dlv_01J…",
    "deliveries show": "sendook-lite deliveries show dlv_01J…",
    "domains create": "sendook-lite domains create example.com",
    "domains delete": "sendook-lite domains delete example.com --yes",
    "domains dkim-keygen": "sendook-lite domains dkim-keygen --out dkim.pem",
    "domains dns": "sendook-lite domains dns example.com",
    "domains list": "sendook-lite domains list",
    "domains show": "sendook-lite domains show example.com",
    "domains verify": "sendook-lite domains verify example.com",
    "keys create": "sendook-lite keys create ci --scope read --scope write",
    "keys delete": "sendook-lite keys delete key_01J…",
    "keys list": "sendook-lite keys list",
    "status": "sendook-lite status",
    "doctor": "sendook-lite doctor",
    "backup": "sendook-lite backup copy.db",
    "restore": "sendook-lite restore copy.db --data-dir elsewhere",
    "check": "sendook-lite check",
    "config check": "sendook-lite config check --config sendook.toml",
    "config init": "sendook-lite config init sendook.toml",
}


def add_examples(command: click.Command, name: str) -> None:
    """Let the help of a command, and of those within it, end with an example."""
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            add_examples(each, f"{name} {inner}")
    elif name in EXAMPLES:
        command.epilog = f"Example: {EXAMPLES[name]}"

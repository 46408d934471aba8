"""What both kinds of client have: the groups of operations, and how patient they are."""

import random
import secrets
from typing import Generic

from sendook_lite.client.groups import (
    Deliveries,
    Domains,
    Events,
    Inboxes,
    Keys,
    Messages,
    Suppressions,
    Threads,
    Webhooks,
)
from sendook_lite.client.operations import Carrier
from sendook_lite.client.repeating import Patience

RETRIES = 3
TIMEOUT = 30.0


def new_patience(retries: int) -> Patience:
    """Return how often requests are repeated, with the randomness of the machine."""
    return Patience(retries, random.random, lambda: secrets.token_urlsafe(24))


class ResourceGroups(Generic[Carrier]):
    """The table of the API; a carrier sends what it says."""

    def __init__(self, carrier: Carrier) -> None:
        self.inboxes = Inboxes(carrier)
        self.messages = Messages(carrier)
        self.threads = Threads(carrier)
        self.webhooks = Webhooks(carrier)
        self.events = Events(carrier)
        self.deliveries = Deliveries(carrier)
        self.keys = Keys(carrier)
        self.domains = Domains(carrier)
        self.suppressions = Suppressions(carrier)

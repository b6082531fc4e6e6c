from dataclasses import dataclass

from subgraphs.users.gateways.attempts import Attempts
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.gateways.passwords import Passwords
from subgraphs.users.service.keys import KeyRing


@dataclass(frozen=True)
class Services:
    """What `app.py` makes once a process for the use cases that reach beyond the database."""

    passwords: Passwords
    attempts: Attempts
    vault: Vault
    keys: KeyRing
    issuer: str
    """The public origin, as access tokens name it."""

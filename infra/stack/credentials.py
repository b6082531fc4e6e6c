"""Secrets, generated once for a data folder; nobody chooses or types them."""

import json
import secrets
from dataclasses import asdict, dataclass, field

from infra.stack.folder import Folder, write_json
from infra.terminal import Failure

SUBGRAPHS = ("users", "courses", "learning")


def _generate() -> str:
    return secrets.token_hex(32)


@dataclass(frozen=True)
class Credentials:
    gateway_key: str = field(default_factory=_generate)
    users_key_secret: str = field(default_factory=_generate)
    valkey_password: str = field(default_factory=_generate)
    postgres_password: str = field(default_factory=_generate)
    database_passwords: dict[str, str] = field(default_factory=dict)


def load(folder: Folder) -> Credentials:
    """Read the secrets, and add those that a new subgraph needs."""
    try:
        stored = json.loads(folder.secrets.read_text())
    except FileNotFoundError:
        if folder.postgres.exists():
            raise Failure(
                f"{folder.secrets} is gone, and with it the passwords of the databases beside it."
            ) from None
        stored = {}
    except ValueError as error:
        raise Failure(f"{folder.secrets} is damaged: {error}.") from error
    passwords = {name: _generate() for name in SUBGRAPHS} | stored.get("database_passwords", {})
    credentials = Credentials(**stored | {"database_passwords": passwords})
    if asdict(credentials) != stored:
        write_json(folder.secrets, asdict(credentials))
    return credentials

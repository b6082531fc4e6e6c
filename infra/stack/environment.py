"""The environment of every process: one place that names each variable.

Tests and benchmarks read it from here as well, so that nothing is configured twice.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.bootstrap.node import with_node
from infra.stack import ports, postgres
from infra.stack.credentials import SUBGRAPHS, Credentials
from infra.stack.folder import Folder


@dataclass(frozen=True)
class Layout:
    """Where the processes listen. `ports` has valkey, worker, gateway and each subgraph's."""

    public_port: int = 8000
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The origin to open in a browser; of a wildcard, on this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.host in {*ports.LOOPBACK, *ports.WILDCARDS}:
            host = "localhost"
        return f"http://{host}:{self.public_port}"

    @property
    def public_url(self) -> str:
        """The origin that others use; of a wildcard only the user can know it."""
        named = os.environ.get("POLYNODE_PUBLIC_URL", "")
        return (self.host in ports.WILDCARDS and named) or self.url

    @property
    def local_origins(self) -> str:
        """What else a browser on this machine may call it."""
        if self.host not in {*ports.LOOPBACK, *ports.WILDCARDS}:
            return ""
        return f"{self.url},http://127.0.0.1:{self.public_port}"


# What a user's shell may carry that would change our servers behind our back.
FOREIGN = ("PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGOPTIONS")


def base() -> dict[str, str]:
    """The user's own environment, with our Node first on the PATH; the user's values win later."""
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return with_node(inherited) | {"PYTHONUNBUFFERED": "1"}


def of_servers(folder: Folder, credentials: Credentials, layout: Layout) -> dict[str, str]:
    """What the Python processes read; see `.env.example` for the meaning of each."""
    users = layout.ports.get("users", 0)
    chosen = {
        "POLYNODE_VALKEY_URL": valkey_url(credentials, layout),
        "POLYNODE_GATEWAY_KEY": credentials.gateway_key,
        "POLYNODE_JWKS_URL": f"http://127.0.0.1:{users}/users/.well-known/jwks.json",
        "POLYNODE_PUBLIC_URL": layout.public_url,
        "USERS_KEY_SECRET": credentials.users_key_secret,
    }
    for name in SUBGRAPHS:
        chosen[f"{name.upper()}_DATABASE_URL"] = database_url(folder, credentials, name)
    return base() | chosen


def of_gateway(credentials: Credentials, layout: Layout) -> dict[str, str]:
    """What `router/gateway.ts` reads."""
    chosen = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(layout.ports["gateway"]),
        "POLYNODE_GATEWAY_KEY": credentials.gateway_key,
        "POLYNODE_PUBLIC_URL": layout.public_url,
        **subgraph_urls(layout),
    }
    defaults = {
        "POLYNODE_INTROSPECTION": "on",
        "POLYNODE_ALLOWED_ORIGINS": layout.local_origins,
    }
    return defaults | base() | chosen


def subgraph_urls(layout: Layout) -> dict[str, str]:
    """`USERS_URL` and its siblings: where a router finds each subgraph."""
    return {
        f"{name.upper()}_URL": f"http://127.0.0.1:{layout.ports[name]}/{name}/graphql"
        for name in SUBGRAPHS
    }


def valkey_url(credentials: Credentials, layout: Layout) -> str:
    return f"redis://:{credentials.valkey_password}@127.0.0.1:{layout.ports['valkey']}/0"


def database_url(folder: Folder, credentials: Credentials, name: str) -> str:
    """A subgraph's database as SQLAlchemy reads it."""
    where = postgres.dsn(folder, name, credentials.database_passwords[name])
    return where.replace("postgresql://", "postgresql+asyncpg://", 1)

"""What an attacker has that a client has not: other addresses, foreign origins, stolen keys."""

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import jwt
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from subgraphs.users.gateways.crypto import Signer, Vault
from tests.support.api import Api
from tests.support.campus import Campus

TRUST = ssl.create_default_context()
"""Made once: reading the certificates takes longer than a request."""

MODERN, LEGACY = "graphql-transport-ws", "graphql-ws"


@asynccontextmanager
async def campus_from(stack: Stack, address: str) -> AsyncIterator[Campus]:
    """The door of a stack, seen from another machine: on loopback all of 127/8 is ours."""
    url = stack.url.replace("localhost", "127.0.0.1")
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=TRUST)
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        yield Campus(url, client)


def dial(url: str, *, origin: str | None = None, protocol: str = MODERN) -> connect:
    """A socket to the endpoint that has said nothing yet."""
    return connect(
        f"{url.replace('http', 'ws', 1)}/graphql",
        subprotocols=[Subprotocol(protocol)],
        origin=Origin(origin) if origin else None,
    )


@asynccontextmanager
async def database(stack: Stack, name: str, *, admin: bool = False) -> AsyncIterator[Any]:
    """A connection to a subgraph's database, as its own role or as the superuser."""
    url = stack.database_url(name).replace("+asyncpg", "")
    if admin:
        path, _, query = stack.admin_url.partition("?")
        url = f"{path.rpartition('/')[0]}/{name}?{query}"
    connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        yield connection
    finally:
        await connection.close()


async def signer(stack: Stack) -> Signer:
    """What signs the access tokens of a stack now."""
    async with database(stack, "users") as connection:
        row = await connection.fetchrow(
            "SELECT id, private_key FROM signing_keys WHERE status = 'ACTIVE'"
        )
    return Vault(stack.environment["USERS_KEY_SECRET"]).signer(row["id"], row["private_key"])


def claims_of(token: str | None) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    claims: dict[str, Any] = jwt.decode(str(token), options={"verify_signature": False})
    return claims


def run(stack: Stack, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands beside a stack, as its operator does."""
    return subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )


async def operator(stack: Stack, campus: Campus) -> Api:
    """Somebody who operates the platform."""
    person = await campus.person("Olga")
    async with database(stack, "users") as connection:
        await connection.execute(
            "UPDATE users SET is_operator = true WHERE id = $1", person.user_id
        )
    return await person.refresh()

"""Straight at a subgraph, past the gateway: where an attacker inside the network stands."""

import time
from typing import Any
from uuid import uuid4

import httpx

from infra.stack import Stack
from subgraphs.kernel.auth.gateway import CLIENT_HEADER, CORRELATION_HEADER, HEADER, prove


def proof(stack: Stack, token: str | None, client: str = "127.0.0.1") -> dict[str, str]:
    """The headers that a gateway sends for the bearer of `token`."""
    correlation = str(uuid4())
    authorization = f"Bearer {token}" if token else ""
    headers = {
        CORRELATION_HEADER: correlation,
        CLIENT_HEADER: client,
        HEADER: prove(
            stack.environment["POLYNODE_GATEWAY_KEY"],
            int(time.time()),
            correlation=correlation,
            client=client,
            authorization=authorization,
        ),
    }
    return headers | ({"authorization": authorization} if authorization else {})


def endpoint(stack: Stack, subgraph: str) -> str:
    return f"http://127.0.0.1:{stack.port(subgraph)}/{subgraph}/graphql"


async def ask_inside(
    stack: Stack,
    client: httpx.AsyncClient,
    subgraph: str,
    document: str,
    variables: dict[str, Any] | None = None,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Ask a subgraph as a gateway would, or with other `headers` as it would not."""
    sent = proof(stack, token) if headers is None else headers
    body = {"query": document, "variables": variables or {}}
    return await client.post(endpoint(stack, subgraph), json=body, headers=sent)

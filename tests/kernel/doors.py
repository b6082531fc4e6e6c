"""The shelf's app as a gateway sees it."""

import time

from fastapi import FastAPI

from subgraphs.kernel.app import Subgraph, create_app
from subgraphs.kernel.auth import gateway
from subgraphs.kernel.settings import SubgraphSettings
from tests.kernel import shelf
from tests.kernel.servers import ORIGIN

NAME = "shelf"
KEY = "the gateways' key"


def proven(
    *,
    key: str = KEY,
    seconds: int | None = None,
    correlation: str = "",
    client: str = "",
    authorization: str = "",
) -> dict[str, str]:
    """Make the headers that a gateway adds, its proof among them."""
    bound = {"correlation": correlation, "client": client, "authorization": authorization}
    moment = int(time.time()) if seconds is None else seconds
    named = {
        gateway.CORRELATION_HEADER: correlation,
        gateway.CLIENT_HEADER: client,
        "authorization": authorization,
    }
    sent = {name: value for name, value in named.items() if value}
    return sent | {gateway.HEADER: gateway.prove(key, moment, **bound)}


def make_settings(*, database: str, valkey: str, jwks: str) -> SubgraphSettings:
    return SubgraphSettings.model_validate(
        {
            "database_url": database,
            "POLYNODE_VALKEY_URL": valkey,
            "POLYNODE_GATEWAY_KEY": KEY,
            "POLYNODE_JWKS_URL": jwks,
            "POLYNODE_PUBLIC_URL": ORIGIN,
        }
    )


def make_app(*, database: str, valkey: str, jwks: str) -> FastAPI:
    """Make the shelf's app as `app.py` of a subgraph does."""
    settings = make_settings(database=database, valkey=valkey, jwks=jwks)
    return create_app(
        Subgraph(NAME, shelf.make_schema(), settings, shelf.Loaders.build, follows=(NAME,))
    )

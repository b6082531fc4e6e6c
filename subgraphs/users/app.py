"""The composition root: the only place where users reads its settings to serve requests."""

from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from subgraphs.kernel import app as kernel
from subgraphs.kernel.auth.tokens import MIN_AGE
from subgraphs.kernel.db import Database
from subgraphs.users.gateways.attempts import Attempts
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.gateways.passwords import Passwords
from subgraphs.users.loaders import Loaders
from subgraphs.users.schema import schema
from subgraphs.users.service.keys import KeyRing
from subgraphs.users.service.services import Services
from subgraphs.users.settings import Settings

# As long as a verifier waits between two looks, and far less than a key is published before use.
CACHE_CONTROL = f"public, max-age={MIN_AGE:.0f}"


def create_app() -> FastAPI:
    settings = Settings()
    vault = Vault(settings.key_secret.get_secret_value())
    keys = KeyRing(vault)

    def services(_: Database) -> Services:
        return Services(
            passwords=Passwords(settings.hash_threads),
            attempts=Attempts(settings.valkey_url.get_secret_value()),
            vault=vault,
            keys=keys,
            issuer=settings.public_url,
        )

    app = kernel.create_app(
        kernel.Subgraph(
            name="users",
            schema=schema,
            settings=settings,
            loaders=Loaders.build,
            services=services,
        )
    )
    app.add_route("/.well-known/jwks.json", partial(_jwks, keys), methods=["GET"])
    return app


async def _jwks(keys: KeyRing, request: Request) -> JSONResponse:
    """Publish the public keys of access tokens."""
    found = await keys.jwks(request.app.state.db)
    return JSONResponse(found, headers={"Cache-Control": CACHE_CONTROL})

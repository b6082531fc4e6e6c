"""Access tokens: Ed25519 JWTs, verified here against the keys that their issuer publishes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import jwt
import structlog
from jwt import PyJWK

from subgraphs.kernel.auth.viewer import Viewer

logger = structlog.get_logger(__name__)

AUDIENCE = "polynode"
ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105, the type of a token, not one
LEEWAY = 60
"""Seconds that two machines' clocks may differ."""

MAX_AGE = 300.0
"""Seconds after which keys are fetched again, so that a withdrawn one is forgotten."""

MIN_AGE = 5.0
"""Seconds between two fetches, whatever unknown keys callers name."""

CACHE_SIZE = 10_000
MAX_LENGTH = 8_192


class InvalidTokenError(Exception):
    """This token is forged, malformed, expired or not for us; the message may be shown."""


class TokenVerifier:
    """Turns a token into a `Viewer`; remembers what it has verified until it expires."""

    def __init__(
        self, jwks_url: str, issuer: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` tells the age of the keys, in seconds."""
        self._url = jwks_url
        self._issuer = issuer
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._verified: OrderedDict[str, Viewer] = OrderedDict()

    async def verify(self, token: str) -> Viewer:
        """Return who `token` speaks for.

        Raises:
            InvalidTokenError: The token is not one of ours, or no longer.
        """
        if self._clock() - self._fetched > MAX_AGE:
            self._refresh()  # nobody waits for it: keys that are known stay good meanwhile
        if (viewer := self._verified.get(token)) is None:
            viewer = _viewer(await self._decode(token))
            self._verified[token] = viewer
            while len(self._verified) > CACHE_SIZE:
                self._verified.popitem(last=False)
        assert viewer.expires_at is not None
        if viewer.expires_at.timestamp() + LEEWAY <= time.time():
            self._verified.pop(token, None)
            raise InvalidTokenError("This token has expired.")
        return viewer

    async def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_LENGTH:
            raise InvalidTokenError("This token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            # Only ever our own algorithm and type: never what the token itself asks for.
            if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE:
                raise InvalidTokenError("This is not an access token of ours.")
            claims: dict[str, Any] = jwt.decode(
                token,
                await self._key(str(header.get("kid"))),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise InvalidTokenError("This token has expired.") from error
        except jwt.PyJWTError as error:
            raise InvalidTokenError("This token is not valid.") from error
        return claims

    async def _key(self, kid: str) -> PyJWK:
        if kid not in self._keys and (fetching := self._refresh()):
            await asyncio.shield(fetching)  # others wait for it too
        if kid not in self._keys:
            raise InvalidTokenError("This token is signed with an unknown key.")
        return self._keys[kid]

    def _refresh(self) -> asyncio.Task[None] | None:
        """Begin to fetch the keys, unless that is going on or was tried just now."""
        if self._fetching is None or self._fetching.done():
            if self._clock() - self._tried <= MIN_AGE:
                return None
            self._tried = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        """Learn the published keys; while their issuer is away, those known stay good."""
        try:
            async with httpx.AsyncClient(timeout=3) as client:
                response = await client.get(self._url)
                keys = jwt.PyJWKSet.from_dict(response.raise_for_status().json()).keys
        except (httpx.HTTPError, jwt.PyJWTError, AttributeError, ValueError):
            logger.warning("The keys of access tokens cannot be fetched", url=self._url)
            return
        self._keys = {key.key_id: key for key in keys if key.key_id and key.key_type == "OKP"}
        self._verified.clear()  # a withdrawn key takes its tokens along
        self._fetched = self._clock()


def _viewer(claims: dict[str, Any]) -> Viewer:
    try:
        return Viewer(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]) if "sid" in claims else None,
            roles={UUID(id): str(role) for id, role in claims.get("roles", {}).items()},
            scopes=frozenset(claims["scope"].split()) if "scope" in claims else None,
            is_operator=claims.get("operator") is True,
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (AttributeError, OSError, OverflowError, TypeError, ValueError) as error:
        raise InvalidTokenError("This token's claims are malformed.") from error

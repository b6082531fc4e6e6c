"""Access tokens: Ed25519 JWTs, verified here against the keys that their issuer publishes."""

import asyncio
import logging
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import httpx
import jwt
import structlog
from jwt import PyJWK

from subgraphs.kernel.auth.viewer import Viewer

logger = structlog.get_logger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log each look at the keys

AUDIENCE = "polynode"
ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105, the type of a token, not one
LEEWAY = 60
"""Seconds that two machines' clocks may differ."""

NEVER = float("-inf")
MAX_AGE = 15.0
"""Seconds after which keys are fetched again, so that a withdrawn one is forgotten."""

MIN_AGE = 5.0
"""Seconds between two fetches, whatever unknown keys callers name."""

FIRST_PAUSE = 0.5
"""Seconds between two fetches as long as none has succeeded: nobody with a token gets in."""

TIMEOUT = 3.0

CACHE_SIZE = 10_000
MAX_LENGTH = 8_192


class InvalidTokenError(Exception):
    """This token is forged, malformed, expired or not for us; the message may be shown."""


class KeysUnavailableError(Exception):
    """No keys could be fetched yet: nobody can tell whether this token is good."""


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
        self._fetched = self._tried = NEVER
        self._fetching: asyncio.Task[None] | None = None
        self._verified: OrderedDict[str, Viewer] = OrderedDict()

    async def verify(self, token: str) -> Viewer:
        """Return who `token` speaks for.

        Raises:
            InvalidTokenError: The token is not one of ours, or no longer.
            KeysUnavailableError: It may be: its issuer has been away since this process started.
        """
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

    async def keep_fresh(self) -> None:
        """Fetch the keys once that is due; the app repeats this, and no request waits for it.

        A process that nobody asks anything forgets a withdrawn key, too.
        """
        due = max(self._fetched + MAX_AGE, self._tried + MIN_AGE)
        await asyncio.sleep(max(due - self._clock(), 0.0))
        if fetching := self._refresh():
            await asyncio.shield(fetching)

    async def aclose(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

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
        if self._fetched == NEVER:
            raise KeysUnavailableError
        if kid not in self._keys:
            raise InvalidTokenError("This token is signed with an unknown key.")
        return self._keys[kid]

    def _refresh(self) -> asyncio.Task[None] | None:
        """Begin to fetch the keys, unless that is going on, or was tried just now.

        Without any keys it is tried all the same, after a pause.
        """
        if self._fetching is None or self._fetching.done():
            since = self._clock() - self._tried
            if self._fetched > NEVER and since <= MIN_AGE:
                return None
            pause = FIRST_PAUSE - since if self._fetched == NEVER else 0.0
            self._fetching = asyncio.create_task(self._fetch(max(pause, 0.0)))
        return self._fetching

    async def _fetch(self, pause: float) -> None:
        """Learn the published keys; while their issuer is away, those known stay good."""
        await asyncio.sleep(pause)
        self._tried = self._clock()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, verify=_authorities()) as client:
                response = await client.get(self._url)
                keys = jwt.PyJWKSet.from_dict(response.raise_for_status().json()).keys
        except (httpx.HTTPError, jwt.PyJWTError, AttributeError, ValueError):
            logger.warning("The keys of access tokens cannot be fetched", url=self._url)
            return
        found = {key.key_id: key for key in keys if key.key_id and key.key_type == "OKP"}
        if _values(found) != _values(self._keys):
            self._verified.clear()  # a withdrawn key takes its tokens along
        self._keys, self._fetched = found, self._clock()


@cache
def _authorities() -> ssl.SSLContext:
    """Read once whom TLS trusts: that takes a tenth of a second."""
    return httpx.create_ssl_context()


def _values(keys: dict[str, PyJWK]) -> dict[str, Any]:
    return {id: key.key for id, key in keys.items()}


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

"""The signing keys' lives: published before use, used, published until the last token is over.

Every process reads them again after a few seconds, so a rotation needs no restart.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import ANONYMOUS
from subgraphs.kernel.auth.revocations import TOKEN_LIFETIME
from subgraphs.kernel.auth.tokens import LEEWAY
from subgraphs.kernel.db import Database, new_id
from subgraphs.users.gateways.crypto import Signer, Vault, public_jwk
from subgraphs.users.models import KeyStatus, SigningKey
from subgraphs.users.repository import keys as repository
from subgraphs.users.service import audit

logger = structlog.get_logger(__name__)

FRESH_SECONDS = 2.0
"""How long a process trusts what it has read of the keys."""

LEAD = timedelta(seconds=30)
"""How long a key is published before it signs: more than any cache of the published keys."""

OVERLAP = timedelta(seconds=TOKEN_LIFETIME + 2 * LEEWAY)
"""How long a retired key is published: until its last token has expired everywhere."""


class KeyTooYoungError(Exception):
    """The next key has not been published for long enough; the message says how long to wait."""


class KeyRing:
    """One process's view of the keys."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._signer: Signer | None = None
        self._published: dict[str, Any] = {"keys": []}

    async def signer(self, db: Database) -> Signer:
        """Return the active key; call this before a transaction, for it may open one."""
        await self._refresh(db)
        assert self._signer is not None
        return self._signer

    async def jwks(self, db: Database) -> dict[str, Any]:
        """Return the public keys as a JWK set."""
        await self._refresh(db)
        return self._published

    async def _refresh(self, db: Database) -> None:
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            async with db.read() as session:
                rows = await _published(session)
            if all(row.status is not KeyStatus.ACTIVE for row in rows):
                await db.transact(create_first, self._vault)
                async with db.read() as session:
                    rows = await _published(session)
            self._take(rows)

    def _take(self, rows: Sequence[SigningKey]) -> None:
        active = next(row for row in rows if row.status is KeyStatus.ACTIVE)
        if self._signer is None or self._signer.kid != str(active.id):
            self._signer = self._vault.signer(active.id, active.private_key)
        self._published = {"keys": [public_jwk(row.id, row.public_key) for row in rows]}
        self._read_at = time.monotonic()


async def _published(session: AsyncSession) -> Sequence[SigningKey]:
    return await repository.published_keys(session, datetime.now(UTC) - OVERLAP)


async def create_first(session: AsyncSession, vault: Vault) -> None:
    """Make the first key and its successor; of several processes one does."""
    found = await repository.lock_keys(session)
    for status in (KeyStatus.ACTIVE, KeyStatus.NEXT):
        if status not in found:
            session.add(_new_key(vault, status))


async def rotate(session: AsyncSession, vault: Vault, *, compromised: bool = False) -> SigningKey:
    """Let the next key sign, publish a new next one, retire the old one; return what signs now.

    A compromised key is not retired but gone: verifiers forget it with their next look.

    Raises:
        KeyTooYoungError: Some verifier might not know the next key yet.
    """
    found = await repository.lock_keys(session)
    now = datetime.now(UTC)
    old, new = found.get(KeyStatus.ACTIVE), found.get(KeyStatus.NEXT)
    if new is None:
        session.add(_new_key(vault, KeyStatus.NEXT))
        await session.flush()
        return old or await rotate(session, vault)
    if (age := now - new.created_at) < LEAD and not compromised:
        wait = (LEAD - age).total_seconds()
        raise KeyTooYoungError(f"The next key is published since {age}; wait {wait:.0f} s.")
    if old is not None and compromised:
        await session.delete(old)
    elif old is not None:
        old.status, old.retired_at = KeyStatus.RETIRED, now
    await session.flush()  # before the next: the index lets one key be active
    new.status = KeyStatus.ACTIVE
    await session.flush()
    session.add(_new_key(vault, KeyStatus.NEXT))
    await repository.forget_keys(session, now - 2 * OVERLAP)
    await audit.append(
        session,
        ANONYMOUS,
        "signing_key.rotated",
        subject_id=new.id,
        retired=str(old.id) if old else None,
        compromised=compromised,
    )
    return new


def _new_key(vault: Vault, status: KeyStatus) -> SigningKey:
    kid = new_id()
    private_key, public_key = vault.new_key(kid)
    return SigningKey(id=kid, status=status, private_key=private_key, public_key=public_key)

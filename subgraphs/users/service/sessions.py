"""Sessions: a login is a family of refresh tokens, each good once.

A token that was exchanged is remembered. If it comes again, two parties hold it and one of them is
a thief, so the whole family ends. The exception are two tabs that refresh at the same moment: for
`GRACE` the predecessor of the good token yields that very token again, not another one, so that the
family never forks. Whoever steals a token gains nothing by it: the family has one good token, and
its next use by the other party ends both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import TokensRevoked, Viewer
from subgraphs.kernel.db import Database, new_id
from subgraphs.kernel.errors import NotAuthenticatedError
from subgraphs.users.errors import (
    InvalidCredentialsError,
    InvalidRefreshTokenError,
    RefreshTokenReusedError,
    SessionNotFoundError,
)
from subgraphs.users.events import RefreshReused
from subgraphs.users.gateways.crypto import Vault, fingerprint, new_token
from subgraphs.users.models import SESSION_IDLE, Role, Session, User
from subgraphs.users.repository import people
from subgraphs.users.repository import sessions as repository
from subgraphs.users.service import audit
from subgraphs.users.service.access import lock_person
from subgraphs.users.service.services import Services
from subgraphs.users.service.tokens import AccessToken, Mint

GRACE = timedelta(seconds=10)
TOKENS_OUTLIVE = timedelta(minutes=12)
"""Longer than an access token is accepted anywhere: older ones need no revocation."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login comes from: its address, and what its owner calls it."""

    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A session that goes on: who, and the tokens to go on with."""

    user: User
    viewer: Viewer
    """Who is asking from here on."""
    access_token: AccessToken
    refresh_token: str

    @classmethod
    def make(
        cls, mint: Mint, user: User, roles: Mapping[UUID, Role], session_id: UUID, token: str
    ) -> Self:
        viewer = Viewer(
            user_id=user.id, session_id=session_id, roles=roles, is_operator=user.is_operator
        )
        return cls(user, viewer, mint.for_person(user, roles, session_id), token)


async def mint(db: Database, services: Services) -> Mint:
    """Fetch what signs tokens now; do this before the transaction."""
    return Mint(await services.keys.signer(db), services.issuer)


def start_session(session: AsyncSession, user_id: UUID, device: Device) -> tuple[Session, str]:
    """Add a session; return it with its refresh token, which is not kept."""
    token, now = new_token(), datetime.now(UTC)
    row = Session(
        id=new_id(),
        user_id=user_id,
        token_hash=fingerprint(token),
        device=device.name,
        address=device.address,
        last_used_at=now,
        expires_at=now + SESSION_IDLE,
    )
    session.add(row)
    return row, token


async def open_session(
    session: AsyncSession, mint: Mint, device: Device, *, user_id: UUID, password_hash: str
) -> Login:
    """Log someone in, unless their account or password has changed since it was checked.

    Their session's row makes whoever revokes their tokens wait, or waits for them.

    Raises:
        InvalidCredentialsError: It has.
    """
    row, token = start_session(session, user_id, device)
    await session.flush()
    found = await people.user_with_roles(session, user_id)
    if found is None or found[0].password_hash != password_hash:
        raise InvalidCredentialsError
    user, roles = found
    return Login.make(mint, user, roles, row.id, token)


async def refresh_session(db: Database, services: Services, *, token: str) -> Login:
    """Exchange a refresh token for the next one and a fresh access token.

    Raises:
        InvalidRefreshTokenError: The token is unknown, or its session has ended.
        RefreshTokenReusedError: It was used before; its session ends with this.
    """
    maker = await mint(db, services)
    login = await db.transact(_rotate, maker, services.vault, token)
    if (
        login is None
        and (login := await db.transact(_repeat, maker, services.vault, token)) is None
    ):
        # Raised after the commit: the family stays ended.
        raise RefreshTokenReusedError
    return login


async def _rotate(session: AsyncSession, mint: Mint, vault: Vault, token: str) -> Login | None:
    """Exchange the good token of a session; None if `token` is not that."""
    now, old = datetime.now(UTC), fingerprint(token)
    if (spent := await repository.spend_token(session, old, now)) is None:
        return None
    session_id, user_id = spent
    successor = vault.successor(token, session_id)
    new = fingerprint(successor)
    if not await repository.replace_token(session, session_id, old=old, new=new, now=now):
        raise InvalidRefreshTokenError
    if (found := await people.user_with_roles(session, user_id)) is None:
        raise InvalidRefreshTokenError
    user, roles = found
    return Login.make(mint, user, roles, session_id, successor)


async def _repeat(session: AsyncSession, mint: Mint, vault: Vault, token: str) -> Login | None:
    """Repeat a very recent exchange; None if a token is reused, whose family has then ended."""
    now = datetime.now(UTC)
    if (found := await repository.spent_token(session, fingerprint(token))) is None:
        raise InvalidRefreshTokenError
    spent, family = found
    if family.ended_at is not None:
        raise InvalidRefreshTokenError
    successor = vault.successor(token, family.id)
    if fingerprint(successor) != family.token_hash or now - spent.spent_at > GRACE:
        await _end_family(session, family)
        return None
    await people.hold_user(session, family.user_id)
    owner = await people.user_with_roles(session, family.user_id)
    # Looked at again, now that nobody can end it.
    if owner is None or await repository.hold_session(session, family.id, now) is None:
        raise InvalidRefreshTokenError
    user, roles = owner
    return Login.make(mint, user, roles, family.id, successor)


async def _end_family(session: AsyncSession, family: Session) -> None:
    row = await repository.lock_session(session, family.id)
    if row is None or row.ended_at is not None:
        return
    _end(session, row)
    outbox.publish(session, RefreshReused(user_id=row.user_id, session_id=row.id), of=row)
    owner = Viewer(user_id=row.user_id)
    await audit.append(session, owner, "session.refresh_reused", subject_id=row.id)


def _end(session: AsyncSession, row: Session) -> None:
    """End one session and what its access tokens may still do."""
    row.ended_at = datetime.now(UTC)
    _revoke(session, row)


def _revoke(session: AsyncSession, row: Session) -> None:
    outbox.publish(
        session,
        TokensRevoked(user_id=row.user_id, session_id=row.id, issued_before=datetime.now(UTC)),
        of=row,
    )


async def logout(
    session: AsyncSession,
    viewer: Viewer,
    *,
    refresh_token: str | None = None,
    session_id: UUID | None = None,
) -> UUID | None:
    """End one session: that of a refresh token, one's own of this id, or the current one.

    Returns its id; None where there was nothing to end.
    """
    if refresh_token is not None:
        held = await repository.session_of_token(session, fingerprint(refresh_token))
        if held is None:
            return None
        wanted, owner = held.id, held.user_id
    else:
        owner = viewer.require_person()
        if (chosen := session_id or viewer.session_id) is None:
            raise NotAuthenticatedError
        wanted = chosen
    row = await repository.lock_session(session, wanted)
    if row is None or row.user_id != owner:
        raise SessionNotFoundError(wanted)
    if row.ended_at is None:
        _end(session, row)
    return row.id


async def logout_everywhere(session: AsyncSession, viewer: Viewer) -> int:
    """End all sessions of the viewer, this one included; return how many were open."""
    user = await lock_person(session, viewer)
    ended = await revoke_user(session, user)
    await audit.append(session, viewer, "sessions.ended_everywhere", subject_id=user.id)
    return ended


async def revoke_user(session: AsyncSession, user: User) -> int:
    """End every session of a locked user, and all access tokens; return how many sessions."""
    ended = await repository.end_sessions(session, user.id, datetime.now(UTC))
    revoke_tokens(session, user)
    return len(ended)


def revoke_tokens(session: AsyncSession, user: User) -> None:
    """End the access tokens of a locked user; sessions go on and get new ones."""
    revoked = TokensRevoked(user_id=user.id, issued_before=datetime.now(UTC))
    outbox.publish(session, revoked, of=user)


async def end_other_sessions(session: AsyncSession, user_id: UUID, current: UUID | None) -> None:
    """End all sessions of a locked user but the current one, which keeps its tokens."""
    now = datetime.now(UTC)
    for row in await repository.end_sessions(session, user_id, now, but=current):
        if row.last_used_at > now - TOKENS_OUTLIVE:
            _revoke(session, row)

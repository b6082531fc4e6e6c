from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, false, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.users.models import SESSION_IDLE, SESSION_LIFETIME, Session, SpentToken
from subgraphs.users.repository.people import open_session

FORGOTTEN_AT_ONCE = 200


def visible_sessions(viewer: Viewer, now: datetime) -> Select[Session]:
    """One's own sessions that go on; nobody else's concern, and no program's."""
    query = select(Session).where(open_session(now))
    return query.where(Session.user_id == viewer.user_id if viewer.scopes is None else false())


async def open_sessions(
    session: AsyncSession, viewer: Viewer, now: datetime, limit: int
) -> Sequence[Session]:
    """The viewer's sessions, the one used last first."""
    query = visible_sessions(viewer, now).order_by(Session.last_used_at.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def spend_token(
    session: AsyncSession, token_hash: bytes, now: datetime
) -> tuple[UUID, UUID] | None:
    """Spend the good token of an open session; return the session's and the user's id.

    Of several that come with the same token at once one succeeds; the others wait for it.
    """
    good = select(
        literal(token_hash), Session.id, Session.user_id, literal(now, SpentToken.spent_at.type)
    ).where(Session.token_hash == token_hash, open_session(now))
    spent = (
        insert(SpentToken)
        .from_select(["hash", "session_id", "user_id", "spent_at"], good)
        .on_conflict_do_nothing()
        .returning(SpentToken.session_id, SpentToken.user_id)
    )
    row = (await session.execute(spent)).one_or_none()
    return (row[0], row[1]) if row else None


async def replace_token(
    session: AsyncSession, session_id: UUID, *, old: bytes, new: bytes, now: datetime
) -> bool:
    """Make `new` the good token, unless the session has ended meanwhile."""
    lifetime = Session.created_at + SESSION_LIFETIME
    renewed = (
        update(Session)
        .where(Session.id == session_id, Session.token_hash == old, open_session(now))
        .values(
            token_hash=new,
            last_used_at=now,
            expires_at=func.least(literal(now + SESSION_IDLE, Session.expires_at.type), lifetime),
        )
        .returning(Session.id)
    )
    return await session.scalar(renewed) is not None


async def spent_token(
    session: AsyncSession, token_hash: bytes
) -> tuple[SpentToken, Session] | None:
    """Find a token that was used before, and its session as it is now."""
    row = (
        await session.execute(
            select(SpentToken, Session)
            .join(Session, Session.id == SpentToken.session_id)
            .where(SpentToken.hash == token_hash)
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


async def session_of_token(session: AsyncSession, token_hash: bytes) -> Session | None:
    """Find the session whose good token this is, or was."""
    was = select(SpentToken.session_id).where(SpentToken.hash == token_hash).scalar_subquery()
    found = await session.scalar(select(Session).where(Session.token_hash == token_hash))
    return found or await session.scalar(select(Session).where(Session.id == was))


async def lock_session(session: AsyncSession, session_id: UUID) -> Session | None:
    query = select(Session).where(Session.id == session_id).with_for_update()
    row: Session | None = await session.scalar(query.execution_options(populate_existing=True))
    return row


async def hold_session(session: AsyncSession, session_id: UUID, now: datetime) -> Session | None:
    """Find an open session that cannot end before this transaction does."""
    query = select(Session).where(Session.id == session_id, open_session(now))
    held = query.with_for_update(read=True).execution_options(populate_existing=True)
    row: Session | None = await session.scalar(held)
    return row


async def end_sessions(
    session: AsyncSession, user_id: UUID, now: datetime, *, but: UUID | None = None
) -> Sequence[Session]:
    """End the user's open sessions, all or all others; return them, locked."""
    ended = update(Session).where(Session.user_id == user_id, Session.ended_at.is_(None))
    if but is not None:
        ended = ended.where(Session.id != but)
    return (await session.scalars(ended.values(ended_at=now).returning(Session))).all()


async def forget_sessions(session: AsyncSession, now: datetime, kept: timedelta) -> int:
    """Delete some sessions that can no longer be refreshed; return how many, 0 when all are gone.

    Not all at once: each takes its spent tokens along, of which it may have thousands.
    """
    ended = select(Session.id).where(Session.expires_at < now - kept).limit(FORGOTTEN_AT_ONCE)
    gone = delete(Session).where(Session.id.in_(ended)).returning(Session.id)
    return len((await session.scalars(gone)).all())

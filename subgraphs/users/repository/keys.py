from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.users.models import KeyStatus, SigningKey


async def published_keys(session: AsyncSession, retired_since: datetime) -> Sequence[SigningKey]:
    """The keys that verifiers must know, those retired of late included."""
    query = select(SigningKey).where(
        or_(SigningKey.status != KeyStatus.RETIRED, SigningKey.retired_at > retired_since)
    )
    return (await session.scalars(query.order_by(SigningKey.created_at, SigningKey.id))).all()


async def lock_keys(session: AsyncSession) -> dict[KeyStatus, SigningKey]:
    """Read the active and the next key, with the right to change them."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("users.signing_keys"))))
    rows = await session.scalars(select(SigningKey).where(SigningKey.status != KeyStatus.RETIRED))
    return {row.status: row for row in rows}


async def forget_keys(session: AsyncSession, retired_before: datetime) -> None:
    await session.execute(delete(SigningKey).where(SigningKey.retired_at < retired_before))

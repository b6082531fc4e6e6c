from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, union, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.users.models import AuditEntry, AuditHead, AuditSeal


async def lock_head(session: AsyncSession, chain_id: UUID) -> tuple[AuditHead, datetime]:
    """Take the next place in a chain, and the time: later places have later times.

    Others who want to append wait for this transaction.
    """
    advanced = insert(AuditHead).values(chain_id=chain_id, seq=1, hash=b"")
    advanced = advanced.on_conflict_do_update(
        index_elements=[AuditHead.chain_id], set_={"seq": AuditHead.seq + 1}
    )
    returned = advanced.returning(AuditHead, func.clock_timestamp())
    row = (await session.execute(returned, execution_options={"populate_existing": True})).one()
    return row[0], row[1]


async def set_head(session: AsyncSession, chain_id: UUID, hash_: bytes) -> None:
    await session.execute(
        update(AuditHead).where(AuditHead.chain_id == chain_id).values(hash=hash_)
    )


async def heads(session: AsyncSession) -> dict[UUID, AuditHead | None]:
    """The end of every chain that has left a trace, as it remembers it; None where it does not."""
    ids = union(*(select(it.chain_id) for it in (AuditHead, AuditEntry, AuditSeal))).subquery()
    query = select(ids.c.chain_id, AuditHead).outerjoin(
        AuditHead, AuditHead.chain_id == ids.c.chain_id
    )
    rows = await session.execute(query.order_by(ids.c.chain_id))
    return {row.chain_id: row.AuditHead for row in rows}


async def entries(session: AsyncSession, chain_id: UUID) -> AsyncIterator[AuditEntry]:
    """Stream a chain in its order; it may be longer than memory."""
    query = select(AuditEntry).where(AuditEntry.chain_id == chain_id).order_by(AuditEntry.seq)
    async for row in await session.stream_scalars(query.execution_options(yield_per=1_000)):
        yield row


async def seals(session: AsyncSession, chain_id: UUID) -> Sequence[AuditSeal]:
    query = select(AuditSeal).where(AuditSeal.chain_id == chain_id).order_by(AuditSeal.day)
    return (await session.scalars(query)).all()


async def chain_ends(
    session: AsyncSession, since: datetime, before: datetime
) -> Sequence[AuditEntry]:
    """The last entry in a span of time of every chain that has one."""
    query = select(AuditEntry).where(AuditEntry.at >= since, AuditEntry.at < before)
    last = query.ext(distinct_on(AuditEntry.chain_id))
    last = last.order_by(AuditEntry.chain_id, AuditEntry.seq.desc())
    return (await session.scalars(last)).all()


async def last_sealed_day(session: AsyncSession) -> str | None:
    return await session.scalar(select(func.max(AuditSeal.day)))


async def first_entry_at(session: AsyncSession) -> datetime | None:
    return await session.scalar(select(func.min(AuditEntry.at)))

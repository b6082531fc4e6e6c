"""Who belongs to which organization, as users tells it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.models import Member
from subgraphs.courses.repository.courses import EDITORS


async def keep(
    session: AsyncSession, *, organization_id: UUID, user_id: UUID, role: str | None, seq: int
) -> None:
    """Keep what someone is in an organization; what was told before is no news."""
    told = insert(Member).values(
        organization_id=organization_id, user_id=user_id, role=role, seq=seq
    )
    await session.execute(
        told.on_conflict_do_update(
            index_elements=[Member.organization_id, Member.user_id],
            set_={"role": told.excluded.role, "seq": told.excluded.seq},
            where=Member.seq < told.excluded.seq,
        )
    )


async def may_teach(
    session: AsyncSession, organization_id: UUID, user_ids: Collection[UUID], *, anywhere: bool
) -> bool:
    """Tell whether all of these may teach there; `anywhere`, whether all are members of any."""
    query = select(func.count(Member.user_id.distinct())).where(Member.user_id.in_(user_ids))
    if anywhere:
        query = query.where(Member.role.is_not(None))
    else:
        query = query.where(Member.organization_id == organization_id, Member.role.in_(EDITORS))
    return await session.scalar(query) == len(set(user_ids))

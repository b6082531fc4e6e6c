"""Who is enrolled where: a read model of learning's events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.models import Course, Entitlement


async def is_entitled(session: AsyncSession, user_id: UUID, course_id: UUID) -> bool:
    query = select(Entitlement.active).where(
        Entitlement.user_id == user_id, Entitlement.course_id == course_id
    )
    return bool(await session.scalar(query))


async def grant(
    session: AsyncSession,
    *,
    enrollment_id: UUID,
    user_id: UUID,
    course_id: UUID,
    version_id: UUID,
    enrolled_at: datetime,
) -> None:
    """Let a learner in, or in again: what they had completed still counts."""
    told = {
        "enrollment_id": enrollment_id,
        "version_id": version_id,
        "enrolled_at": enrolled_at,
        "active": True,
    }
    known = await session.scalar(
        select(Entitlement)
        .where(Entitlement.user_id == user_id, Entitlement.course_id == course_id)
        .with_for_update()
    )
    if known is None or not known.active:
        await _count(session, course_id, 1)
    upsert = insert(Entitlement).values(user_id=user_id, course_id=course_id, **told)
    await session.execute(upsert.on_conflict_do_update(constraint="pk_entitlements", set_=told))


async def revoke(session: AsyncSession, enrollment_id: UUID) -> None:
    """Shut a learner out."""
    course_id = await session.scalar(
        update(Entitlement)
        .where(Entitlement.enrollment_id == enrollment_id, Entitlement.active)
        .values(active=False)
        .returning(Entitlement.course_id)
    )
    if course_id is not None:
        await _count(session, course_id, -1)


async def _count(session: AsyncSession, course_id: UUID, difference: int) -> None:
    await session.execute(
        update(Course)
        .where(Course.id == course_id)
        .values(enrollment_count=func.greatest(Course.enrollment_count + difference, 0))
        .execution_options(synchronize_session=False)
    )


async def move(session: AsyncSession, enrollment_id: UUID, version_id: UUID) -> None:
    """Show a learner another version."""
    await session.execute(
        update(Entitlement)
        .where(Entitlement.enrollment_id == enrollment_id)
        .values(version_id=version_id)
    )


async def complete(session: AsyncSession, enrollment_id: UUID, lesson_id: UUID) -> None:
    completed = Entitlement.completed_lesson_ids
    await session.execute(
        update(Entitlement)
        .where(Entitlement.enrollment_id == enrollment_id, ~completed.contains([lesson_id]))
        .values(completed_lesson_ids=func.array_append(completed, lesson_id))
        .execution_options(synchronize_session=False)
    )


async def uncomplete(session: AsyncSession, enrollment_id: UUID, lesson_id: UUID) -> None:
    completed = Entitlement.completed_lesson_ids
    await session.execute(
        update(Entitlement)
        .where(Entitlement.enrollment_id == enrollment_id)
        .values(completed_lesson_ids=func.array_remove(completed, lesson_id))
        .execution_options(synchronize_session=False)
    )

"""Who is enrolled where: a read model of learning's events, in whatever order they come."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text, Update, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.models import Course, Entitlement, VersionLesson
from subgraphs.kernel.events import NotToldYetError


async def is_entitled(session: AsyncSession, user_id: UUID, course_id: UUID) -> bool:
    query = select(Entitlement.active).where(
        Entitlement.user_id == user_id, Entitlement.course_id == course_id
    )
    return bool(await session.scalar(query))


async def grant(
    session: AsyncSession,
    *,
    seq: int,
    enrollment_id: UUID,
    user_id: UUID,
    course_id: UUID,
    version_id: UUID,
    enrolled_at: datetime,
) -> None:
    """Let a learner in, or in again: what they had completed still counts."""
    first = insert(Entitlement).values(
        enrollment_id=enrollment_id,
        user_id=user_id,
        course_id=course_id,
        version_id=version_id,
        enrolled_at=enrolled_at,
        status_seq=seq,
        version_seq=seq,
    )
    added = first.on_conflict_do_nothing().returning(Entitlement.enrollment_id)
    if await session.scalar(added) is not None:
        await _count(session, course_id, 1)
        return
    own = Entitlement.user_id == user_id, Entitlement.course_id == course_id
    held = (await session.scalars(select(Entitlement).where(*own).with_for_update())).one()
    if held.enrollment_id != enrollment_id:  # learning was restored, and numbers its events anew
        held.enrollment_id, held.status_seq, held.version_seq = enrollment_id, 0, 0
        held.completed_lesson_ids, held.lesson_seqs = [], {}
    if held.status_seq < seq:
        if not held.active:
            await _count(session, course_id, 1)
        held.active, held.status_seq = True, seq
    if held.version_seq < seq:
        held.version_id, held.version_seq = version_id, seq


async def revoke(session: AsyncSession, enrollment_id: UUID, *, seq: int) -> None:
    """Shut a learner out."""
    held = await _hold(session, enrollment_id)
    if held.status_seq < seq:
        if held.active:
            await _count(session, held.course_id, -1)
        held.active, held.status_seq = False, seq


async def move(session: AsyncSession, enrollment_id: UUID, version_id: UUID, *, seq: int) -> None:
    """Show a learner another version; what it does not have is no longer complete."""
    held = await _hold(session, enrollment_id)
    if held.version_seq < seq:
        lessons = select(VersionLesson.lesson_id).where(VersionLesson.version_id == version_id)
        there = set(await session.scalars(lessons))
        held.completed_lesson_ids = [
            id
            for id in held.completed_lesson_ids
            if id in there or held.lesson_seqs.get(str(id), 0) > seq
        ]
        held.version_id, held.version_seq = version_id, seq


async def _hold(session: AsyncSession, enrollment_id: UUID) -> Entitlement:
    query = select(Entitlement).where(Entitlement.enrollment_id == enrollment_id)
    held = await session.scalar(query.with_for_update())
    if held is None:
        raise NotToldYetError(enrollment_id)
    return held


async def _count(session: AsyncSession, course_id: UUID, difference: int) -> None:
    await session.execute(
        update(Course)
        .where(Course.id == course_id)
        .values(enrollment_count=func.greatest(Course.enrollment_count + difference, 0))
        .execution_options(synchronize_session=False)
    )


async def complete(
    session: AsyncSession, enrollment_id: UUID, lesson_id: UUID, *, seq: int
) -> None:
    completed = Entitlement.completed_lesson_ids
    others = func.array_remove(completed, lesson_id)
    await _tell_lesson(session, enrollment_id, lesson_id, seq, func.array_append(others, lesson_id))


async def uncomplete(
    session: AsyncSession, enrollment_id: UUID, lesson_id: UUID, *, seq: int
) -> None:
    completed = Entitlement.completed_lesson_ids
    await _tell_lesson(
        session, enrollment_id, lesson_id, seq, func.array_remove(completed, lesson_id)
    )


async def _tell_lesson(
    session: AsyncSession, enrollment_id: UUID, lesson_id: UUID, seq: int, completed: Any
) -> None:
    told = await session.execute(_lesson_told(enrollment_id, lesson_id, seq, completed))
    if told.rowcount == 0:  # type: ignore[attr-defined]
        known = select(exists().where(Entitlement.enrollment_id == enrollment_id))
        if not await session.scalar(known):
            raise NotToldYetError(enrollment_id)


def _lesson_told(enrollment_id: UUID, lesson_id: UUID, seq: int, completed: Any) -> Update:
    key = cast(str(lesson_id), Text)
    known = cast(Entitlement.lesson_seqs[key].astext, BigInteger)
    return (
        update(Entitlement)
        .where(Entitlement.enrollment_id == enrollment_id, func.coalesce(known, 0) < seq)
        .values(
            completed_lesson_ids=completed,
            lesson_seqs=func.jsonb_set(
                Entitlement.lesson_seqs, array([key]), func.to_jsonb(cast(seq, BigInteger))
            ),
        )
        .execution_options(synchronize_session=False)
    )

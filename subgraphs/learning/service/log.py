"""Writing the log: an event is stored, applied and told to the others, under one number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.events import Event
from subgraphs.learning import events
from subgraphs.learning.locks import Standing
from subgraphs.learning.progress import Progress, ProgressEvent, ProgressKind, apply
from subgraphs.learning.repository import standings


async def record(
    session: AsyncSession,
    actor_id: UUID | None,
    standing: Standing,
    kind: ProgressKind,
    *,
    lesson_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
) -> Standing:
    """Append what happened to the log, and the course's completion if that follows from it."""
    progress, now = standing.progress, datetime.now(UTC)

    def happened(kind: ProgressKind, **details: Any) -> ProgressEvent:
        seq = progress.version + 1
        return ProgressEvent(progress.id, seq, kind, now, actor_id=actor_id, **details)

    recorded = [happened(kind, lesson_id=lesson_id, data=data)]
    progress = apply(progress, recorded[0])
    if progress.is_complete and progress.completed_version_id != progress.version_id:
        recorded.append(happened(ProgressKind.COURSE_COMPLETED))
        progress = apply(progress, recorded[1])
    await standings.append(session, progress, recorded)
    for event in recorded:
        announce(session, progress, event)
    return Standing(progress, standing.outline)


@dataclass
class _Numbered:
    """Gives an event of the log its own number on the bus."""

    id: UUID
    version: int


def announce(session: AsyncSession, progress: Progress, event: ProgressEvent) -> None:
    """Tell the other subgraphs of an event of the log, once its transaction commits."""
    outbox.publish(
        session,
        _TOLD[event.kind](progress, event),
        of=_Numbered(progress.id, event.seq - 1),
        tenant_id=progress.organization_id,
    )


def _created(progress: Progress, _: ProgressEvent) -> Event:
    return events.EnrollmentCreated(
        **_whose(progress),
        version_id=progress.version_id,
        organization_id=progress.organization_id,
        enrolled_at=progress.enrolled_at,
    )


def _lesson_completed(progress: Progress, event: ProgressEvent) -> Event:
    assert event.lesson_id is not None
    return events.LessonCompleted(**_whose(progress), lesson_id=event.lesson_id)


def _lesson_uncompleted(progress: Progress, event: ProgressEvent) -> Event:
    assert event.lesson_id is not None
    return events.LessonUncompleted(**_whose(progress), lesson_id=event.lesson_id)


def _whose(progress: Progress) -> dict[str, UUID]:
    return {
        "enrollment_id": progress.id,
        "user_id": progress.user_id,
        "course_id": progress.course_id,
    }


_TOLD: dict[ProgressKind, Callable[[Progress, ProgressEvent], Event]] = {
    ProgressKind.ENROLLED: _created,
    ProgressKind.REENROLLED: _created,
    ProgressKind.UNENROLLED: lambda it, _: events.EnrollmentRevoked(**_whose(it)),
    ProgressKind.MOVED: lambda it, _: events.EnrollmentMoved(
        enrollment_id=it.id, version_id=it.version_id
    ),
    ProgressKind.LESSON_COMPLETED: _lesson_completed,
    ProgressKind.LESSON_UNCOMPLETED: _lesson_uncompleted,
    ProgressKind.COURSE_COMPLETED: lambda it, _: events.CourseCompleted(**_whose(it)),
    ProgressKind.DEADLINE_SET: lambda it, _: events.DeadlineSet(**_whose(it), due_at=it.due_at),
}

"""Progress is event-sourced: where a learner stands follows from a log, and from nothing else.

Every event of the log is also told to the other subgraphs, under the same number: the log's `seq`,
the aggregate's version and the cursor of subscriptions are one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class EnrollmentStatus(StrEnum):
    """Where an enrollment is in its life."""

    ACTIVE = "ACTIVE"
    """Lessons are open."""
    COMPLETED = "COMPLETED"
    """Every lesson is complete."""
    REVOKED = "REVOKED"
    """The learner has left, or was removed; enrolling again continues it."""


class ProgressKind(StrEnum):
    ENROLLED = "ENROLLED"
    LESSON_COMPLETED = "LESSON_COMPLETED"
    LESSON_UNCOMPLETED = "LESSON_UNCOMPLETED"
    COURSE_COMPLETED = "COURSE_COMPLETED"
    MOVED = "MOVED"
    DEADLINE_SET = "DEADLINE_SET"
    UNENROLLED = "UNENROLLED"
    REENROLLED = "REENROLLED"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One line of the log; what `data` holds depends on the kind.

    - ENROLLED: user_id, course_id, organization_id, version_id, lesson_count
    - MOVED: version_id, lesson_count, dropped_lesson_ids (complete before, gone in this version)
    - DEADLINE_SET: due_at (ISO 8601), or null
    """

    enrollment_id: UUID
    seq: int
    kind: ProgressKind
    occurred_at: datetime
    actor_id: UUID | None = None
    lesson_id: UUID | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Progress:
    """What the log of one enrollment adds up to."""

    id: UUID
    user_id: UUID
    course_id: UUID
    organization_id: UUID
    version_id: UUID
    lesson_count: int
    status: EnrollmentStatus
    enrolled_at: datetime
    completed_lesson_ids: tuple[UUID, ...] = ()
    """In the order of their completion."""
    lesson_completed_at: tuple[datetime, ...] = ()
    """When each of them was completed."""
    completed_at: datetime | None = None
    """When the last open lesson was completed; None while one is open."""
    due_at: datetime | None = None
    completed_version_id: UUID | None = None
    """The version whose completion was announced; it is announced once, however often a lesson is
    taken back and completed again."""
    version: int = 0

    @property
    def completed_count(self) -> int:
        return len(self.completed_lesson_ids)

    @property
    def percent_complete(self) -> int:
        """Whole percents, rounded down: 100 means that every lesson is complete."""
        return 100 * self.completed_count // self.lesson_count if self.lesson_count else 0

    @property
    def is_complete(self) -> bool:
        return 0 < self.lesson_count == self.completed_count


Changes = dict[str, Any]
"""New values of fields of `Progress`."""


class BrokenLogError(Exception):
    """An event does not follow the one before it."""


def apply(progress: Progress | None, event: ProgressEvent) -> Progress:
    """Tell what `progress` is after `event`; both live and in a rebuild, this alone decides.

    Raises:
        BrokenLogError: The event is not the next one of this enrollment.
    """
    is_first = event.kind is ProgressKind.ENROLLED
    if event.seq != (progress.version if progress else 0) + 1 or is_first != (progress is None):
        raise BrokenLogError(f"Event {event.seq} of {event.enrollment_id} is out of order.")
    if progress is None:
        return _enrolled(event)
    return replace(progress, version=event.seq, **_CHANGES[event.kind](progress, event))


def _enrolled(event: ProgressEvent) -> Progress:
    data = event.data or {}
    return Progress(
        id=event.enrollment_id,
        user_id=UUID(data["user_id"]),
        course_id=UUID(data["course_id"]),
        organization_id=UUID(data["organization_id"]),
        version_id=UUID(data["version_id"]),
        lesson_count=data["lesson_count"],
        status=EnrollmentStatus.ACTIVE,
        enrolled_at=event.occurred_at,
        version=event.seq,
    )


def _lesson_completed(progress: Progress, event: ProgressEvent) -> Changes:
    assert event.lesson_id is not None
    return _settled(
        progress,
        event,
        completed_lesson_ids=(*progress.completed_lesson_ids, event.lesson_id),
        lesson_completed_at=(*progress.lesson_completed_at, event.occurred_at),
    )


def _lesson_uncompleted(progress: Progress, event: ProgressEvent) -> Changes:
    assert event.lesson_id is not None
    return _settled(progress, event, **_without(progress, {event.lesson_id}))


def _course_completed(progress: Progress, _: ProgressEvent) -> Changes:
    return {"completed_version_id": progress.version_id}


def _moved(progress: Progress, event: ProgressEvent) -> Changes:
    data = event.data or {}
    dropped = {UUID(id) for id in data["dropped_lesson_ids"]}
    version = {"version_id": UUID(data["version_id"]), "lesson_count": data["lesson_count"]}
    return _settled(progress, event, **version, **_without(progress, dropped))


def _deadline_set(_: Progress, event: ProgressEvent) -> Changes:
    due_at = (event.data or {})["due_at"]
    return {"due_at": datetime.fromisoformat(due_at) if due_at else None}


def _unenrolled(_: Progress, __: ProgressEvent) -> Changes:
    return {"status": EnrollmentStatus.REVOKED}


def _settled(progress: Progress, event: ProgressEvent, **changes: Any) -> Changes:
    """Bring status and date of completion in line with the lessons."""
    lesson_count = changes.get("lesson_count", progress.lesson_count)
    lesson_ids = changes.get("completed_lesson_ids", progress.completed_lesson_ids)
    if 0 < lesson_count == len(lesson_ids):
        changes["status"] = EnrollmentStatus.COMPLETED
        changes["completed_at"] = progress.completed_at or event.occurred_at
    else:
        changes["status"] = EnrollmentStatus.ACTIVE
        changes["completed_at"] = None
    return changes


def _without(progress: Progress, lesson_ids: set[UUID]) -> Changes:
    kept = [
        (id, at)
        for id, at in zip(progress.completed_lesson_ids, progress.lesson_completed_at, strict=True)
        if id not in lesson_ids
    ]
    return {
        "completed_lesson_ids": tuple(id for id, _ in kept),
        "lesson_completed_at": tuple(at for _, at in kept),
    }


_CHANGES: dict[ProgressKind, Callable[[Progress, ProgressEvent], Changes]] = {
    ProgressKind.LESSON_COMPLETED: _lesson_completed,
    ProgressKind.LESSON_UNCOMPLETED: _lesson_uncompleted,
    ProgressKind.COURSE_COMPLETED: _course_completed,
    ProgressKind.MOVED: _moved,
    ProgressKind.DEADLINE_SET: _deadline_set,
    ProgressKind.UNENROLLED: _unenrolled,
    ProgressKind.REENROLLED: _settled,
}

"""Lessons done, and taken back."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.learning import errors
from subgraphs.learning.locks import Standing, lock_reason
from subgraphs.learning.progress import ProgressKind
from subgraphs.learning.service import access, log


async def complete_lesson(
    session: AsyncSession, viewer: Viewer, *, enrollment_id: UUID, lesson_id: UUID
) -> Standing:
    """Complete a lesson; the last one completes the course. Saying so twice changes nothing.

    Raises:
        EnrollmentNotFoundError: The viewer may not see it, or it has ended.
        ForbiddenError: It is someone else's.
        LessonNotInCourseError: The learner's version of the course has no such lesson.
        LessonLockedError: It is not open yet.
    """
    user_id, standing = await access.lock_own(session, viewer, enrollment_id)
    _require_lesson(standing, lesson_id)
    if lesson_id in standing.completed:
        return standing
    if reason := lock_reason(standing, lesson_id, datetime.now(UTC)):
        raise errors.LessonLockedError(reason)
    return await log.record(
        session, user_id, standing, ProgressKind.LESSON_COMPLETED, lesson_id=lesson_id
    )


async def uncomplete_lesson(
    session: AsyncSession, viewer: Viewer, *, enrollment_id: UUID, lesson_id: UUID
) -> Standing:
    """Take a completion back; saying so twice changes nothing.

    A completed course is active again then. Completing it once more is no news: `CourseCompleted`
    is told once for each version.

    Raises:
        EnrollmentNotFoundError: The viewer may not see it, or it has ended.
        ForbiddenError: It is someone else's.
        LessonNotInCourseError: The learner's version of the course has no such lesson.
    """
    user_id, standing = await access.lock_own(session, viewer, enrollment_id)
    _require_lesson(standing, lesson_id)
    if lesson_id not in standing.completed:
        return standing
    return await log.record(
        session, user_id, standing, ProgressKind.LESSON_UNCOMPLETED, lesson_id=lesson_id
    )


def _require_lesson(standing: Standing, lesson_id: UUID) -> None:
    if lesson_id not in standing.positions:
        raise errors.LessonNotInCourseError(lesson_id)

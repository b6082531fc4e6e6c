"""Into a course, out of it, on to its next version, and by when."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import InvalidInputError
from subgraphs.learning import errors
from subgraphs.learning.locks import Standing
from subgraphs.learning.progress import EnrollmentStatus, ProgressEvent, ProgressKind, apply
from subgraphs.learning.repository import courses, standings
from subgraphs.learning.service import access, log

FURTHEST_DEADLINE = timedelta(days=5 * 365)


async def enroll(session: AsyncSession, viewer: Viewer, *, course_id: UUID) -> Standing:
    """Enrol the viewer in the newest version of a free course, or back into the one they left.

    Raises:
        CourseNotFoundError: It is unknown, a draft, archived, or private to others.
        AlreadyEnrolledError: The viewer is in.
        CoursePaymentRequiredError: It is not free.
        PrerequisiteMissingError: Other courses have to be completed first.
    """
    user_id = viewer.require_person()
    course = await courses.find_open_course(session, viewer, course_id)
    if course is None:
        raise errors.CourseNotFoundError(course_id)
    if course.status not in (None, EnrollmentStatus.REVOKED):
        raise errors.AlreadyEnrolledError
    if not course.is_free:
        raise errors.CoursePaymentRequiredError
    if course.missing_course_ids:
        raise errors.PrerequisiteMissingError(course.missing_course_ids)
    if course.status is None:
        standing = await _begin(session, user_id, course_id, course)
    else:
        standing = await _come_back(session, user_id, course_id)
    await courses.count_enrollment(session, course_id, +1)
    return standing


async def _begin(
    session: AsyncSession, user_id: UUID, course_id: UUID, course: courses.OpenCourse
) -> Standing:
    event = ProgressEvent(
        enrollment_id=new_id(),
        seq=1,
        kind=ProgressKind.ENROLLED,
        occurred_at=datetime.now(UTC),
        actor_id=user_id,
        data={
            "user_id": str(user_id),
            "course_id": str(course_id),
            "organization_id": str(course.organization_id),
            "version_id": str(course.version_id),
            "lesson_count": len(course.outline.lesson_ids),
        },
    )
    progress = apply(None, event)
    if not await standings.add(session, progress, event):  # another request of theirs was faster
        raise errors.AlreadyEnrolledError
    log.announce(session, progress, event)
    return Standing(progress, course.outline)


async def _come_back(session: AsyncSession, user_id: UUID, course_id: UUID) -> Standing:
    standing = await standings.lock_own(session, user_id, course_id)
    if standing.progress.status is not EnrollmentStatus.REVOKED:
        raise errors.AlreadyEnrolledError
    return await log.record(session, user_id, standing, ProgressKind.REENROLLED)


async def unenroll(session: AsyncSession, viewer: Viewer, *, enrollment_id: UUID) -> Standing:
    """End an enrollment, one's own or as who runs the course; its progress is kept.

    Raises:
        EnrollmentNotFoundError: The viewer may not see it, or it has ended.
    """
    user_id, standing = await access.lock(session, viewer, enrollment_id)
    ended = await log.record(session, user_id, standing, ProgressKind.UNENROLLED)
    await courses.count_enrollment(session, standing.progress.course_id, -1)
    return ended


async def leave_private_courses(
    session: AsyncSession, *, organization_id: UUID, user_id: UUID, actor_id: UUID | None
) -> None:
    """End what a person may take part in only as a member of an organization; progress is kept."""
    for standing in await standings.lock_private(session, organization_id, user_id):
        await log.record(session, actor_id, standing, ProgressKind.UNENROLLED)
        await courses.count_enrollment(session, standing.progress.course_id, -1)


async def set_deadline(
    session: AsyncSession, viewer: Viewer, *, enrollment_id: UUID, due_at: datetime | None
) -> Standing:
    """Set or (None) lift the date by which the learner wants, or is asked, to be done.

    Raises:
        EnrollmentNotFoundError: The viewer may not see it, or it has ended.
        InvalidInputError: The date is past, too far off, or without its offset from UTC.
    """
    due_at = _checked_deadline(due_at)
    user_id, standing = await access.lock(session, viewer, enrollment_id)
    if due_at == standing.progress.due_at:
        return standing
    data = {"due_at": due_at.isoformat() if due_at else None}
    return await log.record(session, user_id, standing, ProgressKind.DEADLINE_SET, data=data)


def _checked_deadline(due_at: datetime | None) -> datetime | None:
    if due_at is None:
        return None
    if due_at.tzinfo is None:
        raise InvalidInputError("dueAt", "Say which offset from UTC is meant.")
    left = due_at - datetime.now(UTC)
    if left <= timedelta():
        raise InvalidInputError("dueAt", "A deadline lies in the future.")
    if left > FURTHEST_DEADLINE:
        raise InvalidInputError("dueAt", "A deadline is at most five years off.")
    return due_at.astimezone(UTC)


async def move_to_latest_version(
    session: AsyncSession, viewer: Viewer, *, enrollment_id: UUID
) -> Standing:
    """Move to the newest version of the course; complete lessons that it still has stay complete.

    Raises:
        EnrollmentNotFoundError: The viewer may not see it, or it has ended.
        ForbiddenError: It is someone else's.
    """
    user_id, standing = await access.lock_own(session, viewer, enrollment_id)
    progress = standing.progress
    version_id, outline = await courses.latest_version(session, progress.course_id)
    if version_id == progress.version_id:
        return standing
    dropped = set(standing.completed).difference(outline.lesson_ids)
    data = {
        "version_id": str(version_id),
        "lesson_count": len(outline.lesson_ids),
        "dropped_lesson_ids": sorted(map(str, dropped)),
    }
    moved = Standing(progress, outline)
    return await log.record(session, user_id, moved, ProgressKind.MOVED, data=data)

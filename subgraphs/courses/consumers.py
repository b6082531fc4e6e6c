"""What courses does about enrolments: it keeps in mind who may read what."""

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.repository import entitlements
from subgraphs.kernel.events import Envelope
from subgraphs.kernel.inbox import Inbox
from subgraphs.learning.events import (
    EnrollmentCreated,
    EnrollmentMoved,
    EnrollmentRevoked,
    LessonCompleted,
    LessonUncompleted,
)

inbox = Inbox("courses")


@inbox.on(EnrollmentCreated)
async def let_in(session: AsyncSession, event: EnrollmentCreated, _: Envelope) -> None:
    await entitlements.grant(
        session,
        enrollment_id=event.enrollment_id,
        user_id=event.user_id,
        course_id=event.course_id,
        version_id=event.version_id,
        enrolled_at=event.enrolled_at,
    )


@inbox.on(EnrollmentRevoked)
async def shut_out(session: AsyncSession, event: EnrollmentRevoked, _: Envelope) -> None:
    await entitlements.revoke(session, event.enrollment_id)


@inbox.on(EnrollmentMoved)
async def show_version(session: AsyncSession, event: EnrollmentMoved, _: Envelope) -> None:
    await entitlements.move(session, event.enrollment_id, event.version_id)


@inbox.on(LessonCompleted)
async def remember(session: AsyncSession, event: LessonCompleted, _: Envelope) -> None:
    await entitlements.complete(session, event.enrollment_id, event.lesson_id)


@inbox.on(LessonUncompleted)
async def forget(session: AsyncSession, event: LessonUncompleted, _: Envelope) -> None:
    await entitlements.uncomplete(session, event.enrollment_id, event.lesson_id)

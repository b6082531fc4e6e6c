"""What courses keeps in mind of what others tell: who may read what, and who may teach."""

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.repository import entitlements, members
from subgraphs.kernel.events import Envelope
from subgraphs.kernel.inbox import Inbox
from subgraphs.learning.events import (
    EnrollmentCreated,
    EnrollmentMoved,
    EnrollmentRevoked,
    LessonCompleted,
    LessonUncompleted,
)
from subgraphs.users.events import MembershipChanged

inbox = Inbox("courses")


@inbox.on(EnrollmentCreated)
async def let_in(session: AsyncSession, event: EnrollmentCreated, envelope: Envelope) -> None:
    await entitlements.grant(
        session,
        seq=envelope.aggregate_seq,
        enrollment_id=event.enrollment_id,
        user_id=event.user_id,
        course_id=event.course_id,
        version_id=event.version_id,
        enrolled_at=event.enrolled_at,
    )


@inbox.on(EnrollmentRevoked)
async def shut_out(session: AsyncSession, event: EnrollmentRevoked, envelope: Envelope) -> None:
    await entitlements.revoke(session, event.enrollment_id, seq=envelope.aggregate_seq)


@inbox.on(EnrollmentMoved)
async def show_version(session: AsyncSession, event: EnrollmentMoved, envelope: Envelope) -> None:
    seq = envelope.aggregate_seq
    await entitlements.move(session, event.enrollment_id, event.version_id, seq=seq)


@inbox.on(LessonCompleted)
async def remember(session: AsyncSession, event: LessonCompleted, envelope: Envelope) -> None:
    seq = envelope.aggregate_seq
    await entitlements.complete(session, event.enrollment_id, event.lesson_id, seq=seq)


@inbox.on(LessonUncompleted)
async def forget(session: AsyncSession, event: LessonUncompleted, envelope: Envelope) -> None:
    seq = envelope.aggregate_seq
    await entitlements.uncomplete(session, event.enrollment_id, event.lesson_id, seq=seq)


@inbox.on(MembershipChanged)
async def keep_membership(
    session: AsyncSession, event: MembershipChanged, envelope: Envelope
) -> None:
    await members.keep(
        session,
        organization_id=event.organization_id,
        user_id=event.user_id,
        role=event.role,
        seq=envelope.aggregate_seq,
    )

"""What learning keeps of the events of courses and users, in whatever order they come."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.events import CourseArchived, CoursePublished, PublishedLesson
from subgraphs.kernel.events import Envelope, NotToldYetError
from subgraphs.kernel.inbox import Inbox
from subgraphs.learning import service
from subgraphs.learning.models import Course, CourseVersion, Learner, Lesson, Member
from subgraphs.users.events import MembershipChanged, UserProfileChanged, UserRegistered

inbox = Inbox("learning")


@inbox.on(CoursePublished)
async def keep_course(session: AsyncSession, event: CoursePublished, envelope: Envelope) -> None:
    """Keep the version for good; let the newest version and the newest settings win."""
    await _keep_version(session, event)
    if event.lessons:
        await _keep_lessons(session, event)
    version = {"version_id": event.version_id, "version_number": event.version_number}
    settings = {
        "organization_id": event.organization_id,
        "title": event.title,
        "slug": event.slug,
        "visibility": event.visibility,
        "is_free": event.is_free,
        "sequential": event.sequential,
        "prerequisite_course_ids": event.prerequisite_course_ids,
        "instructor_ids": event.instructor_ids,
        "archived": False,
        "seq": envelope.aggregate_seq,
    }
    first = insert(Course).values(course_id=event.course_id, **version, **settings)
    added = first.on_conflict_do_nothing().returning(Course.course_id)
    if await session.scalar(added) is not None:
        return
    known = update(Course).where(Course.course_id == event.course_id)
    await session.execute(known.where(Course.seq < envelope.aggregate_seq).values(settings))
    await session.execute(known.where(Course.version_number < event.version_number).values(version))


async def _keep_version(session: AsyncSession, event: CoursePublished) -> None:
    version = insert(CourseVersion).values(
        version_id=event.version_id,
        course_id=event.course_id,
        number=event.version_number,
        lesson_ids=[lesson.id for lesson in event.lessons],
        rules=_rules(event.lessons),
    )
    await session.execute(version.on_conflict_do_nothing())


def _rules(lessons: list[PublishedLesson]) -> dict[str, Any]:
    """Shape `locks.Outline.rules`; a lesson that is gone can no longer be waited for."""
    present = {lesson.id for lesson in lessons}
    rules = {}
    for lesson in lessons:
        rule: dict[str, Any] = {}
        if lesson.is_preview:
            rule["preview"] = True
        if lesson.release_after_days:
            rule["days"] = lesson.release_after_days
        if after := [str(id) for id in lesson.prerequisite_lesson_ids if id in present]:
            rule["after"] = after
        if rule:
            rules[str(lesson.id)] = rule
    return rules


async def _keep_lessons(session: AsyncSession, event: CoursePublished) -> None:
    told = insert(Lesson).values(
        [
            {
                "lesson_id": lesson.id,
                "course_id": event.course_id,
                "is_preview": lesson.is_preview,
                "version_number": event.version_number,
            }
            for lesson in event.lessons
        ]
    )
    newer = {name: told.excluded[name] for name in ("is_preview", "version_number")}
    await session.execute(
        told.on_conflict_do_update(
            index_elements=[Lesson.lesson_id],
            set_=newer,
            where=Lesson.version_number < told.excluded.version_number,
        )
    )


@inbox.on(CourseArchived)
async def close_course(session: AsyncSession, event: CourseArchived, envelope: Envelope) -> None:
    """Take nobody new. A course that was never published is not archived: what is unknown comes."""
    known = update(Course).where(Course.course_id == event.course_id)
    newer = Course.seq < envelope.aggregate_seq
    await session.execute(known.where(newer).values(archived=True, seq=envelope.aggregate_seq))
    if await session.get(Course, event.course_id) is None:
        raise NotToldYetError(event.course_id)


@inbox.on(MembershipChanged)
async def keep_membership(
    session: AsyncSession, event: MembershipChanged, envelope: Envelope
) -> None:
    """Whoever leaves an organization leaves its private courses; their progress is kept."""
    told = insert(Member).values(
        organization_id=event.organization_id,
        user_id=event.user_id,
        role=event.role,
        seq=envelope.aggregate_seq,
    )
    newest = told.on_conflict_do_update(
        index_elements=[Member.organization_id, Member.user_id],
        set_={"role": told.excluded.role, "seq": told.excluded.seq},
        where=Member.seq < told.excluded.seq,
    )
    is_news = await session.scalar(newest.returning(Member.user_id)) is not None
    if is_news and event.role is None:
        await service.leave_private_courses(
            session,
            organization_id=event.organization_id,
            user_id=event.user_id,
            actor_id=envelope.actor_id,
        )


@inbox.on(UserRegistered)
async def keep_name(session: AsyncSession, event: UserRegistered, envelope: Envelope) -> None:
    await _keep_name(session, event.user_id, event.name, envelope)


@inbox.on(UserProfileChanged)
async def change_name(session: AsyncSession, event: UserProfileChanged, envelope: Envelope) -> None:
    await _keep_name(session, event.user_id, event.name, envelope)


async def _keep_name(session: AsyncSession, user_id: UUID, name: str, envelope: Envelope) -> None:
    """Keep the newest name of a person."""
    told = insert(Learner).values(user_id=user_id, name=name, seq=envelope.aggregate_seq)
    await session.execute(
        told.on_conflict_do_update(
            index_elements=[Learner.user_id],
            set_={"name": told.excluded.name, "seq": told.excluded.seq},
            where=Learner.seq < told.excluded.seq,
        )
    )

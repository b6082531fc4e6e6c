"""What learning knows of courses and lessons, and what a viewer has to do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Anyone, Viewer, among, operates
from subgraphs.kernel.db import Database
from subgraphs.kernel.pages import Listing, Order
from subgraphs.kernel.prepared import IDS, Prepared
from subgraphs.learning.locks import Outline, Standing
from subgraphs.learning.models import Course, CourseVersion, Enrollment, Learner, Lesson
from subgraphs.learning.progress import EnrollmentStatus
from subgraphs.learning.repository.standings import (
    ANYONE,
    OUTLINE,
    READ_SCOPE,
    STANDING,
    active,
    standing_of,
    visible_enrollments,
)


@dataclass(frozen=True, slots=True)
class SeenCourse:
    """A course as one viewer sees it."""

    organization_id: UUID
    enrollment_count: int
    standing: Standing | None
    """The viewer's own."""


@dataclass(frozen=True, slots=True)
class SeenLesson:
    """A lesson as one viewer sees it."""

    is_preview: bool
    standing: Standing | None
    """The viewer's own, in the lesson's course."""


@dataclass(frozen=True, slots=True)
class OpenCourse:
    """A course as it is on the day of an enrolment."""

    organization_id: UUID
    version_id: UUID
    is_free: bool
    outline: Outline
    status: EnrollmentStatus | None
    """Of the enrollment that the viewer has had so far."""
    missing_course_ids: list[UUID]
    """Courses that the viewer has to complete first."""


def visible_courses(viewer: Viewer | Anyone, *columns: Any) -> Select[Any]:
    """Select from the courses that `viewer` may know of, each with the viewer's own enrollment.

    These are public ones, those of the viewer's organizations, those the viewer is enrolled in.
    """
    own = and_(
        Enrollment.course_id == Course.course_id, Enrollment.user_id == viewer.user_id, active
    )
    return (
        select(*columns, STANDING)
        .select_from(Course)
        .outerjoin(Enrollment, own)
        .outerjoin(CourseVersion, CourseVersion.version_id == Enrollment.version_id)
        .where(or_(_open_to(viewer), Enrollment.id.is_not(None)))
    )


def _open_to(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    viewer = viewer.within(READ_SCOPE)
    mine = among(Course.organization_id, viewer.organization_ids)
    return or_(operates(viewer), Course.visibility == "public", mine)


async def see_courses(db: Database, viewer: Viewer, ids: Sequence[UUID]) -> list[SeenCourse | None]:
    """Find the courses of these ids, or None, in their order."""
    rows = await _courses().rows(db, ids=ids, **ANYONE.values(viewer))
    found = {id: SeenCourse(org, count, standing_of(own)) for id, org, count, *own in rows}
    return [found.get(id) for id in ids]


@cache
def _courses() -> Prepared:
    columns = (Course.course_id, Course.organization_id, Course.enrollment_count)
    wanted = Course.course_id == any_(bindparam("ids", type_=IDS))
    return Prepared(visible_courses(ANYONE, *columns).where(wanted))


async def see_lessons(db: Database, viewer: Viewer, ids: Sequence[UUID]) -> list[SeenLesson | None]:
    """Find the lessons of these ids, or None, in their order; each course is read once."""
    found = {}
    rows = await _lessons().rows(db, ids=ids, **ANYONE.values(viewer))
    for lesson_ids, previews, *own in rows:
        standing = standing_of(own)
        for id, is_preview in zip(lesson_ids, previews, strict=True):
            found[id] = SeenLesson(is_preview, standing)
    return [found.get(id) for id in ids]


@cache
def _lessons() -> Prepared:
    asked = (
        select(
            Lesson.course_id,
            func.array_agg(Lesson.lesson_id).label("ids"),
            func.array_agg(Lesson.is_preview).label("previews"),
        )
        .where(Lesson.lesson_id == any_(bindparam("ids", type_=IDS)))
        .group_by(Lesson.course_id)
        .subquery()
    )
    query = visible_courses(ANYONE, asked.c.ids, asked.c.previews)
    return Prepared(query.join(asked, asked.c.course_id == Course.course_id))


async def find_open_course(
    session: AsyncSession, viewer: Viewer, course_id: UUID
) -> OpenCourse | None:
    """Find a course that `viewer` may enrol in, as far as its visibility is concerned."""
    status = (
        select(Enrollment.status)
        .where(Enrollment.course_id == Course.course_id, Enrollment.user_id == viewer.user_id)
        .scalar_subquery()
    )
    done = select(Enrollment.course_id).where(
        Enrollment.user_id == viewer.user_id, Enrollment.completed_version_id.is_not(None)
    )
    required = func.unnest(Course.prerequisite_course_ids).column_valued("required")
    left = select(required).where(required.not_in(done)).correlate(Course)
    missing = func.array(left.scalar_subquery(), type_=ARRAY(Course.course_id.type))
    row = (
        await session.execute(
            select(
                Course.organization_id, Course.version_id, Course.is_free, OUTLINE, status, missing
            )
            .join(CourseVersion, CourseVersion.version_id == Course.version_id)
            .where(Course.course_id == course_id, ~Course.archived, _open_to(viewer))
        )
    ).one_or_none()
    return OpenCourse(*row) if row else None


async def latest_version(session: AsyncSession, course_id: UUID) -> tuple[UUID, Outline]:
    """Find the newest version of a course, and its outline."""
    query = (
        select(CourseVersion.version_id, OUTLINE)
        .join(Course, Course.version_id == CourseVersion.version_id)
        .where(Course.course_id == course_id)
    )
    version_id, outline = (await session.execute(query)).one()
    return version_id, outline


async def count_enrollment(session: AsyncSession, course_id: UUID, change: int) -> None:
    """Keep a course's count; last in a transaction, since others of this course wait for it."""
    await session.execute(
        update(Course)
        .where(Course.course_id == course_id)
        .values(enrollment_count=Course.enrollment_count + change)
        .execution_options(synchronize_session=False)
    )


class RosterOrder(StrEnum):
    """How a roster is sorted."""

    ENROLLED_AT = "ENROLLED_AT"
    """The newest enrolment first."""
    PERCENT_COMPLETE = "PERCENT_COMPLETE"
    """Those who have come furthest first."""
    NAME = "NAME"
    """By the learner's name."""


def rosters(
    viewer: Viewer,
    *,
    search: str | None,
    status: EnrollmentStatus | None,
    order_by: RosterOrder,
) -> Listing:
    """The visible enrollments of each course; `search` is a part of the learner's name."""
    query = (
        visible_enrollments(viewer)
        .outerjoin(Learner, Learner.user_id == Enrollment.user_id)
        .where(_in_status(status))
    )
    if search:
        query = query.where(Learner.name.icontains(search, autoescape=True))
    return Listing(query, lambda course_id: Enrollment.course_id == course_id, _ORDERS[order_by])


def enrollments_of_users(viewer: Viewer, *, status: EnrollmentStatus | None) -> Listing:
    """The visible enrollments of each person, the newest first."""
    return Listing(
        visible_enrollments(viewer).where(_in_status(status)),
        lambda user_id: Enrollment.user_id == user_id,
        _NEWEST_FIRST,
    )


def _in_status(status: EnrollmentStatus | None) -> ColumnElement[bool]:
    """Those who have left are shown only to someone who asks for them."""
    return active if status is None else Enrollment.status == status


_NEWEST_FIRST = (
    Order(Enrollment.enrolled_at, descending=True),
    Order(Enrollment.id, descending=True),
)
_ORDERS = {
    RosterOrder.ENROLLED_AT: _NEWEST_FIRST,
    RosterOrder.PERCENT_COMPLETE: (
        Order(Enrollment.percent_complete, descending=True),
        Order(Enrollment.id, descending=True),
    ),
    RosterOrder.NAME: (
        Order(func.lower(func.coalesce(Learner.name, ""))),
        Order(Enrollment.id),
    ),
}

"""What the database of courses has published, as the others are told of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed.activity import Offer
from subgraphs.courses.events import CoursePublished, PublishedLesson
from subgraphs.courses.models import Course, CourseVersion, VersionLesson


@dataclass(frozen=True)
class Published:
    """The newest event of a course, its number, and what the event does not tell."""

    event: CoursePublished
    seq: int
    language: str
    published_at: datetime

    def offer(self) -> Offer:
        event = self.event
        return Offer(
            event.course_id,
            event.version_id,
            event.organization_id,
            event.visibility == "private",
            event.is_free,
            self.language,
            self.published_at,
            [lesson.id for lesson in event.lessons],
            [lesson.release_after_days or 0 for lesson in event.lessons],
        )


async def read(session: AsyncSession, slugs: Collection[str]) -> list[Published]:
    """The courses of these slugs, sorted by them."""
    courses = await session.execute(
        select(Course, CourseVersion)
        .join(CourseVersion, CourseVersion.id == Course.latest_version_id)
        .where(Course.slug.in_(slugs))
        .order_by(Course.slug)
    )
    rows = await session.execute(
        select(*VersionLesson.__table__.c)
        .join(Course, Course.latest_version_id == VersionLesson.version_id)
        .where(Course.slug.in_(slugs))
        .order_by(VersionLesson.version_id, VersionLesson.ordinal)
    )
    lessons = {
        version_id: [_lesson(row) for row in group]
        for version_id, group in groupby(rows, attrgetter("version_id"))
    }
    return [
        _published(course, version, lessons[version.id]) for course, version in courses.tuples()
    ]


def _published(course: Course, version: CourseVersion, lessons: list[PublishedLesson]) -> Published:
    event = CoursePublished(
        course_id=course.id,
        organization_id=course.organization_id,
        version_id=version.id,
        version_number=version.number,
        title=course.title,
        slug=course.slug,
        visibility=course.visibility.value,
        is_free=course.is_free,
        sequential=course.sequential,
        prerequisite_course_ids=course.prerequisite_course_ids,
        instructor_ids=course.instructor_ids,
        lessons=lessons,
    )
    return Published(event, course.version, course.language, version.created_at)


def _lesson(row: Row[Any]) -> PublishedLesson:
    return PublishedLesson(
        id=row.lesson_id,
        module_id=row.module_id,
        title=row.title,
        kind=row.kind.value,
        is_preview=row.is_preview,
        release_after_days=row.release_after_days,
        prerequisite_lesson_ids=row.prerequisite_lesson_ids,
    )

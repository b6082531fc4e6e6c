"""Lessons of versions, and who may read their text."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, all_, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from subgraphs.courses.models import (
    Course,
    CourseVersion,
    Entitlement,
    LessonText,
    VersionLesson,
)
from subgraphs.courses.repository import courses
from subgraphs.courses.repository.courses import ANYONE
from subgraphs.kernel.auth import Anyone, Viewer
from subgraphs.kernel.db import Database
from subgraphs.kernel.prepared import IDS, Prepared

LessonRow = Any
"""The columns of a `VersionLesson`. Rows, not entities: a course page has many."""

_columns = tuple(VersionLesson.__table__.c)


@dataclass(frozen=True)
class Outline:
    """A version and its lessons, in the order of the course."""

    version_id: UUID
    number: int
    published_at: datetime
    lessons: list[LessonRow] = field(default_factory=list)


_lessons_of_versions = (
    select(*_columns, CourseVersion.number, CourseVersion.created_at)
    .join(CourseVersion, CourseVersion.id == VersionLesson.version_id)
    .where(VersionLesson.version_id == any_(bindparam("ids", type_=IDS)))
    .order_by(VersionLesson.version_id, VersionLesson.ordinal)
)
_outlines = Prepared(_lessons_of_versions)


async def outlines(db: Database, version_ids: Sequence[UUID]) -> list[Outline | None]:
    """Find what each version consists of; who may see a course may see this."""
    found = _by_version(await _outlines.rows(db, ids=version_ids))
    return [found.get(id) for id in version_ids]


async def latest_outline(session: AsyncSession, version_id: UUID | None) -> Outline | None:
    if version_id is None:
        return None
    rows = await session.execute(_lessons_of_versions, {"ids": [version_id]})
    return _by_version(rows).get(version_id)


def _by_version(rows: Iterable[LessonRow]) -> dict[UUID, Outline]:
    found: dict[UUID, Outline] = {}
    for row in rows:
        id = row.version_id
        if id not in found:
            found[id] = Outline(id, row.number, row.created_at)
        found[id].lessons.append(row)
    return found


def _seen_lessons(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Lessons in the version that the viewer sees of their course, joined to that course."""
    seen = func.coalesce(Entitlement.version_id, Course.latest_version_id)
    visible = courses.visible_courses(ANYONE).with_only_columns(*columns)
    return visible.join(VersionLesson, VersionLesson.course_id == Course.id).where(
        VersionLesson.lesson_id == any_(bindparam("ids", type_=IDS)),
        VersionLesson.version_id == seen,
    )


@cache
def _lessons() -> Prepared:
    return Prepared(_seen_lessons(*_columns))


async def lessons_by(
    db: Database, viewer: Viewer, lesson_ids: Sequence[UUID]
) -> list[LessonRow | None]:
    """Find a lesson, or None, for each id, in their order."""
    rows = await _lessons().rows(db, ids=lesson_ids, **ANYONE.values(viewer))
    found = {row.lesson_id: row for row in rows}
    return [found.get(id) for id in lesson_ids]


@cache
def _contents() -> Prepared:
    query = _seen_lessons(VersionLesson.lesson_id, LessonText.html)
    text = LessonText.id == VersionLesson.text_id
    return Prepared(query.join(LessonText, text).where(_may_read(ANYONE)))


async def contents(db: Database, viewer: Viewer, lesson_ids: Sequence[UUID]) -> list[str | None]:
    """Find the HTML of each lesson that the viewer may read, None for the others.

    This alone decides, whatever path led here; a text that may not be read stays in the database.
    """
    rows = await _contents().rows(db, ids=lesson_ids, **ANYONE.values(viewer))
    found = {row.lesson_id: row.html for row in rows}
    return [found.get(id) for id in lesson_ids]


def _may_read(viewer: Anyone) -> ColumnElement[bool]:
    return or_(
        VersionLesson.is_preview,
        courses.editable_by(viewer),
        and_(Entitlement.user_id.is_not(None), _is_open()),
    )


def _is_open() -> ColumnElement[bool]:
    """Released, and all complete that must be; a lesson completed once stays open."""
    completed = Entitlement.completed_lesson_ids
    earlier = aliased(VersionLesson)
    incomplete_before = exists().where(
        earlier.version_id == VersionLesson.version_id,
        earlier.ordinal < VersionLesson.ordinal,
        earlier.lesson_id != all_(completed),
    )
    released_at = Entitlement.enrolled_at + VersionLesson.release_after_days * timedelta(days=1)
    return or_(
        VersionLesson.lesson_id == any_(completed),
        and_(
            or_(VersionLesson.release_after_days.is_(None), released_at <= func.now()),
            VersionLesson.prerequisite_lesson_ids.contained_by(completed),
            or_(Course.sequential.is_(False), ~incomplete_before),
        ),
    )


def by_module(rows: Sequence[LessonRow]) -> dict[UUID, list[LessonRow]]:
    """Group lessons by module; both stay in the order of the course."""
    found: dict[UUID, list[LessonRow]] = defaultdict(list)
    for row in rows:
        found[row.module_id].append(row)
    return found

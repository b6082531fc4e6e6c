"""Publishing: freezing a draft as a version that never changes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses import errors, events, markdown
from subgraphs.courses.models import (
    Course,
    CourseStatus,
    CourseVersion,
    Lesson,
    LessonText,
    Module,
    VersionLesson,
)
from subgraphs.courses.repository import courses as repository
from subgraphs.courses.repository import drafts, lessons, search
from subgraphs.kernel import outbox
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database, new_id

_FROZEN = tuple(
    column.name for column in VersionLesson.__table__.columns if column.name != "version_id"
)


async def render_draft(db: Database, viewer: Viewer, course_id: UUID) -> dict[str, str]:
    """Render what was edited since it was last published; return the HTML by its Markdown.

    Before the transaction: this may take seconds, in which nothing is locked and no connection
    is held.
    """
    async with db.read() as session:
        texts = await drafts.edited_texts(session, viewer, course_id)
    return dict(zip(texts, await markdown.render_aside(texts), strict=True))


async def publish_course(
    session: AsyncSession,
    viewer: Viewer,
    *,
    course_id: UUID,
    rendered: Mapping[str, str] = MappingProxyType({}),
) -> Course:
    """Freeze the draft as the version that newcomers see; those enrolled stay on theirs.

    A draft that says what the latest version says makes no new one. Texts that are not among
    `rendered`, by their Markdown, are rendered now.

    Raises:
        EmptyCourseError: No module has a lesson.
    """
    course = await repository.lock_editable_course(session, viewer, course_id)
    modules = await drafts.modules_of(session, [course.id])
    draft = await drafts.lessons_of(session, [course.id], markdown=True)
    if not draft:
        raise errors.EmptyCourseError
    await _render(session, draft, rendered)
    frozen = _freeze(course.id, modules, draft)
    outline = await lessons.latest_outline(session, course.latest_version_id)
    before = {row.lesson_id: _facts(row) for row in outline.lessons} if outline else {}
    after = {row["lesson_id"]: tuple(row[name] for name in _FROZEN) for row in frozen}
    course.has_draft_changes = False
    if before == after and course.status is CourseStatus.PUBLISHED:
        return course
    if before != after:
        number = (outline.number if outline else 0) + 1
        await _add_version(session, viewer, course, number, frozen)
    course.status = CourseStatus.PUBLISHED
    await search.index_courses(session, [course.id])
    await announce(session, course)
    for lesson_id in before.keys() & after.keys():
        if before[lesson_id] != after[lesson_id]:
            changed = events.LessonChanged(course_id=course.id, lesson_id=lesson_id)
            outbox.publish(session, changed, of=course, tenant_id=course.organization_id)
    return course


async def _render(
    session: AsyncSession, draft: Sequence[Lesson], rendered: Mapping[str, str]
) -> None:
    """Store the texts that were edited since they were last rendered."""
    edited = [lesson for lesson in draft if lesson.text_id is None]
    late = list({lesson.markdown for lesson in edited} - rendered.keys())
    html = {**rendered, **dict(zip(late, await markdown.render_aside(late), strict=True))}
    ids = [new_id() for _ in edited]
    if edited:
        texts = zip(ids, edited, strict=True)
        rows = [{"id": id, "html": html[lesson.markdown]} for id, lesson in texts]
        await session.execute(insert(LessonText), rows)
    for lesson, id in zip(edited, ids, strict=True):
        lesson.text_id = id


def _freeze(
    course_id: UUID, modules: Sequence[Module], draft: Sequence[Lesson]
) -> list[dict[str, Any]]:
    """Return the rows of the version's lessons; modules without any are left out."""
    frozen: list[dict[str, Any]] = []
    filled = [module for module in modules if any(row.module_id == module.id for row in draft)]
    for module_position, module in enumerate(filled):
        for lesson in (row for row in draft if row.module_id == module.id):
            row = {name: getattr(lesson, name, None) for name in _FROZEN}
            row |= {
                "lesson_id": lesson.id,
                "course_id": course_id,
                "ordinal": len(frozen),
                "module_title": module.title,
                "module_position": module_position,
            }
            frozen.append(row)
    return frozen


def _facts(row: lessons.LessonRow) -> tuple[Any, ...]:
    return tuple(row._mapping[name] for name in _FROZEN)


async def _add_version(
    session: AsyncSession,
    viewer: Viewer,
    course: Course,
    number: int,
    frozen: Sequence[dict[str, Any]],
) -> None:
    version = CourseVersion(
        id=new_id(), course_id=course.id, number=number, published_by=viewer.user_id
    )
    session.add(version)
    await session.flush()
    rows = [{**row, "version_id": version.id} for row in frozen]
    await session.execute(insert(VersionLesson), rows)
    now = await session.scalar(select(func.now()))
    assert now is not None
    if course.latest_version_id is None:
        course.listed_at = now
    course.latest_version_id = version.id
    course.lesson_count = len(frozen)
    course.updated_at = now


async def announce(session: AsyncSession, course: Course) -> None:
    """Tell the others how the course is now."""
    outline = await lessons.latest_outline(session, course.latest_version_id)
    assert outline is not None, "a published course has a version"
    event = events.CoursePublished(
        course_id=course.id,
        organization_id=course.organization_id,
        version_id=outline.version_id,
        version_number=outline.number,
        title=course.title,
        slug=course.slug,
        visibility=course.visibility.value,
        is_free=course.is_free,
        sequential=course.sequential,
        prerequisite_course_ids=course.prerequisite_course_ids,
        instructor_ids=course.instructor_ids,
        lessons=[
            events.PublishedLesson(
                id=row.lesson_id,
                module_id=row.module_id,
                title=row.title,
                kind=row.kind.value,
                is_preview=row.is_preview,
                release_after_days=row.release_after_days,
                prerequisite_lesson_ids=row.prerequisite_lesson_ids,
            )
            for row in outline.lessons
        ],
    )
    outbox.publish(session, event, of=course, tenant_id=course.organization_id)

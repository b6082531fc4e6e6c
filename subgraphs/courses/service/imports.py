"""Courses that come from elsewhere as a whole: what is imported replaces the draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses import errors, markdown
from subgraphs.courses.models import Category, Course, Lesson, LessonKind, Level, Module
from subgraphs.courses.repository import courses as repository
from subgraphs.courses.repository import drafts
from subgraphs.courses.service import checks
from subgraphs.courses.service.courses import CourseChanges, create_course, update_course
from subgraphs.courses.service.publishing import publish_course
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True)
class ImportedLesson:
    """A text; `key` tells it from the others of its course, now and at the next import."""

    key: str
    title: str
    markdown: str
    is_preview: bool = False
    duration_minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImportedModule:
    """A part of the course, with a `key` like a lesson's."""

    key: str
    title: str
    lessons: Sequence[ImportedLesson]


@dataclass(frozen=True, kw_only=True)
class ImportedCourse:
    """A course; its slug tells it from all others, now and at the next import."""

    slug: str
    title: str
    summary: str = ""
    description: str = ""
    """Markdown."""
    language: str = "en"
    level: Level | None = None
    category: str | None = None
    """Its name; a category that is not there is made."""
    modules: Sequence[ImportedModule]


def check_size(modules: Sequence[ImportedModule]) -> None:
    """Refuse, with a CourseTooLargeError, what is more than a course may have."""
    texts = [lesson.markdown for module in modules for lesson in module.lessons]
    if (
        len(modules) > errors.MAX_MODULES
        or len(texts) > errors.MAX_LESSONS
        or sum(map(len, texts)) > errors.MAX_CHARACTERS
    ):
        raise errors.CourseTooLargeError


async def render_course(course: ImportedCourse) -> dict[str, str]:
    """Render all its texts before the transaction; return the HTML by its Markdown.

    Raises:
        CourseTooLargeError: It has more of something than a course may have.
    """
    check_size(course.modules)
    texts = list({lesson.markdown for module in course.modules for lesson in module.lessons})
    return dict(zip(texts, await markdown.render_aside(texts), strict=True))


async def import_course(
    session: AsyncSession,
    course: ImportedCourse,
    *,
    organization_id: UUID,
    instructor_id: UUID,
    rendered: Mapping[str, str] = MappingProxyType({}),
) -> Course:
    """Make or renew the course of this slug, and publish it if anything has changed.

    Ids follow from the keys, so learners find what they have completed after every import.

    Raises:
        SlugTakenError: A course of another organization has this slug.
        CourseTooLargeError: It has more of something than a course may have.
        InvalidInputError: A value is not acceptable, or two things have one key.
    """
    viewer = Viewer(user_id=instructor_id, roles={organization_id: "instructor"})
    check_size(course.modules)
    _check_keys(course.modules)
    row = await _settle(session, viewer, course, organization_id)
    if await _replace_draft(session, row.id, course.modules):
        row.has_draft_changes = True
    return await publish_course(session, viewer, course_id=row.id, rendered=rendered)


def _check_keys(modules: Sequence[ImportedModule]) -> None:
    """Refuse what would be the same row twice."""
    lessons = [lesson.key for module in modules for lesson in module.lessons]
    for field, keys in (("modules", [module.key for module in modules]), ("lessons", lessons)):
        if len(set(keys)) != len(keys):
            raise InvalidInputError(field, f"Two {field} have the same key.")


async def _settle(
    session: AsyncSession, viewer: Viewer, course: ImportedCourse, organization_id: UUID
) -> Course:
    """Find or make the course, with the settings as imported."""
    changes = CourseChanges(
        title=course.title,
        summary=course.summary,
        description=course.description,
        language=course.language,
        level=course.level,
        category_slug=await _category(session, course.category),
    )
    known = await session.scalar(select(Course).where(Course.slug == course.slug))
    if known is None:
        changes["slug"] = course.slug
        return await create_course(
            session, viewer, organization_id=organization_id, changes=changes
        )
    if known.organization_id != organization_id:
        raise errors.SlugTakenError(course.slug)
    locked = await repository.lock_editable_course(session, viewer, known.id)
    await session.refresh(locked, ["description"])
    now = {name: getattr(locked, name) for name in ("title", "summary", "description", "level")} | {
        "language": locked.language,
        "category_slug": locked.category_slug,
    }
    if now | dict(changes) == now:
        return locked
    return await update_course(session, viewer, course_id=locked.id, changes=changes)


async def _category(session: AsyncSession, name: str | None) -> str | None:
    if name is None:
        return None
    slug = checks.slug_of(name)
    row = {"id": new_id(), "slug": slug, "name": checks.line("category", name, at_most=80)}
    await session.execute(insert(Category).values(row).on_conflict_do_nothing())
    return slug


async def _replace_draft(
    session: AsyncSession, course_id: UUID, imported: Sequence[ImportedModule]
) -> bool:
    """Make the draft equal to what is imported; tell whether that took anything."""
    modules = {row.id: row for row in await drafts.modules_of(session, [course_id])}
    lessons = {row.id: row for row in await drafts.lessons_of(session, [course_id], markdown=True)}
    kept = set[UUID]()
    for position, told in enumerate(imported):
        module_id = uuid5(course_id, f"module {told.key}")
        module = modules.get(module_id) or Module(id=module_id, course_id=course_id)
        module.title, module.position = checks.line("title", told.title), position
        session.add(module)
        kept.add(module_id)
    changed = _has_changes(session)
    await session.flush()  # lessons refer to modules
    for part in imported:
        for position, told_lesson in enumerate(part.lessons):
            lesson_id = uuid5(course_id, f"lesson {told_lesson.key}")
            lesson = lessons.get(lesson_id) or Lesson(
                id=lesson_id, course_id=course_id, prerequisite_lesson_ids=[]
            )
            lesson.module_id = uuid5(course_id, f"module {part.key}")
            lesson.position = position
            _fill(lesson, told_lesson)
            session.add(lesson)
            kept.add(lesson_id)
    changed = changed or _has_changes(session)
    await session.flush()
    rows: list[Module | Lesson] = [*lessons.values(), *modules.values()]
    gone = [row for row in rows if row.id not in kept]
    for row in gone:
        await drafts.delete_row(session, row)
    return changed or bool(gone)


def _has_changes(session: AsyncSession) -> bool:
    return bool(session.new) or any(session.is_modified(row) for row in session.dirty)


def _fill(lesson: Lesson, told: ImportedLesson) -> None:
    text = checks.text("markdown", told.markdown, at_most=checks.MAX_MARKDOWN)
    if lesson.markdown != text:
        lesson.markdown, lesson.text_id = text, None
    lesson.title = checks.line("title", told.title)
    lesson.kind = LessonKind.TEXT
    lesson.is_preview = told.is_preview
    lesson.duration_minutes = checks.number(
        "duration_minutes", told.duration_minutes, at_most=checks.MAX_MINUTES
    )

"""Work on a draft. The course's row is locked first, so editors take turns."""

from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses import errors
from subgraphs.courses.errors import MAX_CHARACTERS, MAX_LESSONS, MAX_MODULES
from subgraphs.courses.models import Lesson, LessonKind, Module
from subgraphs.courses.repository import courses, drafts
from subgraphs.courses.service import checks
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import InvalidInputError


class LessonChanges(TypedDict, total=False):
    """New values of a lesson; what is absent stays as it is."""

    title: str
    kind: LessonKind
    markdown: str
    reference_id: UUID | None
    duration_minutes: int | None
    is_preview: bool
    release_after_days: int | None
    prerequisite_lesson_ids: list[UUID]


async def add_module(
    session: AsyncSession,
    viewer: Viewer,
    *,
    course_id: UUID,
    title: str,
    position: int | None = None,
    id: UUID | None = None,
) -> Module:
    """Add a module at `position`, or as the last one."""
    course = await courses.lock_editable_course(session, viewer, course_id)
    count = await drafts.count_modules(session, course.id)
    if count >= MAX_MODULES:
        raise errors.CourseTooLargeError
    title = checks.line("title", title)
    module = Module(id=id or new_id(), course_id=course.id, title=title, position=count)
    session.add(module)
    course.has_draft_changes = True
    if position is not None:
        await _place(session, module, course.id, position)
    return module


async def update_module(
    session: AsyncSession, viewer: Viewer, *, module_id: UUID, title: str
) -> Module:
    course, module = await drafts.lock_module(session, viewer, module_id)
    module.title = checks.line("title", title)
    course.has_draft_changes = True
    return module


async def move_module(
    session: AsyncSession, viewer: Viewer, *, module_id: UUID, course_id: UUID, position: int
) -> Module:
    """Move a module within its course.

    Raises:
        ModuleNotInCourseError: `course_id` is another course.
    """
    course, module = await drafts.lock_module(session, viewer, module_id)
    if course.id != course_id:
        raise errors.ModuleNotInCourseError(module_id)
    await _place(session, module, course.id, position)
    course.has_draft_changes = True
    return module


async def delete_module(session: AsyncSession, viewer: Viewer, *, module_id: UUID) -> UUID:
    """Delete a module and its lessons from the draft; versions keep them. Returns the course."""
    course, module = await drafts.lock_module(session, viewer, module_id)
    await drafts.delete_row(session, module)
    await drafts.number(session, Module, await drafts.ids_in_order(session, Module, course.id))
    course.has_draft_changes = True
    return course.id


async def add_lesson(
    session: AsyncSession,
    viewer: Viewer,
    *,
    module_id: UUID,
    changes: LessonChanges,
    position: int | None = None,
    id: UUID | None = None,
) -> Lesson:
    """Add a lesson at `position` of a module, or as its last one.

    Raises:
        CourseTooLargeError: The course has as many lessons, or as much text, as it may have.
    """
    course, module = await drafts.lock_module(session, viewer, module_id)
    everywhere, here = await drafts.count_lessons(session, course.id, module.id)
    if everywhere >= MAX_LESSONS:
        raise errors.CourseTooLargeError
    lesson = Lesson(
        id=id or new_id(),
        course_id=course.id,
        module_id=module.id,
        position=here,
        kind=LessonKind.TEXT,
        markdown="",
        prerequisite_lesson_ids=[],
    )
    await _apply(session, lesson, changes)
    session.add(lesson)
    course.has_draft_changes = True
    if position is not None:
        await _place(session, lesson, module.id, position)
    return lesson


async def update_lesson(
    session: AsyncSession, viewer: Viewer, *, lesson_id: UUID, changes: LessonChanges
) -> Lesson:
    course, lesson = await drafts.lock_lesson(session, viewer, lesson_id)
    await _apply(session, lesson, changes)
    course.has_draft_changes = True
    return lesson


async def move_lesson(
    session: AsyncSession, viewer: Viewer, *, lesson_id: UUID, module_id: UUID, position: int
) -> Lesson:
    """Move a lesson within its module or into another one of its course.

    Raises:
        ModuleNotInCourseError: `module_id` belongs to another course.
    """
    course, lesson = await drafts.lock_lesson(session, viewer, lesson_id)
    if not await drafts.is_module_of(session, course.id, module_id):
        raise errors.ModuleNotInCourseError(module_id)
    left = lesson.module_id
    lesson.module_id = module_id
    await _place(session, lesson, module_id, position)
    if left != module_id:
        await drafts.number(session, Lesson, await drafts.ids_in_order(session, Lesson, left))
    course.has_draft_changes = True
    return lesson


async def delete_lesson(session: AsyncSession, viewer: Viewer, *, lesson_id: UUID) -> UUID:
    """Delete a lesson from the draft; versions keep it. Returns the course's id."""
    course, lesson = await drafts.lock_lesson(session, viewer, lesson_id)
    await drafts.delete_row(session, lesson)
    rest = await drafts.ids_in_order(session, Lesson, lesson.module_id)
    await drafts.number(session, Lesson, rest)
    course.has_draft_changes = True
    return course.id


async def _place(session: AsyncSession, row: Module | Lesson, parent: UUID, position: int) -> None:
    """Put `row` at `position` among its siblings; beyond the end is the end."""
    if position < 0:
        raise InvalidInputError("position", "Positions start at 0.")
    await session.flush()
    others = await drafts.ids_in_order(session, type(row), parent)
    others.remove(row.id)
    others.insert(position, row.id)
    await drafts.number(session, type(row), others)
    await session.refresh(row, ["position"])


async def _apply(session: AsyncSession, lesson: Lesson, changes: LessonChanges) -> None:
    values: dict[str, Any] = dict(changes)
    if "title" in changes:
        values["title"] = checks.line("title", changes["title"])
    if "markdown" in changes:
        await _write(session, lesson, values.pop("markdown"))
    checks.number("durationMinutes", changes.get("duration_minutes"), at_most=checks.MAX_MINUTES)
    checks.number("releaseAfterDays", changes.get("release_after_days"), at_most=checks.MAX_DAYS)
    if "prerequisite_lesson_ids" in changes:
        values["prerequisite_lesson_ids"] = await _prerequisites(
            session, lesson, changes["prerequisite_lesson_ids"]
        )
    for name, value in values.items():
        setattr(lesson, name, value)


async def _write(session: AsyncSession, lesson: Lesson, markdown: str) -> None:
    """Change the text; one that stays the same stays rendered."""
    checks.text("markdown", markdown, at_most=checks.MAX_MARKDOWN)
    if markdown == lesson.markdown:
        return
    others = await drafts.count_characters(session, lesson.course_id, other_than=lesson.id)
    if others + len(markdown) > MAX_CHARACTERS:
        raise errors.CourseTooLargeError
    lesson.markdown, lesson.text_id = markdown, None


async def _prerequisites(session: AsyncSession, lesson: Lesson, wanted: list[UUID]) -> list[UUID]:
    field = "prerequisiteLessonIds"
    required = checks.distinct(field, wanted, at_most=checks.MAX_PREREQUISITES)
    if not required:
        return []
    graph = await drafts.prerequisites(session, lesson.course_id)
    graph[lesson.id] = required
    if not graph.keys() >= set(required):
        raise InvalidInputError(field, "One of these lessons is not in this course.")
    if _reaches(graph, required, lesson.id):
        raise errors.PrerequisiteCycleError
    return required


def _reaches(graph: dict[UUID, list[UUID]], start: list[UUID], goal: UUID) -> bool:
    ahead, seen = list(start), set[UUID]()
    while ahead:
        if (id := ahead.pop()) == goal:
            return True
        if id not in seen:
            seen.add(id)
            ahead += graph.get(id, [])
    return False

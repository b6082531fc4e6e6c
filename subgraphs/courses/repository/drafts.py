"""Drafts: the modules and lessons that editors work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, Uuid, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from subgraphs.courses import errors
from subgraphs.courses.models import Course, Lesson, LessonText, Module
from subgraphs.courses.repository import courses
from subgraphs.kernel.auth import Viewer


async def modules_of(session: AsyncSession, course_ids: Sequence[UUID]) -> Sequence[Module]:
    query = select(Module).where(Module.course_id.in_(course_ids))
    return (await session.scalars(query.order_by(Module.course_id, Module.position))).all()


async def lessons_of(
    session: AsyncSession, course_ids: Sequence[UUID], *, markdown: bool = False
) -> Sequence[Lesson]:
    """Return lessons by module and position; their Markdown only when told to."""
    query = select(Lesson).where(Lesson.course_id.in_(course_ids))
    if markdown:
        query = query.options(undefer(Lesson.markdown))
    return (await session.scalars(query.order_by(Lesson.module_id, Lesson.position))).all()


@dataclass(frozen=True)
class Draft:
    """All of a draft but the Markdown of its lessons."""

    description: str
    modules: list[Module]
    lessons: dict[UUID, list[Lesson]]
    """By module, in order."""


async def drafts_of(
    session: AsyncSession, viewer: Viewer, course_ids: Sequence[UUID]
) -> list[Draft | None]:
    """Find the drafts of courses that the viewer may change, None for the others."""
    mine = select(Course.id, Course.description).where(
        Course.id.in_(course_ids), courses.editable_by(viewer)
    )
    descriptions = {row.id: row.description for row in await session.execute(mine)}
    modules = await modules_of(session, list(descriptions))
    lessons = await lessons_of(session, list(descriptions))
    found = {id: Draft(text, [], {}) for id, text in descriptions.items()}
    for module in modules:
        found[module.course_id].modules.append(module)
        found[module.course_id].lessons[module.id] = []
    for lesson in lessons:
        found[lesson.course_id].lessons[lesson.module_id].append(lesson)
    return [found.get(id) for id in course_ids]


async def markdown_of(
    session: AsyncSession, viewer: Viewer, lesson_ids: Sequence[UUID]
) -> list[str]:
    """Find the Markdown of lessons of drafts that the viewer may change."""
    rows = await session.execute(
        select(Lesson.id, Lesson.markdown)
        .join(Course, Course.id == Lesson.course_id)
        .where(Lesson.id.in_(lesson_ids), courses.editable_by(viewer))
    )
    found = {row.id: row.markdown for row in rows}
    return [found.get(id, "") for id in lesson_ids]


async def texts_of(
    session: AsyncSession, viewer: Viewer, lesson_ids: Sequence[UUID]
) -> list[tuple[str | None, str]]:
    """Find the HTML of lessons of drafts, or None and the Markdown of those edited since."""
    edited = case((Lesson.text_id.is_(None), Lesson.markdown), else_="").label("markdown")
    rows = await session.execute(
        select(Lesson.id, LessonText.html, edited)
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(LessonText, LessonText.id == Lesson.text_id)
        .where(Lesson.id.in_(lesson_ids), courses.editable_by(viewer))
    )
    found = {row.id: (row.html, row.markdown) for row in rows}
    return [found.get(id, ("", "")) for id in lesson_ids]


async def edited_texts(session: AsyncSession, viewer: Viewer, course_id: UUID) -> Sequence[str]:
    """Find the Markdown that has yet to be rendered of a course that the viewer may change."""
    return (
        await session.scalars(
            select(Lesson.markdown)
            .join(Course, Course.id == Lesson.course_id)
            .where(
                Lesson.course_id == course_id,
                Lesson.text_id.is_(None),
                courses.editable_by(viewer, courses.WRITE_SCOPE),
            )
            .distinct()
        )
    ).all()


async def lock_module(
    session: AsyncSession, viewer: Viewer, module_id: UUID
) -> tuple[Course, Module]:
    """Lock the course of a module, then read the module.

    To those who may not change its course it does not exist: a draft is nobody else's business.
    """
    owner = select(Module.course_id).where(Module.id == module_id)
    course = await _lock_owner(session, viewer, owner)
    row = await session.scalar(select(Module).where(Module.id == module_id))
    if course is None or row is None:
        raise errors.CourseModuleNotFoundError(module_id)
    return course, row


async def lock_lesson(
    session: AsyncSession, viewer: Viewer, lesson_id: UUID
) -> tuple[Course, Lesson]:
    """Lock the course of a lesson, then read the lesson and its text, like `lock_module`."""
    owner = select(Lesson.course_id).where(Lesson.id == lesson_id)
    course = await _lock_owner(session, viewer, owner)
    query = select(Lesson).where(Lesson.id == lesson_id).options(undefer(Lesson.markdown))
    row = await session.scalar(query)
    if course is None or row is None:
        raise errors.LessonNotFoundError(lesson_id)
    return course, row


async def _lock_owner(session: AsyncSession, viewer: Viewer, owner: Select[UUID]) -> Course | None:
    viewer.require_user()
    viewer.require_scope(courses.WRITE_SCOPE)
    query = courses.visible_courses(viewer, courses.WRITE_SCOPE).where(
        Course.id == owner.scalar_subquery(), courses.editable_by(viewer, courses.WRITE_SCOPE)
    )
    return await session.scalar(query.with_for_update(of=Course))


async def count_modules(session: AsyncSession, course_id: UUID) -> int:
    query = select(func.count()).where(Module.course_id == course_id)
    return await session.scalar(query) or 0


async def count_lessons(session: AsyncSession, course_id: UUID, module_id: UUID) -> tuple[int, int]:
    """Count the lessons of the course, and those of one of its modules."""
    mine = func.count().filter(Lesson.module_id == module_id)
    row = await session.execute(select(func.count(), mine).where(Lesson.course_id == course_id))
    everywhere, here = row.one()
    return everywhere, here


async def count_characters(session: AsyncSession, course_id: UUID, *, other_than: UUID) -> int:
    """Count those of the Markdown of all lessons but one."""
    query = select(func.sum(func.char_length(Lesson.markdown))).where(
        Lesson.course_id == course_id, Lesson.id != other_than
    )
    return await session.scalar(query) or 0


async def ids_in_order(
    session: AsyncSession, kind: type[Module] | type[Lesson], parent: UUID
) -> list[UUID]:
    """The modules of a course, or the lessons of a module, in order."""
    column = Module.course_id if kind is Module else Lesson.module_id
    return list(
        await session.scalars(select(kind.id).where(column == parent).order_by(kind.position))
    )


async def number(
    session: AsyncSession, kind: type[Module] | type[Lesson], ids: Sequence[UUID]
) -> None:
    """Give rows the positions 0, 1, 2 … in the order of `ids`."""
    if not ids:
        return
    position = func.array_position(literal(list(ids), ARRAY(Uuid)), kind.id) - 1
    await session.execute(
        update(kind)
        .where(kind.id.in_(ids), kind.position != position)
        .values(position=position)
        .execution_options(synchronize_session="fetch")
    )


async def delete_row(session: AsyncSession, row: Module | Lesson) -> None:
    """Delete a module with its lessons, or a lesson; nobody requires what is gone."""
    kind = type(row)
    gone = [row.id] if kind is Lesson else await ids_in_order(session, Lesson, row.id)
    await session.execute(delete(kind).where(kind.id == row.id))
    for lesson_id in gone:
        await session.execute(
            update(Lesson)
            .where(
                Lesson.course_id == row.course_id,
                Lesson.prerequisite_lesson_ids.contains([lesson_id]),
            )
            .values(
                prerequisite_lesson_ids=func.array_remove(Lesson.prerequisite_lesson_ids, lesson_id)
            )
        )


async def prerequisites(session: AsyncSession, course_id: UUID) -> dict[UUID, list[UUID]]:
    """What each lesson of a draft requires."""
    rows = await session.execute(
        select(Lesson.id, Lesson.prerequisite_lesson_ids).where(Lesson.course_id == course_id)
    )
    return {row.id: row.prerequisite_lesson_ids for row in rows}


async def is_module_of(session: AsyncSession, course_id: UUID, module_id: UUID) -> bool:
    query = select(Module.id).where(Module.id == module_id, Module.course_id == course_id)
    return await session.scalar(query) is not None

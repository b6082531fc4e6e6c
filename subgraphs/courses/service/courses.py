"""A course's settings, which hold as soon as they are saved, and its end."""

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses import errors, events, markdown
from subgraphs.courses.models import Category, Course, CourseStatus, Level, Visibility
from subgraphs.courses.repository import courses as repository
from subgraphs.courses.repository import members, search
from subgraphs.courses.service import checks
from subgraphs.courses.service.publishing import announce
from subgraphs.kernel import outbox
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import ForbiddenError, InvalidInputError


class CourseChanges(TypedDict, total=False):
    """New values of a course's settings; what is absent stays as it is."""

    title: str
    slug: str
    summary: str
    description: str
    language: str
    level: Level | None
    category_slug: str | None
    visibility: Visibility
    is_free: bool
    sequential: bool
    instructor_ids: list[UUID]
    prerequisite_course_ids: list[UUID]


_ANNOUNCED = {
    "title", "slug", "visibility", "is_free", "sequential", "instructor_ids",
    "prerequisite_course_ids",
}  # fmt: skip
"""Settings that other subgraphs keep a copy of."""


async def create_course(
    session: AsyncSession, viewer: Viewer, *, organization_id: UUID, changes: CourseChanges
) -> Course:
    """Start a draft; the person who does is its first instructor."""
    viewer.require_role(organization_id, repository.EDITORS)
    viewer.require_scope(repository.WRITE_SCOPE)
    course = Course(
        id=new_id(),
        organization_id=organization_id,
        instructor_ids=[viewer.person_id] if viewer.person_id else [],
        prerequisite_course_ids=[],
        status=CourseStatus.DRAFT,
    )
    title = checks.line("title", changes["title"])
    slug = changes.get("slug") or await _free_slug(session, title, course.id)
    session.add(course)
    with session.no_autoflush:
        await _apply(session, viewer, course, {**changes, "slug": slug})
    await _flush(session, slug)
    return course


async def update_course(
    session: AsyncSession, viewer: Viewer, *, course_id: UUID, changes: CourseChanges
) -> Course:
    """Change settings; those who keep a copy of a published course's are told."""
    course = await repository.lock_editable_course(session, viewer, course_id)
    before = {name: getattr(course, name) for name in _ANNOUNCED}
    with session.no_autoflush:
        await _apply(session, viewer, course, changes)
    await _flush(session, course.slug)
    course.updated_at = await session.scalar(select(func.now())) or course.updated_at
    has_news = before != {name: getattr(course, name) for name in _ANNOUNCED}
    if course.status is CourseStatus.PUBLISHED:
        await search.index_courses(session, [course.id])
        if has_news:
            await announce(session, course)
    elif course.status is CourseStatus.ARCHIVED and course.latest_version_id and has_news:
        await announce(session, course)  # those enrolled go on by its rules
        _announce_archive(session, course)
    return course


async def _free_slug(session: AsyncSession, title: str, course_id: UUID) -> str:
    slug = checks.slug_of(title)
    if await repository.is_slug_taken(session, slug, other_than=course_id):
        return f"{slug}-{course_id.hex[-8:]}"
    return slug


async def _flush(session: AsyncSession, slug: str) -> None:
    """Write now: whether a slug is free is decided by its unique index, not by looking."""
    try:
        await session.flush()
    except IntegrityError as error:
        if "uq_courses_slug" not in str(error.orig):
            raise
        raise errors.SlugTakenError(slug) from error


async def _apply(
    session: AsyncSession, viewer: Viewer, course: Course, changes: CourseChanges
) -> None:
    if "title" in changes:
        course.title = checks.line("title", changes["title"])
    if "slug" in changes:
        course.slug = checks.slug(changes["slug"])
    if "summary" in changes:
        course.summary = checks.text("summary", changes["summary"], at_most=checks.MAX_SUMMARY)
    if "description" in changes:
        course.description = checks.text(
            "description", changes["description"], at_most=checks.MAX_MARKDOWN
        )
        [course.description_html] = await markdown.render_aside([course.description])
    if "language" in changes:
        course.language = checks.language(changes["language"])
    for name in ("level", "visibility", "is_free", "sequential"):
        if name in changes:
            setattr(course, name, changes[name])
    await _apply_relations(session, viewer, course, changes)


async def _apply_relations(
    session: AsyncSession, viewer: Viewer, course: Course, changes: CourseChanges
) -> None:
    if "category_slug" in changes:
        slug = changes["category_slug"]
        category = await repository.category_by_slug(session, slug) if slug else None
        course.category_id = category.id if category else None
    if "instructor_ids" in changes:
        course.instructor_ids = await _instructors(
            session, viewer, course, changes["instructor_ids"]
        )
    if "prerequisite_course_ids" in changes:
        required = checks.distinct(
            "prerequisiteCourseIds",
            changes["prerequisite_course_ids"],
            at_most=checks.MAX_PREREQUISITES,
        )
        await _check_prerequisites(session, viewer, course.id, required)
        course.prerequisite_course_ids = required


async def _instructors(
    session: AsyncSession, viewer: Viewer, course: Course, wanted: Sequence[UUID]
) -> list[UUID]:
    """Return who is to teach; nobody is named as a teacher of an organization that is not theirs.

    The viewer's token says what the viewer is, before the event does; who teaches already may stay.
    """
    field = "instructorIds"
    named = checks.distinct(field, wanted, at_most=checks.MAX_INSTRUCTORS)
    new = {*named} - {*course.instructor_ids, viewer.person_id}
    anywhere = viewer.is_operator
    if new and not await members.may_teach(session, course.organization_id, new, anywhere=anywhere):
        raise InvalidInputError(field, "Only instructors and admins of the organization teach.")
    return named


async def _check_prerequisites(
    session: AsyncSession, viewer: Viewer, course_id: UUID, required: Sequence[UUID]
) -> None:
    if not required:
        return
    # One at a time: two that look before either has committed could close a circle together.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("prerequisites"))))
    if course_id in required or await repository.depends_on(session, required, course_id):
        raise errors.PrerequisiteCycleError
    if await repository.count_visible(session, viewer, required) != len(required):
        raise InvalidInputError("prerequisiteCourseIds", "One of these courses does not exist.")


async def archive_course(session: AsyncSession, viewer: Viewer, *, course_id: UUID) -> Course:
    """Close a course to new learners; doing so twice is harmless."""
    course = await repository.lock_editable_course(session, viewer, course_id)
    if course.status is CourseStatus.ARCHIVED:
        return course
    if course.status is CourseStatus.PUBLISHED:
        await search.unindex_course(session, course.id)
        _announce_archive(session, course)
    course.status = CourseStatus.ARCHIVED
    return course


def _announce_archive(session: AsyncSession, course: Course) -> None:
    event = events.CourseArchived(course_id=course.id)
    outbox.publish(session, event, of=course, tenant_id=course.organization_id)


async def create_category(
    session: AsyncSession, viewer: Viewer, *, name: str, slug: str | None
) -> Category:
    """Add a category; operators do, for all organizations."""
    viewer.require_user()
    if not viewer.is_operator:
        raise ForbiddenError
    name = checks.line("name", name, at_most=80)
    category = Category(name=name, slug=checks.slug(slug or checks.slug_of(name)))
    session.add(category)
    try:
        await session.flush()
    except IntegrityError as error:
        raise errors.SlugTakenError(category.slug) from error
    return category

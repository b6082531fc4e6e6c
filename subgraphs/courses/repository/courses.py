"""Courses as viewers may see them."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, and_, any_, bindparam, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, with_expression
from sqlalchemy.sql import ColumnElement

from subgraphs.courses import errors
from subgraphs.courses.models import (
    PUBLISHED,
    Category,
    Course,
    CourseStatus,
    Entitlement,
    Visibility,
)
from subgraphs.kernel.auth import Anyone, Viewer, among, operates
from subgraphs.kernel.db import Database
from subgraphs.kernel.pages import Listing, Order
from subgraphs.kernel.prepared import IDS, Prepared

EDITORS = ("instructor", "admin")
"""Roles that may change the courses of their organization."""

READ_SCOPE = "courses:read"
WRITE_SCOPE = "courses:write"

NEWEST_FIRST = (Order(Course.listed_at, descending=True), Order(Course.id, descending=True))

Query = Select[Course]
CourseRow = Any
"""A `Course`, or a row of what is shown of one."""

ANYONE = Anyone(READ_SCOPE, EDITORS)
_SHOWN = (
    Course.id,
    Course.organization_id,
    Course.slug,
    Course.title,
    Course.summary,
    Course.language,
    Course.level,
    Course.category_id,
    Category.slug.label("category_slug"),
    Category.name.label("category_name"),
    Course.status,
    Course.visibility,
    Course.is_free,
    Course.sequential,
    Course.instructor_ids,
    Course.prerequisite_course_ids,
    Course.latest_version_id,
    func.coalesce(Entitlement.version_id, Course.latest_version_id).label("seen_version_id"),
    Course.lesson_count,
    Course.listed_at,
    Course.updated_at,
    Course.has_draft_changes,
    Course.review_count,
    Course.rating,
)


def visible_courses(viewer: Viewer | Anyone, scope: str = READ_SCOPE) -> Query:
    """Every read of courses starts here, so that none can forget who asks.

    A service account without `scope` sees what everybody sees. Each row also tells
    `seen_version_id` and its category.
    """
    viewer = viewer.within(scope)
    query = select(Course).outerjoin(Category, Category.id == Course.category_id)
    seen: ColumnElement[Any] = Course.latest_version_id.expression
    if viewer.user_id is not None:
        entitled = and_(
            Entitlement.course_id == Course.id,
            Entitlement.user_id == viewer.user_id,
            Entitlement.active,
        )
        query = query.outerjoin(Entitlement, entitled)
        seen = func.coalesce(Entitlement.version_id, Course.latest_version_id)
    return query.where(_may_see(viewer)).options(
        with_expression(Course.seen_version_id, seen),
        with_expression(Course.category_slug, Category.slug),
        with_expression(Course.category_name, Category.name),
    )


def _may_see(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    if viewer.user_id is None:
        return _listed_for(viewer)
    return or_(
        operates(viewer),
        _listed_for(viewer),
        _editable_by(viewer),
        and_(Entitlement.user_id.is_not(None), Course.status != CourseStatus.DRAFT),
    )


def listed_for(viewer: Viewer) -> ColumnElement[bool]:
    """Courses that are open to the viewer: what catalogue and search consist of."""
    return _listed_for(viewer.within(READ_SCOPE))


def _listed_for(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    public = Course.visibility == Visibility.PUBLIC
    mine = among(Course.organization_id, viewer.organization_ids)
    return and_(PUBLISHED, or_(operates(viewer), public, mine))


def editable_by(viewer: Viewer | Anyone, scope: str = READ_SCOPE) -> ColumnElement[bool]:
    """Courses that the viewer may change; to read of them as an editor takes a scope, too."""
    return _editable_by(viewer.within(scope))


def _editable_by(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    mine = among(Course.organization_id, viewer.organizations_as(*EDITORS))
    return or_(operates(viewer), mine)


def may_edit(viewer: Viewer, course: CourseRow) -> bool:
    return viewer.within(READ_SCOPE).has_role(course.organization_id, *EDITORS)


@cache
def _by_id(scope: str) -> Prepared:
    query = visible_courses(Anyone(scope, EDITORS), scope).with_only_columns(*_SHOWN)
    return Prepared(query.where(Course.id == any_(bindparam("ids", type_=IDS))))


async def courses_by(
    db: Database, viewer: Viewer, ids: Sequence[UUID], scope: str = READ_SCOPE
) -> list[CourseRow | None]:
    """Find a course, or None, for each of `ids`, in their order."""
    who = Anyone(scope, EDITORS).values(viewer)
    found = {row.id: row for row in await _by_id(scope).rows(db, ids=ids, **who)}
    return [found.get(id) for id in ids]


@cache
def _page(key: Literal["id", "slug"]) -> Prepared:
    column = Course.id if key == "id" else Course.slug
    query = visible_courses(ANYONE).with_only_columns(*_SHOWN, Course.description_html)
    return Prepared(query.where(column == bindparam("value", type_=column.type)))


async def course_page(
    db: Database, viewer: Viewer, key: Literal["id", "slug"], value: object
) -> CourseRow | None:
    """Find one course with its description."""
    rows = await _page(key).rows(db, value=value, **ANYONE.values(viewer))
    return rows[0] if rows else None


async def descriptions(session: AsyncSession, ids: Sequence[UUID]) -> list[str]:
    """Return the HTML of the descriptions of courses that the viewer has seen."""
    rows = await session.execute(
        select(Course.id, Course.description_html).where(Course.id.in_(ids))
    )
    found = {row.id: row.description_html for row in rows}
    return [found.get(id, "") for id in ids]


async def lock_course(session: AsyncSession, viewer: Viewer, course_id: UUID) -> Course:
    """Lock a visible course: what is read of it after this cannot change before the commit."""
    query = visible_courses(viewer, WRITE_SCOPE).where(Course.id == course_id)
    query = query.with_for_update(of=Course).execution_options(populate_existing=True)
    row = await session.scalar(query)
    if row is None:
        raise errors.CourseNotFoundError
    return row


async def lock_editable_course(session: AsyncSession, viewer: Viewer, course_id: UUID) -> Course:
    """Lock a course that the viewer may change.

    Raises:
        CourseNotFoundError: The viewer may not even see it.
        ForbiddenError: The viewer is no instructor or admin of its organization.
    """
    viewer.require_user()
    viewer.require_scope(WRITE_SCOPE)
    row = await lock_course(session, viewer, course_id)
    viewer.require_role(row.organization_id, EDITORS)
    return row


async def is_slug_taken(session: AsyncSession, slug: str, *, other_than: UUID) -> bool:
    query = select(exists().where(Course.slug == slug, Course.id != other_than))
    return bool(await session.scalar(query))


async def count_visible(session: AsyncSession, viewer: Viewer, ids: Iterable[UUID]) -> int:
    visible = visible_courses(viewer).where(Course.id.in_(set(ids))).subquery()
    return await session.scalar(select(func.count()).select_from(visible)) or 0


async def depends_on(session: AsyncSession, start: Sequence[UUID], course_id: UUID) -> bool:
    """Tell whether any of `start` requires the course, however many courses lie between."""
    required = (
        select(func.unnest(literal(list(start), Course.prerequisite_course_ids.type)).label("id"))
    ).cte("required", recursive=True)
    step = aliased(Course)
    required = required.union(
        select(func.unnest(step.prerequisite_course_ids)).where(step.id == required.c.id)
    )
    return bool(await session.scalar(select(exists().where(required.c.id == course_id))))


def taught_by(user_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    return Course.instructor_ids.contains(array([user_id]))


def courses_taught(viewer: Viewer) -> Listing:
    """The visible courses of each teacher."""
    return Listing(visible_courses(viewer), taught_by, NEWEST_FIRST)


def courses_offered(viewer: Viewer) -> Listing:
    """The visible courses of each organization."""
    return Listing(
        visible_courses(viewer),
        lambda organization_id: Course.organization_id == organization_id,
        NEWEST_FIRST,
    )


async def category_by_slug(session: AsyncSession, slug: str) -> Category:
    wanted = select(Category).where(Category.slug == slug.replace("\0", ""))
    row = await session.scalar(wanted)
    if row is None or row.slug != slug:
        raise errors.CategoryNotFoundError(slug)
    return row


async def categories(session: AsyncSession) -> Sequence[Category]:
    return (await session.scalars(select(Category).order_by(Category.name))).all()


async def counts_by_category(
    session: AsyncSession, viewer: Viewer, slugs: Sequence[str]
) -> list[int]:
    """Count the courses open to the viewer in each category."""
    rows = await session.execute(
        select(Category.slug, func.count().label("courses"))
        .join(Course, Course.category_id == Category.id)
        .where(Category.slug.in_(slugs), listed_for(viewer))
        .group_by(Category.slug)
    )
    found = {row.slug: row.courses for row in rows}
    return [found.get(slug, 0) for slug in slugs]

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry
from sqlalchemy import Select

from subgraphs.courses import models
from subgraphs.courses.repository import courses, lessons
from subgraphs.courses.types.base import Info
from subgraphs.courses.types.draft import CourseDraft
from subgraphs.courses.types.lesson import USUAL, Module
from subgraphs.courses.types.review import Review
from subgraphs.kernel import graphql, pages
from subgraphs.kernel.pages import Order

if TYPE_CHECKING:
    from subgraphs.courses.types.people import Organization, User

_PEOPLE = strawberry.lazy("subgraphs.courses.types.people")
LazyUser = Annotated["User", _PEOPLE]
LazyOrganization = Annotated["Organization", _PEOPLE]


@strawberry.type
class Category:
    """A field of knowledge that courses are sorted into."""

    id: UUID
    """Identifies the category."""
    slug: str
    """Its name in addresses."""
    name: str
    """Its name for people."""

    @strawberry.field
    async def course_count(self, info: Info) -> int:
        """How many of its courses are open to you."""
        return await info.context.loaders.category_count.load(self.slug)


@strawberry.type
class CourseVersion:
    """A published state of a course; it never changes."""

    id: UUID
    """Identifies the version."""
    number: int
    """Counts the versions of this course from 1."""
    published_at: datetime
    """When it was published."""


@strawberry.federation.type(keys=["id"])
class Course:
    """Something to learn, in modules and lessons.

    Learners stay with the version they enrolled in until they move; others see the latest.
    """

    id: UUID
    """Identifies the course."""
    slug: str
    """Its name in addresses; no two courses have the same."""
    title: str
    """Its title."""
    summary: str
    """What it is about, in a sentence or two of plain text."""
    status: models.CourseStatus
    """Whether it is open."""
    visibility: models.Visibility
    """To whom it is open."""
    language: str
    """The language it is taught in, as a BCP 47 tag."""
    level: models.Level | None
    """How much it expects of its learners."""
    is_free: bool
    """Whether enrolling costs nothing."""
    sequential: bool
    """Whether each lesson opens when the one before it is complete."""
    lesson_count: int
    """How many lessons its latest version has."""
    review_count: int
    """How many learners have rated it."""
    updated_at: datetime
    """When it was last published, or its settings changed."""
    row: strawberry.Private[courses.CourseRow]
    description_html: strawberry.Private[str | None]

    @strawberry.field
    async def description(self, info: Info) -> str:
        """What it is about, at length, as safe HTML."""
        if self.description_html is not None:
            return self.description_html
        return await info.context.loaders.description.load(self.id)

    @strawberry.field
    def rating(self) -> float | None:
        """The average of its ratings, from 1 to 5; null while there is none."""
        return self.row.rating if self.row.review_count else None

    @strawberry.field
    def published_at(self) -> datetime | None:
        """When it was first published."""
        return self.row.listed_at if self.row.latest_version_id else None

    @strawberry.field
    def category(self) -> Category | None:
        """The field of knowledge it belongs to."""
        row = self.row
        if row.category_id is None or row.category_slug is None or row.category_name is None:
            return None
        return Category(id=row.category_id, slug=row.category_slug, name=row.category_name)

    @strawberry.field
    def organization(self) -> LazyOrganization | None:
        """Who offers it."""
        from subgraphs.courses.types.people import Organization  # noqa: PLC0415

        return Organization(id=self.row.organization_id)

    @graphql.list_field(size=2)
    def instructors(self) -> list[LazyUser | None]:
        """Who teaches it."""
        from subgraphs.courses.types.people import User  # noqa: PLC0415

        return [User(id=id) for id in self.row.instructor_ids]

    @graphql.list_field(size=2)
    async def prerequisites(self, info: Info) -> list["Course"]:
        """Courses to complete before this one, as far as you may see them."""
        found = await info.context.loaders.course.load_many(self.row.prerequisite_course_ids)
        return [Course.from_row(row) for row in found if row is not None]

    @strawberry.field
    async def version(self, info: Info) -> CourseVersion | None:
        """The version that you see; null while there is none."""
        outline = await self._outline(info)
        if outline is None:
            return None
        return CourseVersion(
            id=outline.version_id, number=outline.number, published_at=outline.published_at
        )

    @graphql.list_field(size=USUAL)
    async def modules(self, info: Info) -> list[Module]:
        """Its parts, in the version that you see."""
        outline = await self._outline(info)
        grouped = lessons.by_module(outline.lessons) if outline else {}
        return [Module.from_rows(rows) for rows in grouped.values()]

    @strawberry.field
    async def draft(self, info: Info) -> CourseDraft | None:
        """What its authors are working on; null to all others."""
        if not courses.may_edit(info.context.viewer, self.row):
            return None
        draft = await info.context.loaders.draft.load(self.id)
        if draft is None:
            return None
        return CourseDraft(
            description_markdown=draft.description,
            has_changes=self.row.has_draft_changes,
            draft=draft,
        )

    @strawberry.field
    async def reviews(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Review]:
        """What learners think of it, the newest first."""
        request = pages.page_request(first=first, after=after, last=last, before=before)
        return await info.context.loaders.reviews.connection(self.id, Review.from_row, request)

    async def _outline(self, info: Info) -> lessons.Outline | None:
        version_id = self.row.seen_version_id
        return await info.context.loaders.outline.load(version_id) if version_id else None

    @classmethod
    def from_row(cls, row: courses.CourseRow, description_html: str | None = None) -> Self:
        return cls(
            id=row.id,
            slug=row.slug,
            title=row.title,
            summary=row.summary,
            status=row.status,
            visibility=row.visibility,
            language=row.language,
            level=row.level,
            is_free=row.is_free,
            sequential=row.sequential,
            lesson_count=row.lesson_count,
            review_count=row.review_count,
            updated_at=row.updated_at,
            row=row,
            description_html=description_html,
        )

    @classmethod
    async def load(cls, info: Info, id: UUID) -> Self | None:
        row = await info.context.loaders.course.load(id)
        return cls.from_row(row) if row is not None else None

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        return await cls.load(info, id)

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self | None]:
        rows = await info.context.loaders.course.load_many(ids)
        return [cls.from_row(row) if row is not None else None for row in rows]


def counter(info: Info, query: Select[Any]) -> Callable[[], Awaitable[int]]:
    """Make what counts the whole list, if a client asks."""

    async def count() -> int:
        async with info.context.read() as session:
            return await pages.count(session, query)

    return count


async def course_connection(
    info: Info,
    query: Select[models.Course],
    order: Sequence[Order],
    request: pages.PageRequest,
) -> graphql.Connection[Course]:
    """Fetch one page of courses."""
    async with info.context.read() as session:
        page = await pages.fetch_page(session, query, order, request)
    return graphql.connection(page, Course.from_row, counter(info, query))

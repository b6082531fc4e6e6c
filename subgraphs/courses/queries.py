from enum import Enum
from html import escape
from typing import Literal, Self
from uuid import UUID

import strawberry

from subgraphs.courses import models, types
from subgraphs.courses.repository import courses, search
from subgraphs.courses.service.checks import usual_tag
from subgraphs.kernel import graphql, pages
from subgraphs.kernel.errors import InvalidInputError
from subgraphs.kernel.pages import Order

MAX_PHRASE = 200
Course = models.Course


@strawberry.enum
class CourseOrder(Enum):
    """What a list of courses is sorted by."""

    NEWEST = "newest"
    """The newest first."""
    POPULAR = "popular"
    """Those with the most learners first."""
    RATING = "rating"
    """The best rated first."""
    TITLE = "title"
    """By title, from A to Z."""


# The last key goes with the first one's direction, so that one index serves both ways.
ORDERS = {
    CourseOrder.NEWEST: courses.NEWEST_FIRST,
    CourseOrder.POPULAR: (
        Order(Course.enrollment_count, descending=True),
        Order(Course.id, descending=True),
    ),
    CourseOrder.RATING: (
        Order(Course.rating, descending=True),
        Order(Course.review_count, descending=True),
        Order(Course.id, descending=True),
    ),
    CourseOrder.TITLE: (Order(Course.title), Order(Course.id)),
}


@strawberry.input
class CourseFilter:
    """Which courses are wanted; what is absent leaves a thing open."""

    search: str | None = None
    """Words that occur in the course's texts; small mistakes are forgiven."""
    category_slug: str | None = None
    """Those of one category."""
    language: str | None = None
    """Those taught in one language, a BCP 47 tag."""
    level: models.Level | None = None
    """Those of one level."""
    organization_id: UUID | None = None
    """Those of one organization."""
    is_free: bool | None = None
    """Those that cost nothing, or those that do."""
    min_rating: float | None = None
    """Those rated at least this well, from 1 to 5."""
    mine: bool | None = None
    """Those that you teach, drafts and archived ones too."""


def _checked(wanted: CourseFilter | None) -> search.CourseFilter:
    if wanted is None:
        return search.CourseFilter()
    return search.CourseFilter(
        search=phrase("search", wanted.search) if wanted.search is not None else None,
        category_slug=_storable(wanted.category_slug),
        language=_tag(wanted.language),
        level=wanted.level,
        organization_id=wanted.organization_id,
        is_free=wanted.is_free,
        min_rating=wanted.min_rating,
    )


def _tag(value: str | None) -> str | None:
    """Return a language's tag as courses spell it; nothing is taught in what is none."""
    return value and (usual_tag(value) or _storable(value))


def _storable(value: str | None) -> str | None:
    """Return `value` without the one character that Postgres refuses: nothing is called that."""
    return value.replace("\0", "\ufffd") if value is not None else None


def phrase(field: str, value: str) -> str:
    """Return what was typed into a search box, if it is fit for one."""
    value = " ".join(value.replace("\0", " ").split())
    if not value or len(value) > MAX_PHRASE:
        raise InvalidInputError(field, f"Search for 1 to {MAX_PHRASE} characters.")
    return value


@strawberry.type
class CourseHit:
    """A course that a search found."""

    course: types.Course
    """The course."""
    score: float
    """How well it matches: hits are sorted by this."""
    key: strawberry.Private[search.Hit]

    @strawberry.field
    async def snippet(self, info: types.Info) -> str:
        """Where it matches, as safe HTML with what was found in `<mark>`."""
        text = escape(await info.context.loaders.snippet.load(self.key))
        return text.replace(search.MARK_START, "<mark>").replace(search.MARK_END, "</mark>")

    @classmethod
    def from_row(cls, row: models.Course, sought: str, language: str | None) -> Self:
        return cls(
            course=types.Course.from_row(row),
            score=row.score or 0.0,
            key=search.Hit(sought, language, row.id),
        )


@strawberry.type
class Query:
    """What courses answers."""

    @graphql.shared_field
    def viewer(self, info: types.Info) -> types.User | None:
        """You; null when you are not logged in, and for API clients."""
        person_id = info.context.viewer.person_id
        return types.User(id=person_id) if person_id else None

    @strawberry.field
    async def course(
        self, info: types.Info, id: UUID | None = None, slug: str | None = None
    ) -> types.Course | None:
        """A course by its id or its slug; null when there is none that is open to you."""
        if (id is None) == (slug is None):
            raise InvalidInputError("id", "Name a course by its id or by its slug.")
        key: Literal["id", "slug"] = "slug" if id is None else "id"
        context = info.context
        row = await courses.course_page(context.db, context.viewer, key, id or _storable(slug))
        return types.Course.from_row(row, row.description_html) if row else None

    @strawberry.field
    async def lesson(self, info: types.Info, id: UUID) -> types.Lesson | None:
        """A lesson of a course that is open to you, in the version that you see of it."""
        return await types.Lesson.load(info, id)

    @graphql.list_field(size=20)
    async def categories(self, info: types.Info) -> list[types.Category]:
        """All categories, by name."""
        async with info.context.read() as session:
            rows = await courses.categories(session)
        return [types.Category(id=row.id, slug=row.slug, name=row.name) for row in rows]

    @strawberry.field
    async def courses(
        self,
        info: types.Info,
        *,
        filter: CourseFilter | None = None,  # noqa: A002, the schema's name
        order_by: CourseOrder = CourseOrder.NEWEST,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[types.Course]:
        """The catalogue: courses that are open to you."""
        request = pages.page_request(first=first, after=after, last=last, before=before)
        viewer = info.context.viewer
        if filter and filter.mine:
            query = search.workspace(viewer, viewer.require_person(), _checked(filter))
        else:
            query = search.catalogue(viewer, _checked(filter))
        return await types.course_connection(info, query, ORDERS[order_by], request)

    @strawberry.field
    async def search_courses(
        self,
        info: types.Info,
        query: str,
        *,
        filter: CourseFilter | None = None,  # noqa: A002, the schema's name
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[CourseHit]:
        """Courses open to you by what is said in and of them, the best match first.

        Typing errors are forgiven; `mine` is not looked at, and `search` is refused.
        """
        request = pages.page_request(first=first, after=after, last=last, before=before)
        if filter and filter.search is not None:
            raise InvalidInputError("filter.search", "Say what to search for in `query`, once.")
        wanted, sought = _checked(filter), phrase("query", query)
        found, score = search.search(info.context.viewer, sought, wanted)
        order = [Order(score, descending=True), Order(models.Course.id)]
        async with info.context.read() as session:
            page = await pages.fetch_page(session, found, order, request)
        return graphql.connection(
            page,
            lambda row: CourseHit.from_row(row, sought, wanted.language),
            types.counter(info, found),
        )

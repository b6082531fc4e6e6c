from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from subgraphs.courses import markdown
from subgraphs.courses.repository import courses, drafts, lessons, reviews, search
from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Loaders:
    """One SELECT for all keys of a request."""

    course: DataLoader[UUID, courses.CourseRow | None]
    written_course: DataLoader[UUID, courses.CourseRow | None]
    """The same for one that the viewer has just changed, for which another scope is needed."""
    description: DataLoader[UUID, str]
    outline: DataLoader[UUID, lessons.Outline | None]
    """By version."""
    lesson: DataLoader[UUID, lessons.LessonRow | None]
    content: DataLoader[UUID, str | None]
    draft: DataLoader[UUID, drafts.Draft | None]
    """By course; three SELECTs."""
    markdown: DataLoader[UUID, str]
    draft_html: DataLoader[UUID, str]
    """By lesson; each is rendered once a request, however often it is asked for."""
    category_count: DataLoader[str, int]
    snippet: DataLoader[search.Hit, str]
    reviews: graphql.Nested
    courses_taught: graphql.Nested
    courses_offered: graphql.Nested

    @classmethod
    def build(cls, db: Database, viewer: Viewer) -> Self:
        def one(query: Callable[[AsyncSession, list[K]], Awaitable[list[V]]]) -> DataLoader[K, V]:
            async def load(keys: list[K]) -> list[V]:
                async with db.read() as session:
                    return await query(session, keys)

            return DataLoader(load)

        async def draft_html(ids: list[UUID]) -> list[str]:
            async with db.read() as session:
                texts = await drafts.texts_of(session, viewer, ids)
            edited = [written for html, written in texts if html is None]
            rendered = iter(await markdown.render_aside(edited))
            return [next(rendered) if html is None else html for html, _ in texts]

        def seen(query: Callable[..., Awaitable[list[V]]]) -> DataLoader[Any, V]:
            return one(lambda session, keys: query(session, viewer, keys))

        return cls(
            course=DataLoader(partial(courses.courses_by, db, viewer)),
            written_course=DataLoader(
                partial(courses.courses_by, db, viewer, scope=courses.WRITE_SCOPE)
            ),
            description=one(courses.descriptions),
            outline=DataLoader(partial(lessons.outlines, db)),
            lesson=DataLoader(partial(lessons.lessons_by, db, viewer)),
            content=DataLoader(partial(lessons.contents, db, viewer)),
            draft=seen(drafts.drafts_of),
            markdown=seen(drafts.markdown_of),
            draft_html=DataLoader(draft_html),
            category_count=seen(courses.counts_by_category),
            snippet=one(search.snippets),
            reviews=graphql.Nested(db, partial(reviews.reviews_of_courses, viewer)),
            courses_taught=graphql.Nested(db, partial(courses.courses_taught, viewer)),
            courses_offered=graphql.Nested(db, partial(courses.courses_offered, viewer)),
        )

"""People and organizations live in users; courses adds what they teach and offer."""

from typing import Self
from uuid import UUID

import strawberry

from subgraphs.courses.types.base import Info
from subgraphs.courses.types.course import Course
from subgraphs.kernel import graphql, pages


@strawberry.federation.type(keys=["id"])
class User:
    """A person."""

    id: UUID
    """Identifies the person."""

    @strawberry.field
    async def courses_taught(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Course] | None:
        """The courses they teach, as far as you may see them, the newest first."""
        request = pages.page_request(first=first, after=after, last=last, before=before)
        taught = info.context.loaders.courses_taught
        return await taught.connection(self.id, Course.from_row, request)

    @classmethod
    def resolve_reference(cls, info: Info, id: UUID) -> Self:  # noqa: ARG003, every one gets it
        return cls(id=id)


@strawberry.federation.type(keys=["id"])
class Organization:
    """A school, a company: whoever offers courses."""

    id: UUID
    """Identifies the organization."""

    @strawberry.field
    async def courses(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Course] | None:
        """The courses it offers, as far as you may see them, the newest first."""
        request = pages.page_request(first=first, after=after, last=last, before=before)
        offered = info.context.loaders.courses_offered
        return await offered.connection(self.id, Course.from_row, request)

    @classmethod
    def resolve_reference(cls, info: Info, id: UUID) -> Self:  # noqa: ARG003, every one gets it
        return cls(id=id)

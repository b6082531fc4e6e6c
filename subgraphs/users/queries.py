from typing import cast
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.errors import ForbiddenError, InvalidInputError
from subgraphs.kernel.pages import Order, page_request
from subgraphs.users import models, types
from subgraphs.users.repository import organizations, people
from subgraphs.users.types.paging import paged

MAX_SEARCH = 100


@strawberry.type
class Query:
    """What can be asked about people and organizations."""

    @graphql.shared_field
    async def viewer(self, info: types.Info) -> types.User | None:
        """The person who is asking; null for someone who is not logged in."""
        person_id = info.context.viewer.person_id
        return await types.User.load(info, person_id) if person_id else None

    @strawberry.field
    async def user(self, info: types.Info, id: UUID) -> types.User | None:
        """A person's public profile, and more of it for those who may see more."""
        return await types.User.load(info, id)

    @strawberry.field
    async def users(
        self,
        info: types.Info,
        search: str | None = None,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[types.User] | None:
        """People by name; operators see all, admins the members of their organizations."""
        viewer = info.context.viewer
        _require_some_admin(viewer)
        query = people.administered_users(viewer)
        if wanted := (search or "").strip():
            if len(wanted) > MAX_SEARCH or not wanted.isprintable():
                raise InvalidInputError("search", f"Search for at most {MAX_SEARCH} characters.")
            query = people.matching(query, wanted)
        return await paged(
            info,
            query,
            [Order(models.User.name), Order(models.User.id)],
            page_request(first=first, after=after, last=last, before=before),
            types.User.from_row,
        )

    @strawberry.field
    async def organization(
        self, info: types.Info, id: UUID | None = None, slug: str | None = None
    ) -> types.Organization | None:
        """An organization, by its id or by its slug."""
        if (id is None) == (slug is None):
            raise InvalidInputError("id", "Give either the id or the slug.")
        if id is not None:
            return await types.Organization.load(info, id)
        wanted = cast(str, slug)
        if not wanted.isascii() or not wanted.isprintable():
            return None
        async with info.context.read() as session:
            row = await organizations.organization_by_slug(session, info.context.viewer, wanted)
        return types.Organization.from_row(row) if row else None


def _require_some_admin(viewer: Viewer) -> None:
    viewer.require_user()
    viewer.require_scope(people.READ_SCOPE)
    if not viewer.is_operator and not viewer.organizations_as(people.ADMIN):
        raise ForbiddenError

from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.learning import types


@strawberry.type
class Query:
    """What can be asked about learning."""

    @graphql.shared_field
    def viewer(self, info: types.Info) -> types.User | None:
        """The person who is asking; null for someone who is not logged in."""
        person_id = info.context.viewer.person_id
        return types.User(id=person_id) if person_id else None

    @strawberry.field
    async def enrollment(self, info: types.Info, id: UUID) -> types.Enrollment | None:
        """An enrollment, if the viewer may see it."""
        return await types.Enrollment.resolve_reference(info, id)

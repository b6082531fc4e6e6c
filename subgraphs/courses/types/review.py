from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from subgraphs.courses import models

if TYPE_CHECKING:
    from subgraphs.courses.types.people import User


@strawberry.type
class Review:
    """What a learner thinks of a course."""

    id: UUID
    """Identifies the review."""
    rating: int
    """From 1 to 5, which is best."""
    text: str
    """Why, as plain text; it may be empty."""
    created_at: datetime
    """When it was first written."""
    updated_at: datetime
    """When it was last changed."""
    user_id: strawberry.Private[UUID]

    @strawberry.field
    def author(
        self,
    ) -> Annotated["User", strawberry.lazy("subgraphs.courses.types.people")] | None:
        """Who wrote it."""
        from subgraphs.courses.types.people import User  # noqa: PLC0415, they know each other

        return User(id=self.user_id)

    @classmethod
    def from_row(cls, row: models.Review) -> Self:
        return cls(
            id=row.id,
            rating=row.rating,
            text=row.text,
            created_at=row.created_at,
            updated_at=row.updated_at,
            user_id=row.user_id,
        )

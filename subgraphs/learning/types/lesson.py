"""What learning adds to lessons."""

from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.learning.loaders import Loaders
from subgraphs.learning.locks import LockReason, Standing, lock_reason, released_at
from subgraphs.learning.repository.courses import SeenLesson

Info = graphql.Info[Loaders]
strawberry.enum(LockReason)


@strawberry.type
class LessonProgress:
    """What the viewer has done in a lesson."""

    completed_at: datetime | None
    """When the viewer completed it, if they have."""


@strawberry.federation.type(keys=["id"])
class Lesson:
    """A lesson, as far as the viewer's progress is concerned."""

    id: UUID
    """The lesson's id; it is the same in every version of the course."""
    viewer_progress: LessonProgress | None
    """What the viewer has done in it; null for someone who is not enrolled."""
    locked: bool | None
    """Whether the viewer has to wait, or to do something else first. Free previews never are."""
    lock_reason: LockReason | None
    """Why it is locked, if it is."""
    released_at: datetime | None
    """When it opens for the viewer, or has opened, if it does so some days after the enrolment."""

    @classmethod
    def of(cls, id: UUID, standing: Standing, now: datetime) -> Self:
        """Show a lesson to the learner whose `standing` this is."""
        reason = lock_reason(standing, id, now)
        known = id in standing.positions
        progress = LessonProgress(completed_at=standing.completed.get(id)) if known else None
        return cls(
            id=id,
            viewer_progress=progress,
            locked=reason is not None,
            lock_reason=reason,
            released_at=released_at(standing, id),
        )

    @classmethod
    def seen(cls, id: UUID, lesson: SeenLesson | None) -> Self:
        """Show a lesson to anyone; what a viewer may not see looks like what does not exist."""
        if lesson is not None and lesson.standing is not None:
            return cls.of(id, lesson.standing, datetime.now(UTC))
        locked = lesson is None or not lesson.is_preview
        return cls(
            id=id,
            viewer_progress=None,
            locked=locked,
            lock_reason=LockReason.NOT_ENROLLED if locked else None,
            released_at=None,
        )

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self]:
        found = await info.context.loaders.lesson.load_many(ids)
        return [cls.seen(id, lesson) for id, lesson in zip(ids, found, strict=True)]

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self:
        return (await cls.resolve_references(info, [id]))[0]

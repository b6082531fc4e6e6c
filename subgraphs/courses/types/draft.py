"""Drafts, as those who may change a course see them."""

from typing import Self
from uuid import UUID

import strawberry

from subgraphs.courses import models
from subgraphs.courses.repository import drafts
from subgraphs.courses.types.base import Info
from subgraphs.courses.types.lesson import USUAL
from subgraphs.kernel import graphql


@strawberry.type
class DraftLesson:
    """A lesson as its authors are writing it."""

    id: UUID
    """Identifies the lesson, here and in every version."""
    module_id: UUID
    """The module it is in."""
    title: str
    """Its title."""
    kind: models.LessonKind
    """What it consists of."""
    position: int
    """Its place in the module, from 0."""
    duration_minutes: int | None
    """How long it takes."""
    is_preview: bool
    """Whether everyone may read it, as a sample."""
    release_after_days: int | None
    """Days from enrolment until it opens; null is at once."""
    prerequisite_lesson_ids: list[UUID] = strawberry.field(metadata={"list_size": USUAL})
    """Lessons that must be complete before it opens."""
    reference_id: UUID | None
    """The video, quiz or assignment it shows."""

    @strawberry.field
    async def markdown(self, info: Info) -> str:
        """Its text as it was written."""
        return await info.context.loaders.markdown.load(self.id)

    @strawberry.field
    async def html(self, info: Info) -> str:
        """Its text as learners will see it."""
        return await info.context.loaders.draft_html.load(self.id)

    @classmethod
    def from_row(cls, row: models.Lesson) -> Self:
        return cls(
            id=row.id,
            module_id=row.module_id,
            title=row.title,
            kind=row.kind,
            position=row.position,
            duration_minutes=row.duration_minutes,
            is_preview=row.is_preview,
            release_after_days=row.release_after_days,
            prerequisite_lesson_ids=row.prerequisite_lesson_ids,
            reference_id=row.reference_id,
        )


@strawberry.type
class DraftModule:
    """A part of a course as its authors are arranging it."""

    id: UUID
    """Identifies the module, here and in every version."""
    title: str
    """Its title."""
    position: int
    """Its place in the course, from 0."""
    course_id: strawberry.Private[UUID]

    @graphql.list_field(size=USUAL)
    async def lessons(self, info: Info) -> list[DraftLesson]:
        """Its lessons, in order."""
        draft = await info.context.loaders.draft.load(self.course_id)
        rows = draft.lessons.get(self.id, []) if draft else []
        return [DraftLesson.from_row(row) for row in rows]

    @classmethod
    def from_row(cls, row: models.Module) -> Self:
        return cls(id=row.id, title=row.title, position=row.position, course_id=row.course_id)


@strawberry.type
class CourseDraft:
    """What the next version of a course will be made of."""

    description_markdown: str
    """The course's description as it was written; unlike the rest it holds as soon as saved."""
    has_changes: bool
    """Whether it may differ from the latest version."""
    draft: strawberry.Private[drafts.Draft]

    @graphql.list_field(size=USUAL)
    async def modules(self) -> list[DraftModule]:
        """Its parts, in order; those without lessons are not published."""
        return [DraftModule.from_row(row) for row in self.draft.modules]

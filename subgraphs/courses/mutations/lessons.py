from typing import cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from subgraphs.courses import models, service, types
from subgraphs.courses.mutations.inputs import given

_SETTINGS = (
    "title",
    "kind",
    "markdown",
    "reference_id",
    "duration_minutes",
    "is_preview",
    "release_after_days",
    "prerequisite_lesson_ids",
)
_NULLABLE = frozenset({"reference_id", "duration_minutes", "release_after_days"})


@strawberry.input
class LessonSettings:
    """What a lesson consists of; what is absent stays as it is."""

    kind: models.LessonKind | None = UNSET
    """What it consists of; a text unless told otherwise."""
    markdown: str | None = UNSET
    """Its text, at most 200,000 characters."""
    reference_id: UUID | None = UNSET
    """The video, quiz or assignment it shows."""
    duration_minutes: int | None = UNSET
    """How long it takes."""
    is_preview: bool | None = UNSET
    """Whether everyone may read it, as a sample."""
    release_after_days: int | None = UNSET
    """Days from enrolment until it opens; null is at once."""
    prerequisite_lesson_ids: list[UUID] | None = UNSET
    """Lessons of this course that must be complete before it opens, at most 20."""


@strawberry.input
class AddLessonInput(LessonSettings):
    """A new lesson of a draft."""

    module_id: UUID
    """The module it goes into."""
    title: str
    """Its title."""
    position: int | None = None
    """Its place in the module, from 0; the end when absent."""


@strawberry.input
class UpdateLessonInput(LessonSettings):
    """Changes of a lesson."""

    lesson_id: UUID
    """The lesson."""
    title: str | None = UNSET
    """Its title."""


@strawberry.input
class MoveLessonInput:
    """Where a lesson is dropped."""

    lesson_id: UUID
    """The lesson."""
    module_id: UUID
    """The module it is dropped in, which must be of the same course."""
    position: int
    """Its new place, from 0; beyond the end is the end."""


@strawberry.input
class DeleteLessonInput:
    """A lesson to delete."""

    lesson_id: UUID
    """The lesson."""


def _changes(input: AddLessonInput | UpdateLessonInput) -> service.LessonChanges:
    return cast(service.LessonChanges, given(input, *_SETTINGS, nullable=_NULLABLE))


@strawberry.type
class LessonMutations:
    """What can be done with the lessons of a draft."""

    @strawberry.mutation
    async def add_lesson(self, info: types.Info, input: AddLessonInput) -> types.AddLessonResult:
        """Add a lesson to a module of a draft."""
        row = await info.context.transact(
            service.add_lesson,
            info.context.viewer,
            module_id=input.module_id,
            changes=_changes(input),
            position=input.position,
        )
        return types.AddLessonSuccess(lesson=types.DraftLesson.from_row(row))

    @strawberry.mutation
    async def update_lesson(
        self, info: types.Info, input: UpdateLessonInput
    ) -> types.UpdateLessonResult:
        """Change a lesson of a draft; learners see it when the course is published again."""
        row = await info.context.transact(
            service.update_lesson,
            info.context.viewer,
            lesson_id=input.lesson_id,
            changes=_changes(input),
        )
        return types.UpdateLessonSuccess(lesson=types.DraftLesson.from_row(row))

    @strawberry.mutation
    async def move_lesson(self, info: types.Info, input: MoveLessonInput) -> types.MoveLessonResult:
        """Move a lesson within its module, or into another one of its course."""
        row = await info.context.transact(
            service.move_lesson,
            info.context.viewer,
            lesson_id=input.lesson_id,
            module_id=input.module_id,
            position=input.position,
        )
        return types.MoveLessonSuccess(lesson=types.DraftLesson.from_row(row))

    @strawberry.mutation
    async def delete_lesson(
        self, info: types.Info, input: DeleteLessonInput
    ) -> types.DeleteLessonResult:
        """Delete a lesson from a draft; published versions keep it."""
        await info.context.transact(
            service.delete_lesson, info.context.viewer, lesson_id=input.lesson_id
        )
        return types.DeleteLessonSuccess(lesson_id=input.lesson_id)

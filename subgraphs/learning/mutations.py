from datetime import datetime
from uuid import UUID

import strawberry

from subgraphs.learning import service, types
from subgraphs.learning.progress import EnrollmentStatus


@strawberry.input
class EnrollInput:
    """Where to enrol."""

    course_id: UUID
    """The course."""


@strawberry.input
class UnenrollInput:
    """Which enrollment ends."""

    enrollment_id: UUID
    """The enrollment."""


@strawberry.input
class CompleteLessonInput:
    """Which lesson is done."""

    enrollment_id: UUID
    """The viewer's enrollment."""
    lesson_id: UUID
    """A lesson of its course."""


@strawberry.input
class UncompleteLessonInput:
    """Which lesson is not done after all."""

    enrollment_id: UUID
    """The viewer's enrollment."""
    lesson_id: UUID
    """A lesson of its course."""


@strawberry.input
class SetDeadlineInput:
    """By when a course is to be done."""

    enrollment_id: UUID
    """The enrollment: one's own, or of a learner in one's organization."""
    due_at: datetime | None
    """A moment in the next five years, with its offset from UTC; null lifts the deadline."""


@strawberry.input
class MoveToLatestVersionInput:
    """Which enrollment moves."""

    enrollment_id: UUID
    """The viewer's enrollment."""


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def enroll(self, info: types.Info, input: EnrollInput) -> types.EnrollResult:
        """Enrol the viewer in a free course; after leaving it, carry on where they were."""
        row = await info.context.transact(
            service.enroll, info.context.viewer, course_id=input.course_id
        )
        return types.EnrollSuccess(enrollment=types.Enrollment.from_row(row))

    @strawberry.mutation
    async def unenroll(self, info: types.Info, input: UnenrollInput) -> types.UnenrollResult:
        """End an enrollment: one's own, or of a learner in one's organization."""
        row = await info.context.transact(
            service.unenroll, info.context.viewer, enrollment_id=input.enrollment_id
        )
        return types.UnenrollSuccess(enrollment=types.Enrollment.from_row(row))

    @strawberry.mutation
    async def complete_lesson(
        self, info: types.Info, input: CompleteLessonInput
    ) -> types.CompleteLessonResult:
        """Mark a lesson as complete; the last one completes the course. Repeating is harmless."""
        row = await info.context.transact(
            service.complete_lesson,
            info.context.viewer,
            enrollment_id=input.enrollment_id,
            lesson_id=input.lesson_id,
        )
        return types.CompleteLessonSuccess(
            enrollment=types.Enrollment.from_row(row),
            lesson_id=input.lesson_id,
            course_completed=row.progress.status is EnrollmentStatus.COMPLETED,
        )

    @strawberry.mutation
    async def uncomplete_lesson(
        self, info: types.Info, input: UncompleteLessonInput
    ) -> types.UncompleteLessonResult:
        """Take a completion back; a completed course is active again. Repeating is harmless."""
        row = await info.context.transact(
            service.uncomplete_lesson,
            info.context.viewer,
            enrollment_id=input.enrollment_id,
            lesson_id=input.lesson_id,
        )
        return types.UncompleteLessonSuccess(
            enrollment=types.Enrollment.from_row(row), lesson_id=input.lesson_id
        )

    @strawberry.mutation
    async def set_deadline(
        self, info: types.Info, input: SetDeadlineInput
    ) -> types.SetDeadlineResult:
        """Set or lift a deadline: one's own, or of a learner in one's organization."""
        row = await info.context.transact(
            service.set_deadline,
            info.context.viewer,
            enrollment_id=input.enrollment_id,
            due_at=input.due_at,
        )
        return types.SetDeadlineSuccess(enrollment=types.Enrollment.from_row(row))

    @strawberry.mutation
    async def move_to_latest_version(
        self, info: types.Info, input: MoveToLatestVersionInput
    ) -> types.MoveToLatestVersionResult:
        """Move to the newest version of the course; complete lessons it still has stay complete."""
        row = await info.context.transact(
            service.move_to_latest_version,
            info.context.viewer,
            enrollment_id=input.enrollment_id,
        )
        return types.MoveToLatestVersionSuccess(enrollment=types.Enrollment.from_row(row))

"""What mutations answer: their success, or why they were refused."""

from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.learning.locks import LockReason
from subgraphs.learning.types.entities import Enrollment


@strawberry.type
class EnrollmentNotFoundError(graphql.UserError):
    """There is no such enrollment, it has ended, or it is not the viewer's to see."""


@strawberry.federation.type(shareable=True)
class CourseNotFoundError(graphql.UserError):
    """There is no such course: unknown, a draft, archived, or private to another organization."""


@strawberry.type
class AlreadyEnrolledError(graphql.UserError):
    """The viewer is enrolled in this course already."""


@strawberry.type
class CoursePaymentRequiredError(graphql.UserError):
    """The course is not free."""


@strawberry.type
class PrerequisiteMissingError(graphql.UserError):
    """Other courses have to be completed first."""

    course_ids: list[UUID] = strawberry.field(metadata={"list_size": 2})
    """Those courses."""


@strawberry.type
class LessonNotInCourseError(graphql.UserError):
    """The learner's version of the course has no such lesson."""


@strawberry.type
class LessonLockedError(graphql.UserError):
    """The lesson is not open yet."""

    lock_reason: LockReason
    """What it waits for."""


@strawberry.type
class EnrollSuccess:
    """The viewer is enrolled."""

    enrollment: Enrollment
    """The enrollment: a new one, or the one that goes on."""


@strawberry.type
class UnenrollSuccess:
    """The enrollment has ended."""

    enrollment: Enrollment
    """The enrollment, with all its progress: enrolling again continues it."""


@strawberry.type
class CompleteLessonSuccess:
    """The lesson is complete."""

    enrollment: Enrollment
    """The enrollment, with the lesson counted."""
    lesson_id: UUID
    """The lesson."""
    course_completed: bool
    """Whether every lesson of the course is complete now."""


@strawberry.type
class UncompleteLessonSuccess:
    """The lesson is open again."""

    enrollment: Enrollment
    """The enrollment, with the lesson no longer counted."""
    lesson_id: UUID
    """The lesson."""


@strawberry.type
class SetDeadlineSuccess:
    """The deadline is set, or lifted."""

    enrollment: Enrollment
    """The enrollment, with its deadline."""


@strawberry.type
class MoveToLatestVersionSuccess:
    """The learner is on the newest version of the course."""

    enrollment: Enrollment
    """The enrollment, with the lessons of that version."""


EnrollResult = Annotated[
    EnrollSuccess
    | CourseNotFoundError
    | AlreadyEnrolledError
    | CoursePaymentRequiredError
    | PrerequisiteMissingError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("EnrollResult"),
]
UnenrollResult = Annotated[
    UnenrollSuccess
    | EnrollmentNotFoundError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("UnenrollResult"),
]
CompleteLessonResult = Annotated[
    CompleteLessonSuccess
    | EnrollmentNotFoundError
    | LessonNotInCourseError
    | LessonLockedError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("CompleteLessonResult"),
]
UncompleteLessonResult = Annotated[
    UncompleteLessonSuccess
    | EnrollmentNotFoundError
    | LessonNotInCourseError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("UncompleteLessonResult"),
]
SetDeadlineResult = Annotated[
    SetDeadlineSuccess
    | EnrollmentNotFoundError
    | graphql.InvalidInputError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("SetDeadlineResult"),
]
MoveToLatestVersionResult = Annotated[
    MoveToLatestVersionSuccess
    | EnrollmentNotFoundError
    | graphql.ForbiddenError
    | graphql.NotAuthenticatedError,
    strawberry.union("MoveToLatestVersionResult"),
]

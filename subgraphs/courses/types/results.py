"""What mutations answer: one success type each, and the refusals that it may meet."""

from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.courses.types.course import Category, Course
from subgraphs.courses.types.draft import DraftLesson, DraftModule
from subgraphs.courses.types.refusals import (
    CategoryNotFoundError,
    CourseModuleNotFoundError,
    CourseNotFoundError,
    CourseTooLargeError,
    EmptyCourseError,
    LessonNotFoundError,
    ModuleNotInCourseError,
    NotEnrolledError,
    PrerequisiteCycleError,
    SlugTakenError,
)
from subgraphs.courses.types.review import Review
from subgraphs.kernel.graphql import ForbiddenError, InvalidInputError, NotAuthenticatedError


@strawberry.type
class CreateCourseSuccess:
    """A draft has been started."""

    course: Course
    """The course."""


@strawberry.type
class UpdateCourseSuccess:
    """The settings hold."""

    course: Course
    """The course as it is now."""


@strawberry.type
class PublishCourseSuccess:
    """The draft is what newcomers see."""

    course: Course
    """The course as it is now."""


@strawberry.type
class ArchiveCourseSuccess:
    """The course takes no one new."""

    course: Course
    """The course as it is now."""


@strawberry.type
class AddModuleSuccess:
    """The draft has a new module."""

    module: DraftModule
    """The module."""


@strawberry.type
class UpdateModuleSuccess:
    """The module has been changed."""

    module: DraftModule
    """The module as it is now."""


@strawberry.type
class MoveModuleSuccess:
    """The module is in its new place."""

    module: DraftModule
    """The module as it is now."""


@strawberry.type
class DeleteModuleSuccess:
    """The module and its lessons are gone from the draft; versions keep them."""

    module_id: UUID
    """The module that was deleted."""


@strawberry.type
class AddLessonSuccess:
    """The draft has a new lesson."""

    lesson: DraftLesson
    """The lesson."""


@strawberry.type
class UpdateLessonSuccess:
    """The lesson has been changed."""

    lesson: DraftLesson
    """The lesson as it is now."""


@strawberry.type
class MoveLessonSuccess:
    """The lesson is in its new place."""

    lesson: DraftLesson
    """The lesson as it is now."""


@strawberry.type
class DeleteLessonSuccess:
    """The lesson is gone from the draft; versions keep it."""

    lesson_id: UUID
    """The lesson that was deleted."""


@strawberry.type
class ReviewCourseSuccess:
    """The review is posted."""

    review: Review
    """The review."""
    course: Course
    """The course with its new rating."""


@strawberry.type
class CreateCategorySuccess:
    """The category is there."""

    category: Category
    """The category."""


CreateCourseResult = Annotated[
    CreateCourseSuccess
    | SlugTakenError
    | CategoryNotFoundError
    | PrerequisiteCycleError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("CreateCourseResult"),
]
UpdateCourseResult = Annotated[
    UpdateCourseSuccess
    | CourseNotFoundError
    | SlugTakenError
    | CategoryNotFoundError
    | PrerequisiteCycleError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("UpdateCourseResult"),
]
PublishCourseResult = Annotated[
    PublishCourseSuccess
    | CourseNotFoundError
    | EmptyCourseError
    | NotAuthenticatedError
    | ForbiddenError,
    strawberry.union("PublishCourseResult"),
]
ArchiveCourseResult = Annotated[
    ArchiveCourseSuccess | CourseNotFoundError | NotAuthenticatedError | ForbiddenError,
    strawberry.union("ArchiveCourseResult"),
]
AddModuleResult = Annotated[
    AddModuleSuccess
    | CourseNotFoundError
    | CourseTooLargeError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("AddModuleResult"),
]
UpdateModuleResult = Annotated[
    UpdateModuleSuccess
    | CourseModuleNotFoundError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("UpdateModuleResult"),
]
MoveModuleResult = Annotated[
    MoveModuleSuccess
    | CourseModuleNotFoundError
    | ModuleNotInCourseError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("MoveModuleResult"),
]
DeleteModuleResult = Annotated[
    DeleteModuleSuccess | CourseModuleNotFoundError | NotAuthenticatedError | ForbiddenError,
    strawberry.union("DeleteModuleResult"),
]
AddLessonResult = Annotated[
    AddLessonSuccess
    | CourseModuleNotFoundError
    | CourseTooLargeError
    | PrerequisiteCycleError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("AddLessonResult"),
]
UpdateLessonResult = Annotated[
    UpdateLessonSuccess
    | LessonNotFoundError
    | CourseTooLargeError
    | PrerequisiteCycleError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("UpdateLessonResult"),
]
MoveLessonResult = Annotated[
    MoveLessonSuccess
    | LessonNotFoundError
    | ModuleNotInCourseError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("MoveLessonResult"),
]
DeleteLessonResult = Annotated[
    DeleteLessonSuccess | LessonNotFoundError | NotAuthenticatedError | ForbiddenError,
    strawberry.union("DeleteLessonResult"),
]
ReviewCourseResult = Annotated[
    ReviewCourseSuccess
    | CourseNotFoundError
    | NotEnrolledError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("ReviewCourseResult"),
]
CreateCategoryResult = Annotated[
    CreateCategorySuccess
    | SlugTakenError
    | NotAuthenticatedError
    | ForbiddenError
    | InvalidInputError,
    strawberry.union("CreateCategoryResult"),
]

"""Why a mutation was refused."""

import strawberry

from subgraphs.kernel import graphql


@strawberry.federation.type(shareable=True)
class CourseNotFoundError(graphql.UserError):
    """There is no such course, or it is not open to you."""


@strawberry.type
class CourseModuleNotFoundError(graphql.UserError):
    """There is no such module, or you may not change its course."""


@strawberry.type
class LessonNotFoundError(graphql.UserError):
    """There is no such lesson, or you may not change its course."""


@strawberry.type
class CategoryNotFoundError(graphql.UserError):
    """There is no such category."""


@strawberry.type
class ModuleNotInCourseError(graphql.UserError):
    """The module belongs to another course; neither modules nor lessons change courses."""


@strawberry.federation.type(shareable=True)
class SlugTakenError(graphql.UserError):
    """Another one has this slug."""

    slug: str
    """The slug that is taken."""


@strawberry.type
class CourseTooLargeError(graphql.UserError):
    """The course has as many modules, lessons or characters of text as it may have."""

    max_modules: int
    """Modules a course may have."""
    max_lessons: int
    """Lessons a course may have."""
    max_characters: int
    """Characters of Markdown that its lessons may have together."""


@strawberry.type
class EmptyCourseError(graphql.UserError):
    """There is no lesson to publish."""


@strawberry.type
class PrerequisiteCycleError(graphql.UserError):
    """These prerequisites would wait for each other."""


@strawberry.type
class NotEnrolledError(graphql.UserError):
    """Only those enrolled may do this."""

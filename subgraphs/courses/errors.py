"""What courses refuses, and why."""

from uuid import UUID

from subgraphs.kernel.errors import DomainError

MAX_LESSONS = 200
MAX_MODULES = 50
MAX_CHARACTERS = 1_000_000
"""Of Markdown, in all lessons of a course together."""


class CourseNotFoundError(DomainError):
    def __init__(self) -> None:
        super().__init__("This course does not exist, or is not open to you.")


class CourseModuleNotFoundError(DomainError):
    def __init__(self, module_id: UUID) -> None:
        super().__init__(f"Module {module_id} does not exist.")


class LessonNotFoundError(DomainError):
    def __init__(self, lesson_id: UUID) -> None:
        super().__init__(f"Lesson {lesson_id} does not exist.")


class CategoryNotFoundError(DomainError):
    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no category {slug!r}.")


class ModuleNotInCourseError(DomainError):
    def __init__(self, module_id: UUID) -> None:
        super().__init__(f"Module {module_id} belongs to another course.")


class SlugTakenError(DomainError):
    def __init__(self, slug: str) -> None:
        super().__init__(f"The slug {slug!r} is taken.")
        self.slug = slug


class CourseTooLargeError(DomainError):
    def __init__(self) -> None:
        super().__init__(
            f"A course has at most {MAX_MODULES} modules and {MAX_LESSONS} lessons, with "
            f"{MAX_CHARACTERS:,} characters of Markdown in all."
        )
        self.max_modules = MAX_MODULES
        self.max_lessons = MAX_LESSONS
        self.max_characters = MAX_CHARACTERS


class EmptyCourseError(DomainError):
    def __init__(self) -> None:
        super().__init__("There is no lesson to publish.")


class PrerequisiteCycleError(DomainError):
    def __init__(self) -> None:
        super().__init__("These prerequisites would wait for each other.")


class NotEnrolledError(DomainError):
    def __init__(self) -> None:
        super().__init__("Only those enrolled in a course may review it.")

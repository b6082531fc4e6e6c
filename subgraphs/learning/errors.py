"""What a caller may be told when a use case is refused."""

from collections.abc import Sequence
from uuid import UUID

from subgraphs.kernel.errors import DomainError
from subgraphs.learning.locks import LockReason

_WHY_LOCKED = {
    LockReason.NOT_ENROLLED: "it is not part of your version of the course",
    LockReason.NOT_RELEASED: "it has not been released yet",
    LockReason.PREREQUISITE: "other lessons come first",
}


class EnrollmentNotFoundError(DomainError):
    def __init__(self, enrollment_id: UUID) -> None:
        super().__init__(f"Enrollment {enrollment_id} does not exist.")


class CourseNotFoundError(DomainError):
    """The course is unknown, not published, archived, or private to another organization."""

    def __init__(self, course_id: UUID) -> None:
        super().__init__(f"Course {course_id} does not exist.")


class AlreadyEnrolledError(DomainError):
    def __init__(self) -> None:
        super().__init__("You are enrolled in this course already.")


class CoursePaymentRequiredError(DomainError):
    def __init__(self) -> None:
        super().__init__("This course has to be bought first.")


class PrerequisiteMissingError(DomainError):
    """Courses that have to be completed first are not."""

    def __init__(self, course_ids: Sequence[UUID]) -> None:
        super().__init__(f"Complete {len(course_ids)} other course(s) first.")
        self.course_ids = list(course_ids)


class LessonNotInCourseError(DomainError):
    def __init__(self, lesson_id: UUID) -> None:
        super().__init__(f"Lesson {lesson_id} is not part of this course.")


class LessonLockedError(DomainError):
    def __init__(self, lock_reason: LockReason) -> None:
        super().__init__(f"This lesson is locked: {_WHY_LOCKED[lock_reason]}.")
        self.lock_reason = lock_reason

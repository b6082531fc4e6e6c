"""What learning tells the others; the payload of a published version never changes."""

from datetime import datetime
from uuid import UUID

from subgraphs.kernel.events import Event


class EnrollmentCreated(Event, type="learning.enrollment_created", version=1):
    """Someone has enrolled; told again when they come back after an `EnrollmentRevoked`."""

    enrollment_id: UUID
    user_id: UUID
    course_id: UUID
    version_id: UUID
    organization_id: UUID
    enrolled_at: datetime
    """Of the first time: what they had completed before still counts."""


class EnrollmentRevoked(Event, type="learning.enrollment_revoked", version=1):
    enrollment_id: UUID
    user_id: UUID
    course_id: UUID


class EnrollmentMoved(Event, type="learning.enrollment_moved", version=1):
    """The learner is on another version of the course now."""

    enrollment_id: UUID
    version_id: UUID


class LessonCompleted(Event, type="learning.lesson_completed", version=1):
    enrollment_id: UUID
    user_id: UUID
    course_id: UUID
    lesson_id: UUID


class LessonUncompleted(Event, type="learning.lesson_uncompleted", version=1):
    enrollment_id: UUID
    user_id: UUID
    course_id: UUID
    lesson_id: UUID


class CourseCompleted(Event, type="learning.course_completed", version=1):
    """Told once for each version of the course that the learner completes."""

    enrollment_id: UUID
    user_id: UUID
    course_id: UUID


class DeadlineSet(Event, type="learning.deadline_set", version=1):
    enrollment_id: UUID
    user_id: UUID
    course_id: UUID
    due_at: datetime | None

"""What people do in learning. Each use case runs in one transaction that its caller commits."""

from subgraphs.learning.service.enrollments import (
    enroll,
    leave_private_courses,
    move_to_latest_version,
    set_deadline,
    unenroll,
)
from subgraphs.learning.service.lessons import complete_lesson, uncomplete_lesson

__all__ = [
    "complete_lesson",
    "enroll",
    "leave_private_courses",
    "move_to_latest_version",
    "set_deadline",
    "uncomplete_lesson",
    "unenroll",
]

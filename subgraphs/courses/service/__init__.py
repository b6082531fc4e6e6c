"""What can be done with courses; every function is one transaction's work."""

from subgraphs.courses.service.courses import (
    CourseChanges,
    archive_course,
    create_category,
    create_course,
    update_course,
)
from subgraphs.courses.service.drafts import (
    LessonChanges,
    add_lesson,
    add_module,
    delete_lesson,
    delete_module,
    move_lesson,
    move_module,
    update_lesson,
    update_module,
)
from subgraphs.courses.service.publishing import publish_course, render_draft
from subgraphs.courses.service.reviews import review_course

__all__ = [
    "CourseChanges",
    "LessonChanges",
    "add_lesson",
    "add_module",
    "archive_course",
    "create_category",
    "create_course",
    "delete_lesson",
    "delete_module",
    "move_lesson",
    "move_module",
    "publish_course",
    "render_draft",
    "review_course",
    "update_course",
    "update_lesson",
    "update_module",
]

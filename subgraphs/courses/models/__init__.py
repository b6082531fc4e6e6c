"""The rows of courses: a draft that is edited, versions that never change, and who may read."""

from subgraphs.courses.models.base import Base, Record
from subgraphs.courses.models.course import (
    PUBLISHED,
    Category,
    Course,
    CourseStatus,
    Level,
    Visibility,
)
from subgraphs.courses.models.lesson import (
    CourseVersion,
    Lesson,
    LessonKind,
    LessonText,
    Module,
    VersionLesson,
)
from subgraphs.courses.models.people import Entitlement, Member, Review
from subgraphs.courses.models.search import SearchDocument, SearchWord

__all__ = [
    "PUBLISHED",
    "Base",
    "Category",
    "Course",
    "CourseStatus",
    "CourseVersion",
    "Entitlement",
    "Lesson",
    "LessonKind",
    "LessonText",
    "Level",
    "Member",
    "Module",
    "Record",
    "Review",
    "SearchDocument",
    "SearchWord",
    "VersionLesson",
    "Visibility",
]

"""What courses tells the others; a published version never changes, a new one joins it."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from subgraphs.kernel.events import Event


class PublishedLesson(BaseModel):
    """A lesson as a version froze it; its id is the same in every version."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )
    id: UUID
    module_id: UUID
    title: str
    kind: str
    """`text`, `video`, `quiz` or `assignment`."""
    is_preview: bool
    release_after_days: int | None
    """Days from enrolment until it opens; None is at once."""
    prerequisite_lesson_ids: list[UUID]


class CoursePublished(Event, type="courses.course_published", version=1):
    """A course is open as told here: a new version of it, new settings, or back from the archive.

    The same `version_id` may come again; then only the settings beside it are news.
    """

    course_id: UUID
    organization_id: UUID
    version_id: UUID
    version_number: int
    title: str
    slug: str
    visibility: str
    """`public` or `private`: open to all, or to the members of its organization."""
    is_free: bool
    sequential: bool
    """Whether each lesson opens when the one before it is complete."""
    prerequisite_course_ids: list[UUID]
    instructor_ids: list[UUID]
    lessons: list[PublishedLesson]
    """All of them, in the order of the course."""


class CourseArchived(Event, type="courses.course_archived", version=1):
    """A course takes no one new; those enrolled keep it."""

    course_id: UUID


class LessonChanged(Event, type="courses.lesson_changed", version=1):
    """The newest version shows this lesson otherwise than the one before did."""

    course_id: UUID
    lesson_id: UUID


class ReviewPosted(Event, type="courses.review_posted", version=1):
    """A learner rated a course (1 to 5), or changed that rating."""

    course_id: UUID
    user_id: UUID
    rating: int

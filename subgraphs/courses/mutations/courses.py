from typing import cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from subgraphs.courses import models, service, types
from subgraphs.courses.mutations.inputs import given

_NULLABLE = frozenset({"level", "category_slug"})


@strawberry.input
class CourseSettings:
    """A course's settings; what is absent stays as it is."""

    summary: str | None = UNSET
    """What it is about, in a sentence or two; at most 500 characters."""
    description: str | None = UNSET
    """What it is about, at length, in Markdown."""
    language: str | None = UNSET
    """The language it is taught in, a BCP 47 tag; English unless told otherwise."""
    level: models.Level | None = UNSET
    """How much it expects of its learners; null says nothing."""
    category_slug: str | None = UNSET
    """The field of knowledge it belongs to; null is none."""
    visibility: models.Visibility | None = UNSET
    """To whom it is open once published; to everyone unless told otherwise."""
    is_free: bool | None = UNSET
    """Whether enrolling costs nothing; it does unless told otherwise."""
    sequential: bool | None = UNSET
    """Whether each lesson opens when the one before it is complete."""
    instructor_ids: list[UUID] | None = UNSET
    """Who teaches it, at most 20; at first whoever creates it."""
    prerequisite_course_ids: list[UUID] | None = UNSET
    """Courses to complete before this one, at most 20."""


@strawberry.input
class CreateCourseInput(CourseSettings):
    """A new course."""

    organization_id: UUID
    """Who offers it; you must be an instructor or admin there."""
    title: str
    """Its title, at most 200 characters."""
    slug: str | None = UNSET
    """Its name in addresses; made from the title when absent."""


@strawberry.input
class UpdateCourseInput(CourseSettings):
    """Changes of a course's settings; they hold at once."""

    course_id: UUID
    """The course."""
    title: str | None = UNSET
    """Its title."""
    slug: str | None = UNSET
    """Its name in addresses; old addresses stop working."""


@strawberry.input
class PublishCourseInput:
    """A course to publish."""

    course_id: UUID
    """The course."""


@strawberry.input
class ArchiveCourseInput:
    """A course to archive."""

    course_id: UUID
    """The course."""


@strawberry.input
class ReviewCourseInput:
    """A review."""

    course_id: UUID
    """The course; you must be enrolled in it."""
    rating: int
    """From 1 to 5, which is best."""
    text: str = ""
    """Why; plain text of at most 5,000 characters."""


@strawberry.input
class CreateCategoryInput:
    """A new category."""

    name: str
    """Its name for people."""
    slug: str | None = None
    """Its name in addresses; made from the name when absent."""


def _changes(input: CreateCourseInput | UpdateCourseInput) -> service.CourseChanges:
    values = given(input, nullable=_NULLABLE)
    values.pop("organization_id", None)
    values.pop("course_id", None)
    return cast(service.CourseChanges, values)


async def _course(info: types.Info, row: models.Course) -> types.Course:
    """Read the course again: its version and category may be others now."""
    info.context.forget_loaders()
    written = await info.context.loaders.written_course.load(row.id)
    assert written is not None, "who may change a course may see it"
    return types.Course.from_row(written)


@strawberry.type
class CourseMutations:
    """What can be done with a whole course."""

    @strawberry.mutation
    async def create_course(
        self, info: types.Info, input: CreateCourseInput
    ) -> types.CreateCourseResult:
        """Start a draft of a course."""
        row = await info.context.transact(
            service.create_course,
            info.context.viewer,
            organization_id=input.organization_id,
            changes=_changes(input),
        )
        return types.CreateCourseSuccess(course=await _course(info, row))

    @strawberry.mutation
    async def update_course(
        self, info: types.Info, input: UpdateCourseInput
    ) -> types.UpdateCourseResult:
        """Change a course's settings; they hold at once."""
        row = await info.context.transact(
            service.update_course,
            info.context.viewer,
            course_id=input.course_id,
            changes=_changes(input),
        )
        return types.UpdateCourseSuccess(course=await _course(info, row))

    @strawberry.mutation
    async def publish_course(
        self, info: types.Info, input: PublishCourseInput
    ) -> types.PublishCourseResult:
        """Freeze the draft as the version newcomers see; those enrolled stay on theirs.

        Publishing what is published already is harmless, and makes no new version.
        """
        context, course_id = info.context, input.course_id
        rendered = await service.render_draft(context.db, context.viewer, course_id)
        row = await context.transact(
            service.publish_course, context.viewer, course_id=course_id, rendered=rendered
        )
        return types.PublishCourseSuccess(course=await _course(info, row))

    @strawberry.mutation
    async def archive_course(
        self, info: types.Info, input: ArchiveCourseInput
    ) -> types.ArchiveCourseResult:
        """Close a course to new learners; those enrolled keep it. Publishing opens it again."""
        row = await info.context.transact(
            service.archive_course, info.context.viewer, course_id=input.course_id
        )
        return types.ArchiveCourseSuccess(course=await _course(info, row))

    @strawberry.mutation
    async def review_course(
        self, info: types.Info, input: ReviewCourseInput
    ) -> types.ReviewCourseResult:
        """Rate a course you are enrolled in; a second review replaces the first."""
        row = await info.context.transact(
            service.review_course,
            info.context.viewer,
            course_id=input.course_id,
            rating=input.rating,
            text=input.text,
        )
        info.context.forget_loaders()
        course = await types.Course.load(info, input.course_id)
        assert course is not None, "whoever is enrolled may see the course"
        return types.ReviewCourseSuccess(review=types.Review.from_row(row), course=course)

    @strawberry.mutation
    async def create_category(
        self, info: types.Info, input: CreateCategoryInput
    ) -> types.CreateCategoryResult:
        """Add a category; only operators of the platform may."""
        row = await info.context.transact(
            service.create_category, info.context.viewer, name=input.name, slug=input.slug
        )
        category = types.Category(id=row.id, slug=row.slug, name=row.name)
        return types.CreateCategorySuccess(category=category)

"""Enrollments, and what learning adds to people and courses."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql, pages
from subgraphs.kernel.errors import ForbiddenError, InvalidInputError
from subgraphs.learning.locks import Standing, next_lesson_id
from subgraphs.learning.progress import EnrollmentStatus
from subgraphs.learning.repository import standings
from subgraphs.learning.repository.courses import RosterOrder
from subgraphs.learning.types.lesson import Info, Lesson

MAX_SEARCH = 100
USUAL_LESSONS = 20
"""What `completedLessons` is priced at; at most it has 200."""

strawberry.enum(EnrollmentStatus)
strawberry.enum(RosterOrder)


@strawberry.federation.type(keys=["id"])
class Enrollment:
    """A person's way through one course, in the version they are on."""

    standing: strawberry.Private[Standing]
    id: UUID
    """The enrollment's id."""
    learner: "User | None"
    """Who learns."""
    course: "Course | None"
    """What they learn."""
    status: EnrollmentStatus
    """Where it is in its life."""
    percent_complete: int
    """Whole percents of the lessons, rounded down: 100 means all of them."""
    completed_lesson_count: int
    """How many lessons are complete."""
    lesson_count: int
    """How many lessons the learner's version of the course has."""
    enrolled_at: datetime
    """When the learner first enrolled; what opens after some days counts from here."""
    completed_at: datetime | None
    """When the last lesson was completed; null while one is open."""
    due_at: datetime | None
    """The date by which the learner wants, or is asked, to be done."""

    @strawberry.field
    def is_overdue(self) -> bool:
        """Whether the deadline has passed with lessons still open."""
        due_at = self.standing.progress.due_at
        is_active = self.status is EnrollmentStatus.ACTIVE
        return is_active and due_at is not None and due_at < datetime.now(UTC)

    @strawberry.field
    async def next_lesson(self, info: Info) -> Lesson | None:
        """The first lesson, in course order, that is neither complete nor locked."""
        lesson_id = next_lesson_id(self.standing, datetime.now(UTC))
        return (await self._lessons(info, [lesson_id]))[0] if lesson_id else None

    @graphql.list_field(size=USUAL_LESSONS)
    async def completed_lessons(self, info: Info) -> list[Lesson | None]:
        """The complete lessons, in the order of their completion."""
        return await self._lessons(info, self.standing.progress.completed_lesson_ids)

    async def _lessons(self, info: Info, ids: Sequence[UUID]) -> list[Lesson | None]:
        """Show lessons to the viewer: for the learner nothing more has to be read."""
        if self.standing.progress.user_id == info.context.viewer.user_id:
            now = datetime.now(UTC)
            return [Lesson.of(id, self.standing, now) for id in ids]
        found = await info.context.loaders.lesson.load_many(ids)
        return [Lesson.seen(id, lesson) for id, lesson in zip(ids, found, strict=True)]

    @classmethod
    def from_row(cls, standing: Standing) -> Self:
        progress = standing.progress
        return cls(
            standing=standing,
            id=progress.id,
            learner=User(id=progress.user_id),
            course=Course(id=progress.course_id),
            status=progress.status,
            percent_complete=progress.percent_complete,
            completed_lesson_count=progress.completed_count,
            lesson_count=progress.lesson_count,
            enrolled_at=progress.enrolled_at,
            completed_at=progress.completed_at,
            due_at=progress.due_at,
        )

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self | None]:
        found = await info.context.loaders.enrollment.load_many(ids)
        return [cls.from_row(standing) if standing else None for standing in found]

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        return (await cls.resolve_references(info, [id]))[0]


@strawberry.federation.type(keys=["id"])
class Course:
    """A course, as far as its learners are concerned."""

    id: UUID
    """The course's id."""

    @strawberry.field
    async def viewer_enrollment(self, info: Info) -> Enrollment | None:
        """The viewer's own enrollment, unless they never enrolled or have left."""
        if not info.context.viewer.is_authenticated:
            return None
        course = await info.context.loaders.course.load(self.id)
        return Enrollment.from_row(course.standing) if course and course.standing else None

    @strawberry.field
    async def enrollment_count(self, info: Info) -> int | None:
        """How many people are enrolled; 0 for a course that the viewer may not see."""
        course = await info.context.loaders.course.load(self.id)
        return course.enrollment_count if course else 0

    @strawberry.field
    async def roster(
        self,
        info: Info,
        *,
        search: str | None = None,
        status: EnrollmentStatus | None = None,
        order_by: RosterOrder = RosterOrder.ENROLLED_AT,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Enrollment] | None:
        """Who learns here and how far they are, for instructors and admins of its organization.

        `search` finds a part of a name; `status` alone brings up those who have left.
        """
        request = pages.page_request(first=first, after=after, last=last, before=before)
        search = _checked_search(search)
        viewer = info.context.viewer
        viewer.require_user()
        course = await info.context.loaders.course.load(self.id)
        if course is None or not viewer.has_role(course.organization_id, *standings.TEACHERS):
            raise ForbiddenError
        return await info.context.loaders.roster.connection(
            self.id, Enrollment.from_row, request, search=search, status=status, order_by=order_by
        )

    @classmethod
    def resolve_reference(cls, info: Info, id: UUID) -> Self:  # noqa: ARG003, every one gets it
        return cls(id=id)


def _checked_search(search: str | None) -> str | None:
    search = (search or "").strip()
    if len(search) > MAX_SEARCH:
        raise InvalidInputError("search", f"Search for at most {MAX_SEARCH} characters.")
    if "\x00" in search:
        raise InvalidInputError("search", "No name contains this character.")
    return search or None


@strawberry.federation.type(keys=["id"])
class User:
    """A person, as far as their learning is concerned."""

    id: UUID
    """The person's id."""

    @strawberry.field
    async def enrollments(
        self,
        info: Info,
        *,
        status: EnrollmentStatus | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Enrollment] | None:
        """Their enrollments that the viewer may see, the newest first.

        One sees one's own, an instructor or admin those in courses of their organization.
        """
        request = pages.page_request(first=first, after=after, last=last, before=before)
        enrollments = info.context.loaders.enrollments
        return await enrollments.connection(self.id, Enrollment.from_row, request, status=status)

    @classmethod
    def resolve_reference(cls, info: Info, id: UUID) -> Self:  # noqa: ARG003, every one gets it
        return cls(id=id)


@strawberry.type
class ProgressUpdate:
    """Something has happened in an enrollment."""

    cursor: str
    """Its place in the enrollment's history: pass the last one seen as `after` to miss nothing."""
    resync: bool
    """Whether events before this can no longer be told one by one: take the enrollment as it is."""
    enrollment: Enrollment
    """The enrollment as it is now."""
    lesson_id: UUID | None
    """The lesson that was completed or taken back, if it is about one."""

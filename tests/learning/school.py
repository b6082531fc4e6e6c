"""Courses and people as the other subgraphs tell of them, and what is stored in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, text
from uuid_utils.compat import uuid7

from subgraphs.courses.events import CourseArchived, CoursePublished, PublishedLesson
from subgraphs.kernel.bus import Entry
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope, Event
from subgraphs.learning import models, projection
from subgraphs.learning.consumers import inbox
from subgraphs.learning.progress import ProgressKind
from subgraphs.users.events import MembershipChanged, UserProfileChanged, UserRegistered


@dataclass
class Course:
    """A course as its authors know it; `seq` numbers what they tell of it."""

    organization_id: UUID = field(default_factory=uuid4)
    id: UUID = field(default_factory=uuid4)
    version_id: UUID = field(default_factory=uuid4)
    version_number: int = 1
    visibility: str = "public"
    is_free: bool = True
    sequential: bool = False
    prerequisite_course_ids: list[UUID] = field(default_factory=list)
    lessons: list[PublishedLesson] = field(default_factory=list)
    seq: int = 0

    @property
    def lesson_ids(self) -> list[UUID]:
        return [lesson.id for lesson in self.lessons]

    def published(self) -> Envelope:
        """Make the event that tells of the course as it is now."""
        self.seq += 1
        event = CoursePublished(
            course_id=self.id,
            organization_id=self.organization_id,
            version_id=self.version_id,
            version_number=self.version_number,
            title=f"Version {self.version_number}",
            slug=f"course-{self.id}",
            visibility=self.visibility,
            is_free=self.is_free,
            sequential=self.sequential,
            prerequisite_course_ids=self.prerequisite_course_ids,
            instructor_ids=[],
            lessons=self.lessons,
        )
        return envelope(event, self.id, self.seq)

    def next_version(self, lessons: Sequence[PublishedLesson]) -> Envelope:
        """Make the event that tells of the next version."""
        self.version_id, self.lessons = uuid4(), list(lessons)
        self.version_number += 1
        return self.published()

    def archived(self) -> Envelope:
        self.seq += 1
        return envelope(CourseArchived(course_id=self.id), self.id, self.seq)


def lesson(**rules: Any) -> PublishedLesson:
    """Make a text lesson; `rules` are release_after_days, prerequisite_lesson_ids, is_preview."""
    plain: dict[str, Any] = {
        "is_preview": False,
        "release_after_days": None,
        "prerequisite_lesson_ids": [],
    }
    values = {"id": uuid4(), "module_id": uuid4(), **plain, **rules}
    return PublishedLesson(title="A lesson", kind="text", **values)


def envelope(event: Event, aggregate_id: UUID, seq: int) -> Envelope:
    return Envelope(
        id=uuid7(),
        type=event.type,
        version=event.version,
        aggregate_id=aggregate_id,
        aggregate_seq=seq,
        occurred_at=datetime.now(UTC),
        data=event.model_dump(mode="json", by_alias=True),
    )


def registered(user_id: UUID, name: str) -> Envelope:
    event = UserRegistered(user_id=user_id, name=name, locale="en", time_zone="UTC")
    return envelope(event, user_id, 1)


def renamed(user_id: UUID, name: str, seq: int = 2) -> Envelope:
    event = UserProfileChanged(user_id=user_id, name=name, locale="en", time_zone="UTC")
    return envelope(event, user_id, seq)


def joined(organization_id: UUID, user_id: UUID, role: str = "student", seq: int = 1) -> Envelope:
    event = MembershipChanged(organization_id=organization_id, user_id=user_id, role=role)
    return envelope(event, organization_id, seq)


def left(organization_id: UUID, user_id: UUID, seq: int = 2) -> Envelope:
    event = MembershipChanged(organization_id=organization_id, user_id=user_id, role=None)
    return envelope(event, organization_id, seq)


class NoBus:
    """Where the inbox acknowledges events that no stream has handed out."""

    async def acknowledge(self, group: str, entries: Sequence[Entry]) -> None: ...


@dataclass(frozen=True)
class School:
    """The database of learning, seen from behind."""

    db: Database
    url: str

    async def tell(self, *told: Envelope) -> None:
        """Deliver events of others in this order; each takes effect."""
        await self.deliver(*told)
        assert await self.rows("SELECT error FROM inbox_deferred") == []

    async def deliver(self, *told: Envelope) -> None:
        """Deliver events of others in this order; some may have to wait."""
        entries = [Entry(it.topic, "1-0", "", it, it.model_dump_json(by_alias=True)) for it in told]
        await inbox.handle(entries, self.db, NoBus())  # type: ignore[arg-type]

    async def retry(self) -> None:
        """Try again what waits, until nothing does."""
        while await self.rows("SELECT 1 FROM inbox_deferred"):
            async with self.db.begin() as session:
                await session.execute(text("UPDATE inbox_deferred SET retry_at = now()"))
            await inbox.retry(self.db)

    async def publish(
        self, lessons: Sequence[PublishedLesson] | int = 2, **settings: Any
    ) -> Course:
        """Publish the first version of a course."""
        made = [lesson() for _ in range(lessons)] if isinstance(lessons, int) else list(lessons)
        course = Course(lessons=made, **settings)
        await self.tell(course.published())
        return course

    async def remember(self, user_id: UUID, course: Course, *, days: float) -> UUID:
        """Let someone have enrolled some days ago: the log says so, and the rest follows."""
        enrollment_id = uuid4()
        event = {
            "enrollment_id": enrollment_id,
            "seq": 1,
            "kind": ProgressKind.ENROLLED,
            "occurred_at": datetime.now(UTC) - timedelta(days=days),
            "data": {
                "user_id": str(user_id),
                "course_id": str(course.id),
                "organization_id": str(course.organization_id),
                "version_id": str(course.version_id),
                "lesson_count": len(course.lessons),
            },
        }
        async with self.db.begin() as session:
            await session.execute(insert(models.ProgressEvent).values(event))
        await projection.rebuild(self.url)
        return enrollment_id

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.db.read() as session:
            return [tuple(row) for row in await session.execute(text(query), values)]

    async def value(self, query: str, **values: Any) -> Any:
        [[value]] = await self.rows(query, **values)
        return value

    async def log(self, enrollment_id: UUID) -> list[str]:
        """The kinds of an enrollment's events, in their order."""
        query = "SELECT kind FROM progress_events WHERE enrollment_id = :id ORDER BY seq"
        return [kind for (kind,) in await self.rows(query, id=enrollment_id)]

    async def told(self, enrollment_id: UUID) -> list[tuple[int, str]]:
        """What the others are told of an enrollment: number and type, in their order."""
        query = "SELECT aggregate_seq, type FROM outbox WHERE aggregate_id = :id ORDER BY id"
        found = await self.rows(query, id=enrollment_id)
        return [(seq, type_.removeprefix("learning.")) for seq, type_ in found]

    async def everything(self) -> list[Any]:
        """All that a mutation could change, to compare before and after."""
        tables = ("enrollments", "progress_events", "outbox", "courses")
        return [
            await self.rows(f"SELECT to_jsonb(it) FROM {table} it ORDER BY 1")  # noqa: S608
            for table in tables
        ]

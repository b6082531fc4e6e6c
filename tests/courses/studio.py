"""Courses as their authors make them, through the schema; enrolments as learning tells of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, func, select, text

from subgraphs.courses.consumers import inbox
from subgraphs.courses.models import Course as CourseRow
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus, Entry
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope, Event
from subgraphs.learning.events import EnrollmentCreated
from tests.courses.people import Person


@dataclass
class Made:
    """A course, and what it is made of, by title."""

    id: UUID
    modules: dict[str, UUID] = field(default_factory=dict)
    lessons: dict[str, UUID] = field(default_factory=dict)


async def create(author: Person, organization_id: UUID, **settings: Any) -> UUID:
    """Start a draft; return its id."""
    values = {"title": "A course", **settings, "organization_id": organization_id}
    answer = await author.mutate("createCourse", "course { id }", **values)
    assert answer["__typename"] == "CreateCourseSuccess", answer
    return UUID(answer["course"]["id"])


async def add_module(author: Person, course_id: UUID, title: str, **values: Any) -> UUID:
    answer = await author.mutate(
        "addModule", "module { id }", course_id=course_id, title=title, **values
    )
    return UUID(answer["module"]["id"])


async def add_lesson(author: Person, module_id: UUID, title: str, **values: Any) -> UUID:
    answer = await author.mutate(
        "addLesson", "lesson { id }", module_id=module_id, title=title, **values
    )
    return UUID(answer["lesson"]["id"])


async def draft(
    author: Person,
    organization_id: UUID,
    outline: dict[str, list[str]] | None = None,
    **settings: Any,
) -> Made:
    """Make a draft; each lesson's text is its title in bold."""
    made = Made(await create(author, organization_id, **settings))
    for module, lessons in (outline or {"One": ["First", "Second"]}).items():
        made.modules[module] = await add_module(author, made.id, module)
        for title in lessons:
            made.lessons[title] = await add_lesson(
                author, made.modules[module], title, markdown=f"**{title}**"
            )
    return made


async def publish(author: Person, made: Made) -> Made:
    answer = await author.mutate("publishCourse", course_id=made.id)
    assert answer["__typename"] == "PublishCourseSuccess", answer
    return made


async def published(
    author: Person,
    organization_id: UUID,
    outline: dict[str, list[str]] | None = None,
    **settings: Any,
) -> Made:
    return await publish(author, await draft(author, organization_id, outline, **settings))


def nobody() -> Viewer:
    """Someone who belongs nowhere."""
    return Viewer(user_id=uuid4())


def now() -> datetime:
    return datetime.now(UTC)


def latest_version(course_id: UUID) -> Select[UUID | None]:
    return select(CourseRow.latest_version_id).where(CourseRow.id == course_id)


def enrollment_count(course_id: UUID) -> Select[int]:
    return select(CourseRow.enrollment_count).where(CourseRow.id == course_id)


def count(table: str) -> Select[int]:
    return select(func.count()).select_from(text(table))


@dataclass
class Learning:
    """The neighbour: tells of enrolments, each an aggregate with numbered events."""

    db: Database
    bus: Bus
    told: dict[UUID, int] = field(default_factory=dict)

    async def tell(self, enrollment_id: UUID, event: Event, *, id: UUID | None = None) -> None:
        """Hand an event to the inbox, as if it came from the bus."""
        seq = self.told[enrollment_id] = self.told.get(enrollment_id, 0) + 1
        envelope = Envelope(
            id=id or uuid4(),
            type=event.type,
            version=event.version,
            aggregate_id=enrollment_id,
            aggregate_seq=seq,
            occurred_at=now(),
            data=event.model_dump(mode="json", by_alias=True),
        )
        entry = Entry(event.topic, f"{seq}-0", "", envelope, envelope.model_dump_json())
        await inbox.handle([entry], self.db, self.bus)

    async def enroll(self, person: Person, course_id: UUID, *, days_ago: int = 0) -> UUID:
        """Enrol someone in the latest version of a course; return the enrolment's id."""
        async with self.db.read() as session:
            version_id = await session.scalar(latest_version(course_id))
        event = EnrollmentCreated(
            enrollment_id=uuid4(),
            user_id=person.id,
            course_id=course_id,
            version_id=version_id or uuid4(),
            organization_id=uuid4(),
            enrolled_at=now() - timedelta(days=days_ago),
        )
        await self.tell(event.enrollment_id, event)
        return event.enrollment_id

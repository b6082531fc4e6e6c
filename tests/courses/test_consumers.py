"""What learning tells, in whatever order it comes: a replayed dead letter comes late."""

from itertools import permutations
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from uuid_utils.compat import uuid7

from subgraphs.courses.consumers import inbox
from subgraphs.courses.models import Course, Entitlement
from subgraphs.kernel.bus import Bus, Entry
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope, Event
from subgraphs.kernel.tables import INBOX_DEFERRED
from subgraphs.learning import events
from tests.courses import studio
from tests.courses.people import Person


def told(enrollment_id: UUID, *facts: Event) -> list[Entry]:
    """The entries of one enrollment's events, numbered in this order."""
    entries = []
    for seq, event in enumerate(facts, 1):
        envelope = Envelope(
            id=uuid7(),
            type=event.type,
            version=event.version,
            aggregate_id=enrollment_id,
            aggregate_seq=seq,
            occurred_at=studio.now(),
            data=event.model_dump(mode="json", by_alias=True),
        )
        text = envelope.model_dump_json(by_alias=True)
        entries.append(Entry(event.topic, f"{seq}-0", "", envelope, text))
    return entries


async def settle(db: Database) -> None:
    """Try again what was put aside, until nothing is."""
    while True:
        async with db.begin() as session:
            await session.execute(update(INBOX_DEFERRED).values(retry_at=func.now()))
            if not await session.scalar(select(func.count()).select_from(INBOX_DEFERRED)):
                return
        await inbox.retry(db)


async def test_every_order_ends_with_what_was_told_last(
    db: Database, bus: Bus, author: Person, school: UUID
) -> None:
    made = await studio.published(author, school)
    lesson_id = made.lessons["First"]
    for order in permutations(range(4)):
        ids = {"enrollment_id": uuid4(), "user_id": uuid4(), "course_id": made.id}
        enrolled = {"version_id": uuid4(), "organization_id": school, "enrolled_at": studio.now()}
        entries = told(
            ids["enrollment_id"],
            events.EnrollmentCreated(**ids, **enrolled),
            events.LessonCompleted(**ids, lesson_id=lesson_id),
            events.LessonUncompleted(**ids, lesson_id=lesson_id),
            events.EnrollmentRevoked(**ids),
        )

        for place in order:
            await inbox.handle([entries[place]], db, bus)
        await settle(db)

        async with db.read() as session:
            row = await session.get_one(Entitlement, (ids["user_id"], made.id))
            learners = await session.scalar(
                select(Course.enrollment_count).where(Course.id == made.id)
            )
        assert (row.active, row.completed_lesson_ids, learners) == (False, [], 0), order


async def test_coming_back_late_counts_once_and_keeps_what_was_done(
    db: Database, bus: Bus, author: Person, school: UUID
) -> None:
    made = await studio.published(author, school)
    lesson_id = made.lessons["First"]
    ids = {"enrollment_id": uuid4(), "user_id": uuid4(), "course_id": made.id}
    enrolled = {"version_id": uuid4(), "organization_id": school, "enrolled_at": studio.now()}
    newest = uuid4()
    created, moved, completed, revoked, again = told(
        ids["enrollment_id"],
        events.EnrollmentCreated(**ids, **enrolled),
        events.EnrollmentMoved(enrollment_id=ids["enrollment_id"], version_id=uuid4()),
        events.LessonCompleted(**ids, lesson_id=lesson_id),
        events.EnrollmentRevoked(**ids),
        events.EnrollmentCreated(**ids, **enrolled | {"version_id": newest}),
    )

    for entry in (created, again, revoked, completed, moved):
        await inbox.handle([entry], db, bus)

    async with db.read() as session:
        row = await session.get_one(Entitlement, (ids["user_id"], made.id))
        learners = await session.scalar(select(Course.enrollment_count).where(Course.id == made.id))
    assert (row.active, row.completed_lesson_ids, learners) == (True, [lesson_id], 1)
    assert row.version_id == newest

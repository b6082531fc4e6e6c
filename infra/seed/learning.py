"""Fills the database of learning: what others have told it, the log and its projection."""

from collections.abc import Sequence
from dataclasses import fields
from functools import reduce
from itertools import islice
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed import activity
from infra.seed.catalogue import Published
from infra.seed.copying import copy
from infra.seed.people import People
from infra.seed.sizes import chance
from infra.terminal import Step
from subgraphs.kernel.events import Envelope
from subgraphs.learning.consumers import keep_course
from subgraphs.learning.models import Course, Enrollment, Learner, ProgressEvent
from subgraphs.learning.progress import EnrollmentStatus, Progress, apply
from subgraphs.learning.progress import ProgressEvent as Logged

BATCH = 5_000
PROJECTED = tuple(field.name for field in fields(Progress))
LOGGED = tuple(field.name for field in fields(Logged))


async def fill(
    session: AsyncSession, people: People, published: Sequence[Published], step: Step
) -> None:
    """Store what the others would have told, then batch after batch of enrollments."""
    learners = ((person.id, person.name, 1) for person in people.persons)
    await copy(session, Learner, ("user_id", "name", "seq"), learners)
    for course in published:
        await keep_course(session, course.event, _envelope(course))
    offers = [course.offer() for course in published]
    attendances = activity.make(people, offers)
    numbers = chance(people.size.name, "log")
    done = 0
    while batch := list(islice(attendances, BATCH)):
        await _store(
            session, [activity.log(attendance, numbers, people.now) for attendance in batch]
        )
        done += len(batch)
        step.note = f"· {done:,} of {people.size.enrollments:,} enrolments"
    await _count(session)


def _envelope(course: Published) -> Envelope:
    """As if the event had come by the bus; only its number counts here."""
    return Envelope(
        id=course.event.version_id,
        type=course.event.type,
        version=course.event.version,
        aggregate_id=course.event.course_id,
        aggregate_seq=course.seq,
        occurred_at=course.published_at,
        data={},
    )


async def _store(session: AsyncSession, logs: Sequence[list[Logged]]) -> None:
    """Append logs, and what the product's own rule makes of them."""
    projections = (_values(reduce(apply, log, None), PROJECTED) for log in logs)
    await copy(session, Enrollment, PROJECTED, projections)
    events = (_values(event, LOGGED) for log in logs for event in log)
    await copy(session, ProgressEvent, LOGGED, events)


def _values(of: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(of, name) for name in names)


async def _count(session: AsyncSession) -> None:
    enrolled = (
        select(Enrollment.course_id, func.count().label("count"))
        .where(Enrollment.status != EnrollmentStatus.REVOKED)
        .group_by(Enrollment.course_id)
        .subquery()
    )
    await session.execute(
        update(Course)
        .where(Course.course_id == enrolled.c.course_id)
        .values(enrollment_count=enrolled.c.count)
        .execution_options(synchronize_session=False)
    )

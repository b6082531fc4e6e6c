"""Who takes what, how far they have come and what they think of it: plans again, no database.

The same people and offers give the same activity, so that each database can be filled on its own
and agrees with the others.
"""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, cycle
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from infra.seed.people import People, Person
from infra.seed.sizes import Size, chance, new_id
from subgraphs.learning.progress import ProgressEvent, ProgressKind

T = TypeVar("T")
ENROLLMENTS_OF_DEMO = 22  # more than one page of the dashboard
POPULARITY = 0.6  # the exponent of Zipf's law; with 0 all courses are equally popular
EXTREMES = 1.2  # low: many have hardly begun or are nearly done; high: all are halfway
DEADLINE_IN_100 = 8
DEADLINE_DAYS = 90
REVIEWS_IN_100 = 20
RATINGS = (1, 2, 3, 4, 4, 4, 5, 5, 5, 5)
LATEST_START = timedelta(days=1)


@dataclass(frozen=True)
class Offer:
    """A published course, as far as learners come across it."""

    id: UUID
    version_id: UUID
    organization_id: UUID
    is_private: bool
    is_free: bool
    language: str
    published_at: datetime
    lesson_ids: Sequence[UUID]
    release_after_days: Sequence[int]  # of each lesson; 0: open from the start


@dataclass(frozen=True)
class Start:
    """Someone takes a course."""

    person: Person
    offer: Offer
    at: datetime
    lessons_open: int  # so far: those before the first that is still to be released


@dataclass(frozen=True)
class Attendance:
    """One enrollment: its first `completed` lessons are complete."""

    id: UUID
    start: Start
    completed: int
    rating: int | None

    @property
    def completed_lesson_ids(self) -> Sequence[UUID]:
        return self.start.offer.lesson_ids[: self.completed]


def make(people: People, offers: Sequence[Offer]) -> Iterator[Attendance]:
    """Every enrollment: exactly as many, with as many completions, as the size says."""
    starts = _starts(people, offers)
    numbers = chance(people.size.name, "attendances")
    for start, completed in zip(starts, _completions(people.size, starts), strict=True):
        rates = completed and 100 * numbers.random() < REVIEWS_IN_100
        rating = numbers.choice(RATINGS) if rates else None
        yield Attendance(new_id(start.at, numbers), start, completed, rating)


def log(attendance: Attendance, numbers: Random, now: datetime) -> list[ProgressEvent]:
    """Tell an enrollment as learning would have logged it."""
    start, events = attendance.start, list[ProgressEvent]()

    def happened(kind: ProgressKind, at: datetime, **details: Any) -> None:
        seq = len(events) + 1
        events.append(
            ProgressEvent(attendance.id, seq, kind, at, actor_id=start.person.id, **details)
        )

    happened(ProgressKind.ENROLLED, start.at, data=_facts(start))
    if 100 * numbers.random() < DEADLINE_IN_100:
        due = start.at + timedelta(days=DEADLINE_DAYS)
        happened(ProgressKind.DEADLINE_SET, start.at, data={"due_at": due.isoformat()})
    times = _times(numbers, attendance, now)
    for lesson_id, at in zip(attendance.completed_lesson_ids, times, strict=True):
        happened(ProgressKind.LESSON_COMPLETED, at, lesson_id=lesson_id)
    if attendance.completed == len(start.offer.lesson_ids):
        happened(ProgressKind.COURSE_COMPLETED, times[-1])
    return events


def _starts(people: People, offers: Sequence[Offer]) -> list[Start]:
    """Choose at random, but some take many courses, and some courses are taken by many."""
    size = people.size
    numbers = chance(size.name, "enrollments")
    learners = [person for person in people.persons if person.demo in {None, "learner"}]
    busy = list(accumulate(numbers.expovariate(1.0) + 0.2 for _ in learners))
    courses = [offer for offer in offers if offer.is_free]
    numbers.shuffle(courses)
    popular = list(accumulate((rank + 1) ** -POPULARITY for rank in range(len(courses))))
    demo = [person for person in learners if person.demo]
    chosen: dict[tuple[UUID, UUID], Start] = {}
    while len(chosen) < size.enrollments:
        person = demo[0] if len(chosen) < ENROLLMENTS_OF_DEMO else _pick(numbers, learners, busy)
        offer = _pick(numbers, courses, popular)
        may = not offer.is_private or offer.organization_id in person.roles
        if may and (person.id, offer.id) not in chosen:
            chosen[person.id, offer.id] = _start(numbers, person, offer, people.now)
    return list(chosen.values())


def _pick(numbers: Random, population: list[T], weights: list[float]) -> T:
    """Choose one; `weights` are summed up already."""
    return population[bisect.bisect(weights, numbers.random() * weights[-1])]


def _start(numbers: Random, person: Person, offer: Offer, now: datetime) -> Start:
    earliest = max(person.created_at, offer.published_at)
    at = earliest + (now - LATEST_START - earliest) * numbers.random()
    days = (now - at).days
    return Start(person, offer, at, bisect.bisect(offer.release_after_days, days))


def _completions(size: Size, starts: list[Start]) -> list[int]:
    """How many lessons each has completed, from the first on; the total is the size's."""
    numbers = chance(size.name, "completions")
    mean = size.completions / sum(start.lessons_open for start in starts)
    counts = [
        round(start.lessons_open * numbers.betavariate(mean * EXTREMES, (1 - mean) * EXTREMES))
        for start in starts
    ]
    missing = size.completions - sum(counts)
    step = 1 if missing > 0 else -1
    for position in cycle(range(len(starts))):
        if not missing:
            break
        if 0 <= counts[position] + step <= starts[position].lessons_open:
            counts[position] += step
            missing -= step
    return counts


def _facts(start: Start) -> dict[str, Any]:
    """The data of ENROLLED."""
    offer = start.offer
    return {
        "user_id": str(start.person.id),
        "course_id": str(offer.id),
        "organization_id": str(offer.organization_id),
        "version_id": str(offer.version_id),
        "lesson_count": len(offer.lesson_ids),
    }


def _times(numbers: Random, attendance: Attendance, now: datetime) -> list[datetime]:
    """Moments in order, none before its lesson was released."""
    start = attendance.start
    parts = sorted(numbers.random() for _ in range(attendance.completed))
    return [
        max(start.at + (now - start.at) * part, start.at + timedelta(days=days))
        for part, days in zip(parts, start.offer.release_after_days, strict=False)
    ]

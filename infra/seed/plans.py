"""Generated courses, as plans: nothing here knows a database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from infra.seed import words
from infra.seed.people import People
from infra.seed.sizes import chance, new_id
from infra.seed.words import Subject, Tongue

AGES = timedelta(days=600)
YOUNGEST = timedelta(days=30)
PRIVATE_IN_100 = 12
PAID_IN_100 = 15
SEQUENTIAL_IN_100 = 15
DRIP_IN_100 = 6
DRIP_DAYS = 7  # between two modules
FEWEST_LESSONS = 3  # of a module
MINUTES = (5, 8, 10, 12, 15, 20)
LEVELS = ("BEGINNER", "INTERMEDIATE", "ADVANCED")


@dataclass(frozen=True)
class LessonPlan:
    id: UUID
    title: str
    markdown: str  # one for each idea and shape: many lessons share a text
    minutes: int
    is_preview: bool
    release_after_days: int | None


@dataclass(frozen=True)
class ModulePlan:
    id: UUID
    title: str
    lessons: list[LessonPlan]


@dataclass(frozen=True)
class Place:
    """A lesson with where it stands."""

    module: ModulePlan
    module_position: int
    lesson: LessonPlan
    position: int


@dataclass(frozen=True)
class CoursePlan:
    id: UUID
    version_id: UUID
    organization_id: UUID
    instructor_ids: list[UUID]
    slug: str
    title: str
    summary: str
    language: str
    category: str
    level: str
    is_private: bool
    is_free: bool
    sequential: bool
    published_at: datetime
    modules: list[ModulePlan]

    @property
    def lesson_count(self) -> int:
        return sum(len(module.lessons) for module in self.modules)

    def places(self) -> Iterator[Place]:
        """All lessons in the order of the course."""
        for module_position, module in enumerate(self.modules):
            for position, lesson in enumerate(module.lessons):
                yield Place(module, module_position, lesson, position)


def make(people: People, *, count: int) -> Iterator[CoursePlan]:
    """Plan `count` courses, spread over languages, subjects and organizations."""
    pairs = [(tongue, subject) for tongue in words.tongues() for subject in tongue.subjects]
    size = people.size.name
    chance(size, "subjects").shuffle(pairs)
    teachers = {
        it.id: [teacher.id for teacher in people.instructors(it.id)] for it in people.organizations
    }
    for number in range(count):
        topic = pairs[number % len(pairs)]
        home = people.organizations[number % len(people.organizations)].id
        yield _course(size, number, topic, (home, teachers[home]), people.now)


def _course(
    size: str,
    number: int,
    topic: tuple[Tongue, Subject],
    school: tuple[UUID, list[UUID]],
    now: datetime,
) -> CoursePlan:
    (tongue, subject), (home, teachers) = topic, school
    numbers = chance(size, "course", number)
    published = now - YOUNGEST - (AGES - YOUNGEST) * numbers.random()
    published = published.replace(microsecond=0)
    title = numbers.choice(tongue.titles).format(subject.name)
    drips = 100 * numbers.random() < DRIP_IN_100
    ideas = numbers.sample(subject.ideas, numbers.randint(4, len(subject.ideas)))
    return CoursePlan(
        id=new_id(published, numbers),
        version_id=new_id(published, numbers),
        organization_id=home,
        instructor_ids=numbers.sample(teachers, min(len(teachers), numbers.randint(1, 2))),
        slug=f"{subject.category}-{tongue.language}-{number + 1}",
        title=_capital(title),
        summary=tongue.summary.format(subject.name),
        language=tongue.language,
        category=subject.category,
        level=numbers.choice(LEVELS),
        is_private=100 * numbers.random() < PRIVATE_IN_100,
        is_free=100 * numbers.random() >= PAID_IN_100,
        sequential=100 * numbers.random() < SEQUENTIAL_IN_100,
        published_at=published,
        modules=[
            _module(numbers, tongue, idea, published, position, drips=drips)
            for position, idea in enumerate(ideas)
        ],
    )


def _module(
    numbers: Random, tongue: Tongue, idea: str, at: datetime, position: int, *, drips: bool
) -> ModulePlan:
    shapes = tongue.lessons[: numbers.randint(FEWEST_LESSONS, len(tongue.lessons))]
    lessons = [
        LessonPlan(
            id=new_id(at, numbers),
            title=_capital(shape.format(idea)),
            markdown=_text(tongue, idea, place),
            minutes=numbers.choice(MINUTES),
            is_preview=position == place == 0,
            release_after_days=position * DRIP_DAYS if drips and position else None,
        )
        for place, shape in enumerate(shapes)
    ]
    return ModulePlan(new_id(at, numbers), _capital(tongue.module.format(idea)), lessons)


def _text(tongue: Tongue, idea: str, place: int) -> str:
    """The same paragraphs, in another order for each lesson of a module."""
    turned = [*tongue.paragraphs[place:], *tongue.paragraphs[:place]]
    return "\n\n".join(paragraph.format(idea) for paragraph in turned)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

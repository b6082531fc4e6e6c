"""The people: who they are, where they belong, and the four who may be tried out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from infra.seed import words
from infra.seed.sizes import Size, chance, new_id

INSTRUCTORS_IN_100 = 5
STUDENTS_IN_100 = 60  # the others learn on the marketplace and belong to no organization
DOMAIN = "polynode.example"
FIRST_YEARS = timedelta(days=720)
LATEST_JOIN = timedelta(days=60)
DEMO_ROLES = ("learner", "instructor", "admin", "operator")
_DEMO_NAMES = ("Mina Okafor", "Elias Brandt", "Camille Perrin", "Robin Archer")


@dataclass(frozen=True)
class Organization:
    id: UUID
    name: str
    slug: str
    created_at: datetime


@dataclass(frozen=True)
class Person:
    """`roles` maps an organization's id to student, instructor or admin."""

    id: UUID
    name: str
    email: str
    locale: str
    time_zone: str
    created_at: datetime
    roles: dict[UUID, str] = field(default_factory=dict)
    demo: str | None = None  # one of DEMO_ROLES

    @property
    def is_operator(self) -> bool:
        return self.demo == "operator"


@dataclass(frozen=True)
class People:
    """Everyone, as of the day `now`; what is made of them depends on nothing else."""

    size: Size
    now: datetime
    organizations: list[Organization]
    persons: list[Person]

    @property
    def demo(self) -> dict[str, Person]:
        return {person.demo: person for person in self.persons if person.demo}

    def instructors(self, organization_id: UUID) -> list[Person]:
        return [it for it in self.persons if it.roles.get(organization_id) == "instructor"]


def make(size: Size, now: datetime) -> People:
    """Make the people who are there on the day `now`."""
    organizations = _organizations(size, now - FIRST_YEARS)
    persons = [_person(size, number, now, organizations) for number in range(size.users)]
    return People(size, now, organizations, persons)


def _organizations(size: Size, founded: datetime) -> list[Organization]:
    numbers = chance(size.name, "organizations")
    made = []
    for number in range(size.organizations):
        again, which = divmod(number, len(words.organizations()))
        name, slug = words.organizations()[which]
        branch = again + 1
        made.append(
            Organization(
                new_id(founded + timedelta(minutes=number), numbers),
                f"{name} {branch}" if again else name,
                f"{slug}-{branch}" if again else slug,
                founded + timedelta(minutes=number),
            )
        )
    return made


def _person(size: Size, number: int, now: datetime, organizations: list[Organization]) -> Person:
    numbers = chance(size.name, "person", number)
    joined = _joined(numbers.random(), now)
    # The first ones are the demo logins, then each organization gets an instructor and an admin.
    demo = DEMO_ROLES[number] if number < len(DEMO_ROLES) else None
    culture = numbers.choice(words.cultures())
    given, family = numbers.choice(culture.given), numbers.choice(culture.family)
    parts = (family[0], given[0]) if culture.family_first else (given[0], family[0])
    id = new_id(joined, numbers)
    if demo:
        return Person(
            id,
            _DEMO_NAMES[number],
            f"{demo}@{DOMAIN}",
            "en",
            "Europe/London",
            joined,
            _demo_roles(demo, organizations),
            demo,
        )
    return Person(
        id,
        " ".join(parts),
        f"{given[1]}.{family[1]}.{number}@{DOMAIN}",
        culture.locale,
        culture.time_zone,
        joined,
        _roles(number - len(DEMO_ROLES), numbers.random(), organizations),
    )


def _joined(part: float, now: datetime) -> datetime:
    moment = now - FIRST_YEARS + (FIRST_YEARS - LATEST_JOIN) * part
    return moment.replace(microsecond=0)


def _demo_roles(demo: str, organizations: list[Organization]) -> dict[UUID, str]:
    home = organizations[0].id
    roles = {"learner": "student", "instructor": "instructor", "admin": "admin"}
    return {home: roles[demo]} if demo in roles else {}


def _roles(number: int, part: float, organizations: list[Organization]) -> dict[UUID, str]:
    home = organizations[number % len(organizations)].id
    if number < 2 * len(organizations):
        return {home: "instructor" if number < len(organizations) else "admin"}
    if 100 * part < INSTRUCTORS_IN_100:
        return {home: "instructor"}
    if 100 * part < INSTRUCTORS_IN_100 + STUDENTS_IN_100:
        return {home: "student"}
    return {}

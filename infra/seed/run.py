"""One run: each database in one transaction, which ends with its mark."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed import catalogue, courses, learning, marker, people, plans, real, users
from infra.seed.marker import Marker
from infra.seed.people import DEMO_ROLES, People
from infra.seed.sizes import Size
from infra.stack.folder import write_json
from infra.terminal import Failure, Progress, say
from subgraphs.kernel.db import Database, open_database
from subgraphs.kernel.errors import DomainError

DATABASES = ("users", "courses", "learning")
IN_THE_WAY = "The databases hold something that is in the way"


@dataclass(frozen=True)
class Run:
    """What every step needs."""

    people: People
    databases: Mapping[str, Database]
    progress: Progress
    cache: Path  # of fetched packages

    @property
    def marker(self) -> Marker:
        return Marker(self.people.size.name, self.people.now)


async def seed(size: Size, urls: Mapping[str, str], data: Path, demo: Path) -> None:
    """Fill what is not filled yet, and write the demo logins.

    Raises:
        Failure: Something else is in these databases already.
    """
    async with _opened(urls) as databases:
        found = {name: await _mark(database) for name, database in databases.items()}
        marks = [mark for mark in found.values() if mark]
        if other := [mark.size for mark in marks if mark.size != size.name]:
            raise Failure(f"The databases hold the {other[0]} seed already; reset them first.")
        now = marks[0].now if marks else datetime.now(UTC).replace(microsecond=0)
        cache = data / "cache" / "content"
        run = Run(people.make(size, now), databases, Progress(), cache)
        if len(marks) == len(DATABASES):
            say(f"The {size.name} seed is there already.")
        try:
            if not found["users"]:
                await _users(run)
            if not found["courses"]:
                await _courses(run)
            if not found["learning"]:
                await _learning(run)
        except IntegrityError as error:
            raise Failure(f"{IN_THE_WAY}: {error.orig}") from error
        except DomainError as error:
            raise Failure(f"{IN_THE_WAY}: {error.message}") from error
    logins = run.people.demo
    write_json(
        demo,
        [
            {
                "label": role.capitalize(),
                "email": logins[role].email,
                "password": users.DEMO_PASSWORD,
            }
            for role in DEMO_ROLES
        ],
    )


@asynccontextmanager
async def _opened(urls: Mapping[str, str]) -> AsyncIterator[dict[str, Database]]:
    async with (
        open_database(urls["users"], name="seed", pool_size=1) as users_database,
        open_database(urls["courses"], name="seed", pool_size=1) as courses_database,
        open_database(urls["learning"], name="seed", pool_size=1) as learning_database,
    ):
        yield {
            "users": users_database,
            "courses": courses_database,
            "learning": learning_database,
        }


async def _mark(database: Database) -> Marker | None:
    async with database.read() as session:
        return await marker.read(session)


@asynccontextmanager
async def _filling(run: Run, name: str) -> AsyncIterator[AsyncSession]:
    """Open a transaction that may take minutes and ends with the mark; then tidy up."""
    database = run.databases[name]
    async with database.begin() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield session
        await marker.write(session, run.marker)
    async with database.read() as session:
        await session.execute(text("SET statement_timeout = 0"))
        await session.execute(text("VACUUM (ANALYZE)"))


async def _users(run: Run) -> None:
    with run.progress.step(f"{run.people.size.users:,} people"):
        async with _filling(run, "users") as session:
            await users.fill(session, run.people)


async def _courses(run: Run) -> None:
    async with _filling(run, "courses") as session:
        await courses.add_categories(session)
        await courses.add_members(session, run.people)
        with run.progress.step("real courses"):
            imported = await real.add(session, run.people, run.cache)
        count = run.people.size.courses - imported
        with run.progress.step("generated courses") as step:
            planned = list(plans.make(run.people, count=count))
            await courses.add_courses(session, run.people, planned, step)
        with run.progress.step(f"{run.people.size.enrollments:,} entitlements"):
            published = await catalogue.read(session, _slugs(run))
            await courses.add_activity(session, run.people, published)


async def _learning(run: Run) -> None:
    async with run.databases["courses"].read() as session:
        published = await catalogue.read(session, _slugs(run))
    with run.progress.step("progress") as step:
        async with _filling(run, "learning") as session:
            await learning.fill(session, run.people, published, step)


def _slugs(run: Run) -> set[str]:
    """Of all courses that a run makes, with or without the real ones."""
    generated = plans.make(run.people, count=run.people.size.courses)
    return {plan.slug for plan in generated} | real.slugs()

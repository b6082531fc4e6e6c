"""The real courses, imported and published as their teacher would."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed import words, workshops
from infra.seed.people import People
from infra.terminal import Failure, say
from subgraphs.courses.importer import import_course
from subgraphs.courses.models import Course, CourseVersion

AGE = timedelta(days=400)


def slugs() -> set[str]:
    return {
        workshops.slug(source["package"], edition["language"])
        for source in words.load("workshops")["workshops"]
        for edition in source["editions"]
    }


async def add(session: AsyncSession, people: People, cache: Path) -> int:
    """Import every workshop, in all its languages; tell how many courses that were.

    Without the packages there are none: the seed goes on and says so.
    """
    try:
        found = workshops.read_all(cache)
    except Failure as failure:
        say(f"The real courses are left out: {failure}.")
        return 0
    teacher, began = people.demo["instructor"], people.now - AGE
    for workshop in found:
        course = await import_course(
            session,
            workshop,
            organization_id=people.organizations[0].id,
            instructor_id=teacher.id,
        )
        # It has been there for as long as the others: people have enrolled since.
        await session.execute(
            update(Course)
            .where(Course.id == course.id)
            .values(listed_at=began, updated_at=began, created_at=began)
        )
        await session.execute(
            update(CourseVersion)
            .where(CourseVersion.id == course.latest_version_id)
            .values(created_at=began)
        )
    return len(found)

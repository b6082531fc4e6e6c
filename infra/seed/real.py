"""The real courses, made and published as their teacher would."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed import words, workshops
from infra.seed.people import People
from infra.seed.workshops import Workshop
from infra.terminal import Failure, say
from subgraphs.courses.models import Course, CourseVersion, Level
from subgraphs.courses.service import courses, drafts, publishing
from subgraphs.kernel.auth import Viewer

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
    home = people.organizations[0].id
    teacher = Viewer(people.demo["instructor"].id, roles={home: "instructor"})
    for workshop in found:
        course = await _make(session, teacher, workshop)
        # It has been there for as long as the others: people have enrolled since.
        began = people.now - AGE
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


async def _make(session: AsyncSession, teacher: Viewer, workshop: Workshop) -> Course:
    (home,) = teacher.roles
    course = await courses.create_course(
        session,
        teacher,
        organization_id=home,
        changes={
            "title": workshop.title,
            "slug": workshop.slug,
            "summary": workshop.summary,
            "description": workshop.description,
            "language": workshop.language,
            "level": Level[workshop.level],
            "category_slug": workshop.category,
        },
    )
    for part in workshop.modules:
        module = await drafts.add_module(session, teacher, course_id=course.id, title=part.title)
        for lesson in part.lessons:
            await drafts.add_lesson(
                session,
                teacher,
                module_id=module.id,
                changes={"title": lesson.title, "markdown": lesson.markdown},
            )
    return await publishing.publish_course(session, teacher, course_id=course.id)

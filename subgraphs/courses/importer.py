"""`python -m subgraphs.courses.importer FOLDER --organization ID --instructor ID`.

Imports a folder of Markdown lessons (see `folder`) and publishes it. Doing so again renews the
course, and makes a new version only if something has changed.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from uuid import UUID

from subgraphs.courses.folder import FaultyFolderError, read_folder
from subgraphs.courses.models import Course
from subgraphs.courses.service.imports import (
    ImportedCourse,
    ImportedLesson,
    ImportedModule,
    import_course,
    render_course,
)
from subgraphs.courses.settings import Settings
from subgraphs.kernel.db import open_database
from subgraphs.kernel.errors import DomainError

__all__ = [
    "ImportedCourse",
    "ImportedLesson",
    "ImportedModule",
    "import_course",
    "read_folder",
    "render_course",
]


def main(arguments: list[str] | None = None) -> int:
    """Import one folder; a fault ends with status 1 and a line that says where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m subgraphs.courses.importer",
        description="Import a folder of Markdown lessons as a course, and publish it.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="has a course.toml")
    parser.add_argument(
        "--organization", type=UUID, required=True, metavar="ID", help="who offers the course"
    )
    parser.add_argument(
        "--instructor", type=UUID, required=True, metavar="ID", help="who teaches it"
    )
    parsed = parser.parse_args(arguments)
    try:
        course = read_folder(parsed.folder)
        row = asyncio.run(_import(course, parsed.organization, parsed.instructor))
    except (FaultyFolderError, DomainError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{row.slug}: {row.lesson_count} lessons are published ({row.id}).\n")
    return 0


async def _import(course: ImportedCourse, organization_id: UUID, instructor_id: UUID) -> Course:
    url = Settings().database_url.get_secret_value()
    rendered = await render_course(course)
    async with open_database(url, name="courses", pool_size=1) as db:
        return await db.transact(
            import_course,
            course,
            organization_id=organization_id,
            instructor_id=instructor_id,
            rendered=rendered,
        )


if __name__ == "__main__":
    sys.exit(main())

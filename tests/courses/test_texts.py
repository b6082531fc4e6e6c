"""Long texts: a course holds only so much, and whoever renders it keeps nobody else waiting."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID

import pytest

from subgraphs.courses import markdown
from subgraphs.courses.errors import CourseTooLargeError
from subgraphs.courses.importer import (
    ImportedCourse,
    ImportedLesson,
    ImportedModule,
    import_course,
    render_course,
)
from subgraphs.kernel.db import Database
from tests.courses import studio
from tests.courses.people import Person

MOST = 200_000
"""Characters of a lesson; a course has five times as many."""

SLOW = "[" * 20_000
"""Takes hundreds of milliseconds to render."""

TOO_LARGE = (
    "A course has at most 50 modules and 200 lessons, with 1,000,000 characters of Markdown in all."
)


async def longest_pause(work: Awaitable[object]) -> float:
    """Do `work`; tell for what part of its time, at most, the loop served nobody else."""
    clock = asyncio.get_running_loop().time
    pauses, began = [], clock()
    task = asyncio.ensure_future(work)
    while not task.done():
        before = clock()
        await asyncio.sleep(0.001)
        pauses.append(clock() - before)
    await task
    return max(pauses) / (clock() - began)


async def test_a_course_holds_only_so_much_text(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": []})
    module_id = made.modules["One"]
    lessons = [
        await studio.add_lesson(author, module_id, f"{number}", markdown="x" * MOST)
        for number in range(4)
    ]
    last = await studio.add_lesson(author, module_id, "last", markdown="x" * (MOST - 1))

    added = await author.mutate(
        "addLesson",
        "lesson { id } } ... on CourseTooLargeError { maxModules maxLessons maxCharacters",
        module_id=module_id,
        title="T",
        markdown="xy",
    )
    grown = await author.refused("updateLesson", lesson_id=last, markdown="x" * (MOST - 1) + "yz")
    filled = await author.mutate("updateLesson", lesson_id=last, markdown="y" * MOST)
    again = await author.mutate("updateLesson", lesson_id=lessons[0], markdown="z" * MOST)
    beyond = await author.refused("addLesson", module_id=module_id, title="T", markdown="x")

    assert added == {
        "__typename": "CourseTooLargeError",
        "code": "COURSE_TOO_LARGE",
        "message": TOO_LARGE,
        "maxModules": 50,
        "maxLessons": 200,
        "maxCharacters": 1_000_000,
    }
    assert (grown, beyond) == ("InvalidInputError", "CourseTooLargeError")
    assert (filled["__typename"], again["__typename"]) == ("UpdateLessonSuccess",) * 2
    [module] = (await author.draft(made.id))["modules"]
    assert len(module["lessons"]) == 5


async def test_a_text_that_grows_beyond_the_course_is_refused_and_stays(
    author: Person, school: UUID
) -> None:
    made = await studio.draft(author, school, {"One": ["short"]})
    for number in range(4):
        await studio.add_lesson(author, made.modules["One"], f"{number}", markdown="x" * MOST)
    await studio.add_lesson(author, made.modules["One"], "4", markdown="x" * (MOST - 10))

    refused = await author.refused(
        "updateLesson", lesson_id=made.lessons["short"], markdown="y" * 11, title="long"
    )

    kept = await author.mutate(
        "updateLesson", "lesson { title markdown }", lesson_id=made.lessons["short"]
    )
    assert refused == "CourseTooLargeError"
    assert kept["lesson"] == {"title": "short", "markdown": "**short**"}


async def test_an_import_holds_only_so_much_text(
    author: Person, school: UUID, db: Database
) -> None:
    lessons = [ImportedLesson(key=f"{n}", title=f"{n}", markdown="x" * MOST) for n in range(6)]
    module = ImportedModule(key="m", title="M", lessons=lessons)
    course = ImportedCourse(slug="long", title="Long", modules=[module])

    with pytest.raises(CourseTooLargeError):
        await render_course(course)
    with pytest.raises(CourseTooLargeError):
        await db.transact(import_course, course, organization_id=school, instructor_id=author.id)

    async with db.read() as session:
        assert await session.scalar(studio.count("courses")) == 0


async def test_publishing_a_long_text_keeps_nobody_waiting(
    author: Person, anyone: Person, school: UUID
) -> None:
    made = await studio.draft(author, school, {"One": []})
    await studio.add_lesson(author, made.modules["One"], "slow", markdown=SLOW, is_preview=True)

    assert await longest_pause(studio.publish(author, made)) < 0.5

    [module] = (await anyone.outline(made.id))["modules"]
    [lesson] = module["lessons"]
    assert await anyone.content(lesson["id"]) == markdown.render(SLOW)


async def test_nothing_is_locked_while_a_text_is_rendered(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": []})
    await studio.add_lesson(author, made.modules["One"], "slow", markdown=SLOW * 3)
    clock = asyncio.get_running_loop().time
    waits, began = [], clock()
    publishing = asyncio.ensure_future(studio.publish(author, made))

    while not publishing.done():
        before = clock()
        await author.mutate("updateCourse", course_id=made.id, summary=f"{before}")
        waits.append(clock() - before)

    await publishing
    assert max(waits) / (clock() - began) < 0.5


async def test_a_long_description_keeps_nobody_waiting(author: Person, school: UUID) -> None:
    assert await longest_pause(studio.create(author, school, description=SLOW)) < 0.5


async def test_a_text_is_rendered_once_a_request(
    author: Person, school: UUID, statements: list[str]
) -> None:
    made = await studio.draft(author, school)
    many = " ".join(f"{alias}: html" for alias in "abcde")
    document = f"""query ($id: UUID!) {{ course(id: $id) {{
      draft {{ modules {{ lessons {{ {many} }} }} }} }} }}"""
    statements.clear()

    draft = (await author.send(document, id=made.id))["course"]["draft"]

    first, second = draft["modules"][0]["lessons"]
    assert first == dict.fromkeys("abcde", "<p><strong>First</strong></p>\n")
    assert {id(html) for html in first.values()} == {id(first["a"])}  # the very same text
    assert second["e"] == "<p><strong>Second</strong></p>\n"
    assert len(statements) == 5  # the course, its draft in three, the texts


async def test_a_published_text_is_not_rendered_again(
    author: Person, school: UUID, db: Database
) -> None:
    made = await studio.published(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["Second"], markdown="*New.*")
    ids = list(made.lessons.values())

    html = await author.context.loaders.draft_html.load_many(ids)
    stranger = Person(db, author.bus, studio.nobody())

    assert html == ["<p><strong>First</strong></p>\n", "<p><em>New.</em></p>\n"]
    assert await stranger.context.loaders.draft_html.load_many(ids) == ["", ""]

import asyncio
import json
from typing import Any
from uuid import UUID

from sqlalchemy import select

from subgraphs.courses.events import CoursePublished
from subgraphs.kernel.db import Database
from subgraphs.kernel.tables import OUTBOX
from subgraphs.learning.events import EnrollmentMoved
from tests.courses import studio
from tests.courses.conftest import Outbox
from tests.courses.people import Person
from tests.courses.studio import Learning

PUBLISHED, ARCHIVED = "courses.course_published", "courses.course_archived"
CHANGED = "courses.lesson_changed"


async def told(db: Database) -> list[Any]:
    async with db.read() as session:
        return list(await session.execute(select(OUTBOX).order_by(OUTBOX.c.id)))


def shape(course: Any) -> tuple[int, dict[str, list[str]]]:
    modules = {
        module["title"]: [lesson["title"] for lesson in module["lessons"]]
        for module in course["modules"]
    }
    return course["version"]["number"], modules


async def test_publishing_tells_the_others_all_they_need(
    author: Person, school: UUID, db: Database
) -> None:
    made = await studio.draft(author, school, {"One": ["a"], "Empty": [], "Two": ["b"]}, slug="it")
    a, b = made.lessons.values()
    await author.mutate("updateLesson", lesson_id=a, is_preview=True)
    await author.mutate(
        "updateLesson",
        lesson_id=b,
        kind="QUIZ",
        release_after_days=3,
        prerequisite_lesson_ids=[a],
    )

    await studio.publish(author, made)

    [row] = await told(db)
    assert (row.type, row.aggregate_id, row.aggregate_seq) == (PUBLISHED, made.id, 1)
    assert row.tenant_id == school
    event = CoursePublished.model_validate_json(row.data)
    version = {"version_id": event.version_id, "version_number": 1}
    assert event.model_dump() == version | {
        "course_id": made.id,
        "organization_id": school,
        "title": "A course",
        "slug": "it",
        "visibility": "public",
        "is_free": True,
        "sequential": False,
        "prerequisite_course_ids": [],
        "instructor_ids": [author.id],
        "lessons": [
            {
                "id": a,
                "module_id": made.modules["One"],
                "title": "a",
                "kind": "text",
                "is_preview": True,
                "release_after_days": None,
                "prerequisite_lesson_ids": [],
            },
            {
                "id": b,
                "module_id": made.modules["Two"],
                "title": "b",
                "kind": "quiz",
                "is_preview": False,
                "release_after_days": 3,
                "prerequisite_lesson_ids": [a],
            },
        ],
    }


async def test_an_empty_course_is_not_published(
    author: Person, school: UUID, outbox: Outbox
) -> None:
    made = await studio.draft(author, school, {"One": []})

    assert await author.refused("publishCourse", course_id=made.id) == "EmptyCourseError"
    assert await outbox() == []


async def test_learners_stay_on_their_version_until_they_move(
    author: Person, anyone: Person, learner: Person, school: UUID, learning: Learning
) -> None:
    made = await studio.published(author, school, {"One": ["a", "b"]})
    enrollment_id = await learning.enroll(learner, made.id)
    a, b = made.lessons.values()
    await author.mutate("updateLesson", lesson_id=a, title="a, revised", markdown="New.")
    await author.mutate("deleteLesson", lesson_id=b)
    await studio.add_lesson(author, made.modules["One"], "c")

    before = shape(await anyone.outline(made.id))
    await studio.publish(author, made)

    old, new = (1, {"One": ["a", "b"]}), (2, {"One": ["a, revised", "c"]})
    assert before == old  # an unpublished edit disturbs nobody
    assert shape(await learner.outline(made.id)) == old
    assert shape(await anyone.outline(made.id)) == new
    assert await learner.content(a) == "<p><strong>a</strong></p>\n"
    assert await learner.content(b) == "<p><strong>b</strong></p>\n"
    assert await author.content(a) == "<p>New.</p>\n"

    async with author.db.read() as session:
        latest = await session.scalar(studio.latest_version(made.id))
    assert latest is not None
    moved = EnrollmentMoved(enrollment_id=enrollment_id, version_id=latest)
    await learning.tell(enrollment_id, moved)
    assert shape(await learner.outline(made.id)) == new
    assert await learner.content(b) is None


async def test_publishing_again_what_has_not_changed_makes_no_version(
    author: Person, school: UUID, outbox: Outbox
) -> None:
    made = await studio.published(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["First"], title="First")

    await asyncio.gather(*(studio.publish(author, made) for _ in range(5)))

    assert shape(await author.outline(made.id))[0] == 1
    assert await outbox() == [PUBLISHED]
    assert (await author.draft(made.id))["hasChanges"] is False


async def test_a_changed_lesson_is_told_of_with_the_version_that_shows_it(
    author: Person, school: UUID, outbox: Outbox, db: Database
) -> None:
    made = await studio.published(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["Second"], markdown="Other.")
    assert await outbox() == [PUBLISHED]

    await studio.publish(author, made)

    assert await outbox() == [PUBLISHED, PUBLISHED, CHANGED]
    data = json.loads((await told(db))[-1].data)
    assert data == {"courseId": str(made.id), "lessonId": str(made.lessons["Second"])}


async def test_an_unchanged_text_is_stored_once(author: Person, school: UUID, db: Database) -> None:
    made = await studio.published(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["Second"], markdown="Other.")

    await studio.publish(author, made)

    async with db.read() as session:
        assert await session.scalar(studio.count("lesson_texts")) == 3
        assert await session.scalar(studio.count("version_lessons")) == 4


async def test_settings_hold_at_once_and_the_others_are_told(
    author: Person, anyone: Person, school: UUID, outbox: Outbox, db: Database
) -> None:
    made = await studio.published(author, school)

    await author.mutate("updateCourse", course_id=made.id, summary="Told to no one.")
    await author.mutate("updateCourse", course_id=made.id, title="New", visibility="PRIVATE")

    assert await outbox() == [PUBLISHED, PUBLISHED]
    first, second = [CoursePublished.model_validate_json(row.data) for row in await told(db)]
    assert (second.title, second.visibility, second.version_id) == (
        "New",
        "private",
        first.version_id,
    )
    assert await anyone.outline(made.id) is None


async def test_an_archived_course_is_kept_by_those_enrolled_and_can_come_back(
    *,
    author: Person,
    anyone: Person,
    learner: Person,
    school: UUID,
    learning: Learning,
    outbox: Outbox,
) -> None:
    made = await studio.published(author, school)
    await learning.enroll(learner, made.id)

    for _ in range(2):
        answer = await author.mutate("archiveCourse", "course { status }", course_id=made.id)
        assert answer["course"] == {"status": "ARCHIVED"}

    assert await anyone.outline(made.id) is None
    assert shape(await learner.outline(made.id))[0] == 1
    assert await learner.content(made.lessons["First"]) is not None
    assert await outbox() == [PUBLISHED, ARCHIVED]

    await studio.publish(author, made)
    assert shape(await anyone.outline(made.id))[0] == 1
    assert await outbox() == [PUBLISHED, ARCHIVED, PUBLISHED]


async def test_archiving_a_draft_concerns_nobody(
    author: Person, school: UUID, outbox: Outbox
) -> None:
    made = await studio.draft(author, school)

    await author.mutate("archiveCourse", course_id=made.id)

    assert await outbox() == []


async def test_new_rules_of_an_archived_course_are_told_and_it_stays_closed(
    author: Person, anyone: Person, school: UUID, outbox: Outbox
) -> None:
    made = await studio.published(author, school)
    await author.mutate("archiveCourse", course_id=made.id)

    await author.mutate("updateCourse", course_id=made.id, sequential=True)
    await author.mutate("updateCourse", course_id=made.id, summary="No news to others")

    assert await outbox() == [PUBLISHED, ARCHIVED, PUBLISHED, ARCHIVED]
    assert await anyone.outline(made.id) is None


async def test_saving_a_text_as_it_is_makes_no_version(
    author: Person, school: UUID, outbox: Outbox, db: Database
) -> None:
    made = await studio.published(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["First"], markdown="**First**")

    await studio.publish(author, made)

    assert shape(await author.outline(made.id))[0] == 1
    assert await outbox() == [PUBLISHED]
    async with db.read() as session:
        assert await session.scalar(studio.count("lesson_texts")) == 2

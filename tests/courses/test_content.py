"""A lesson's text reaches those who may read it, and no one else, whatever path they take."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from subgraphs.learning.events import (
    EnrollmentCreated,
    EnrollmentRevoked,
    LessonCompleted,
    LessonUncompleted,
)
from tests.courses import studio
from tests.courses.people import Person
from tests.courses.studio import Learning

ENTITIES = """query ($references: [_Any!]!) { _entities(representations: $references) {
  ... on Lesson { id title content course { title } module { title } } } }"""
THROUGH_COURSE = """query ($id: UUID!) { course(id: $id) {
  modules { lessons { content } } } }"""
THROUGH_MODULE = "query ($id: UUID!) { lesson(id: $id) { module { lessons { content } } } }"
ROUNDABOUT = """query ($id: UUID!) { lesson(id: $id) { course {
  modules { lessons { content } } } } }"""
FIRST = "<p><strong>First</strong></p>\n"
SECOND = "<p><strong>Second</strong></p>\n"


async def on_every_path(person: Person, made: studio.Made) -> list[list[str | None]]:
    """The texts of the lessons, in order, as each path to them shows them."""
    ids = list(made.lessons.values())
    references = [{"__typename": "Lesson", "id": str(id)} for id in ids]
    course = (await person.send(THROUGH_COURSE, id=made.id))["course"]
    module = (await person.send(THROUGH_MODULE, id=ids[0]))["lesson"]["module"]
    round_about = (await person.send(ROUNDABOUT, id=ids[0]))["lesson"]["course"]
    entities = (await person.send(ENTITIES, references=references))["_entities"]

    def of(course: Any) -> list[str | None]:
        return [lesson["content"] for module in course["modules"] for lesson in module["lessons"]]

    return [
        [await person.content(id) for id in ids],
        of(course),
        of({"modules": [module]}),
        of(round_about),
        [entity["content"] for entity in entities],
    ]


async def test_every_path_gives_the_same_answer(
    *,
    author: Person,
    anyone: Person,
    learner: Person,
    arrive: Callable[..., Person],
    school: UUID,
    learning: Learning,
) -> None:
    made = await studio.draft(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["First"], is_preview=True)
    await studio.publish(author, made)
    await learning.enroll(learner, made.id)

    everything, preview = [[FIRST, SECOND]] * 5, [[FIRST, None]] * 5
    assert await on_every_path(anyone, made) == preview
    assert await on_every_path(arrive(), made) == preview
    assert await on_every_path(arrive(roles={school: "student"}), made) == preview
    assert await on_every_path(arrive(roles={uuid4(): "admin"}), made) == preview
    assert await on_every_path(learner, made) == everything
    assert await on_every_path(author, made) == everything
    assert await on_every_path(arrive(roles={school: "admin"}), made) == everything
    assert await on_every_path(arrive(is_operator=True), made) == everything


async def test_a_lesson_of_a_course_one_may_not_see_does_not_exist(
    author: Person, anyone: Person, learner: Person, school: UUID
) -> None:
    made = await studio.published(author, school, visibility="PRIVATE")
    references = [{"__typename": "Lesson", "id": str(made.lessons["First"])}]

    for person in (anyone, learner):
        assert await person.send(ENTITIES, references=references) == {"_entities": [None]}
        assert await person.content(made.lessons["First"]) is None


async def test_a_hundred_references_are_one_select_and_keep_their_order(
    author: Person, learner: Person, school: UUID, learning: Learning, statements: list[str]
) -> None:
    titles = [f"Lesson {number}" for number in range(99)]
    made = await studio.published(author, school, {"One": titles})
    await learning.enroll(learner, made.id)
    ids = [*list(made.lessons.values())[::-1], uuid4()]
    references = [{"__typename": "Lesson", "id": str(id)} for id in ids]
    bare = ENTITIES.replace("content course { title } module { title }", "module { title }")
    statements.clear()

    found = (await learner.send(bare, references=references))["_entities"]

    assert [entity and entity["title"] for entity in found] == [*titles[::-1], None]
    assert len(statements) == 1
    statements.clear()
    found = (await learner.send(ENTITIES, references=references))["_entities"]
    assert found[0]["content"] == "<p><strong>Lesson 98</strong></p>\n"
    assert len(statements) == 3  # the lessons, their texts, their course


async def test_a_course_page_is_two_selects(
    author: Person, learner: Person, school: UUID, learning: Learning, statements: list[str]
) -> None:
    made = await studio.published(author, school, {"One": ["a", "b"], "Two": ["c"]}, slug="page")
    await learning.enroll(learner, made.id)
    statements.clear()

    page = await learner.send(
        """{ course(slug: "page") { id title summary description rating reviewCount
        category { name } organization { id } instructors { id } version { number publishedAt }
        modules { id title lessons { id title kind durationMinutes isPreview } } } }"""
    )

    assert [len(module["lessons"]) for module in page["course"]["modules"]] == [2, 1]
    assert len(statements) == 2


@pytest.mark.parametrize(("days_ago", "expected"), [(2, None), (4, SECOND)])
async def test_a_lesson_opens_some_days_after_the_enrolment(
    *,
    author: Person,
    learner: Person,
    school: UUID,
    learning: Learning,
    days_ago: int,
    expected: str | None,
) -> None:
    made = await studio.draft(author, school)
    await author.mutate("updateLesson", lesson_id=made.lessons["Second"], release_after_days=3)
    await studio.publish(author, made)
    enrollment_id = await learning.enroll(learner, made.id, days_ago=days_ago)

    assert await learner.content(made.lessons["First"]) == FIRST
    assert await learner.content(made.lessons["Second"]) == expected
    # Once completed, on an earlier version perhaps, it stays open.
    await complete(learning, enrollment_id, learner, made, "Second")
    assert await learner.content(made.lessons["Second"]) == SECOND


@pytest.mark.parametrize("rule", ["prerequisite", "sequential"])
async def test_a_lesson_waits_for_others(
    author: Person, learner: Person, school: UUID, learning: Learning, rule: str
) -> None:
    made = await studio.draft(author, school, sequential=rule == "sequential")
    first, second = made.lessons.values()
    if rule == "prerequisite":
        await author.mutate("updateLesson", lesson_id=second, prerequisite_lesson_ids=[first])
    await studio.publish(author, made)
    enrollment_id = await learning.enroll(learner, made.id)

    assert [await learner.content(first), await learner.content(second)] == [FIRST, None]
    await complete(learning, enrollment_id, learner, made, "First")
    assert await learner.content(second) == SECOND
    undone = LessonUncompleted(
        enrollment_id=enrollment_id, user_id=learner.id, course_id=made.id, lesson_id=first
    )
    await learning.tell(enrollment_id, undone)
    assert await learner.content(second) is None


async def test_a_deleted_lesson_is_waited_for_no_longer(
    author: Person, learner: Person, school: UUID, learning: Learning
) -> None:
    made = await studio.draft(author, school)
    first, second = made.lessons.values()
    await author.mutate("updateLesson", lesson_id=second, prerequisite_lesson_ids=[first])
    await author.mutate("deleteLesson", lesson_id=first)
    await studio.publish(author, made)
    await learning.enroll(learner, made.id)

    assert await learner.content(second) == SECOND


async def test_who_leaves_reads_no_more_and_who_comes_back_has_lost_nothing(
    author: Person, learner: Person, school: UUID, learning: Learning
) -> None:
    made = await studio.published(author, school, sequential=True, visibility="PRIVATE")
    enrollment_id = await learning.enroll(learner, made.id)
    await complete(learning, enrollment_id, learner, made, "First")
    count = "query ($id: UUID!) { course(id: $id) { id } }"

    left = EnrollmentRevoked(enrollment_id=enrollment_id, user_id=learner.id, course_id=made.id)
    await learning.tell(enrollment_id, left)
    assert await learner.content(made.lessons["First"]) is None
    assert (await learner.send(count, id=made.id))["course"] is None

    async with author.db.read() as session:
        version_id = await session.scalar(studio.latest_version(made.id))
    assert version_id is not None
    back = EnrollmentCreated(
        enrollment_id=enrollment_id,
        user_id=learner.id,
        course_id=made.id,
        version_id=version_id,
        organization_id=school,
        enrolled_at=datetime.now(UTC),
    )
    await learning.tell(enrollment_id, back)
    assert await learner.content(made.lessons["Second"]) == SECOND


async def test_an_event_that_comes_twice_counts_once(
    author: Person, learner: Person, school: UUID, learning: Learning
) -> None:
    made = await studio.published(author, school)
    enrollment_id = await learning.enroll(learner, made.id)
    left = EnrollmentRevoked(enrollment_id=enrollment_id, user_id=learner.id, course_id=made.id)

    async def learners() -> int | None:
        async with author.db.read() as session:
            return await session.scalar(studio.enrollment_count(made.id))

    assert await learners() == 1
    id = uuid4()
    for _ in range(3):
        await learning.tell(enrollment_id, left, id=id)
    assert await learners() == 0
    await learning.tell(enrollment_id, left)  # told again under another id
    assert await learners() == 0


async def complete(
    learning: Learning, enrollment_id: UUID, learner: Person, made: studio.Made, lesson: str
) -> None:
    event = LessonCompleted(
        enrollment_id=enrollment_id,
        user_id=learner.id,
        course_id=made.id,
        lesson_id=made.lessons[lesson],
    )
    await learning.tell(enrollment_id, event)

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.courses import studio
from tests.courses.conftest import Outbox
from tests.courses.people import Person
from tests.courses.studio import Learning

REVIEWS = """query ($id: UUID!, $first: Int, $after: String) { course(id: $id) {
  rating reviewCount reviews(first: $first, after: $after) {
    nodes { rating text author { id } } totalCount pageInfo { endCursor hasNextPage } } } }"""
POSTED = "courses.review_posted"


async def test_a_learner_reviews_once_and_may_change_their_mind(
    author: Person, learner: Person, school: UUID, learning: Learning, outbox: Outbox
) -> None:
    made = await studio.published(author, school)
    await learning.enroll(learner, made.id)

    first = await learner.mutate(
        "reviewCourse",
        "review { rating text author { id } } course { rating reviewCount }",
        course_id=made.id,
        rating=2,
        text=" Too <b>short</b>. ",
    )
    await learner.mutate("reviewCourse", course_id=made.id, rating=5)

    assert first["review"] == {
        "rating": 2,
        "text": "Too <b>short</b>.",
        "author": {"id": str(learner.id)},
    }
    assert first["course"] == {"rating": 2.0, "reviewCount": 1}
    course = (await learner.send(REVIEWS, id=made.id))["course"]
    assert (course["rating"], course["reviewCount"]) == (5.0, 1)
    assert course["reviews"]["totalCount"] == 1
    assert await outbox() == ["courses.course_published", POSTED, POSTED]


async def test_only_those_enrolled_review(
    author: Person, anyone: Person, learner: Person, school: UUID, outbox: Outbox
) -> None:
    made = await studio.published(author, school)
    draft = await studio.draft(author, school)

    answers = [
        await person.refused("reviewCourse", course_id=made.id, rating=5)
        for person in (anyone, learner, author)
    ]
    assert answers == ["NotAuthenticatedError", "NotEnrolledError", "NotEnrolledError"]
    unseen = await learner.refused("reviewCourse", course_id=draft.id, rating=5)
    assert unseen == "CourseNotFoundError"
    course = (await learner.send(REVIEWS, id=made.id))["course"]
    assert (course["rating"], course["reviewCount"]) == (None, 0)
    assert await outbox() == ["courses.course_published"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 1, "text": "x" * 5001}, "text"),
    ],
)
async def test_a_bad_review_is_refused(
    *,
    author: Person,
    learner: Person,
    school: UUID,
    learning: Learning,
    values: dict[str, Any],
    field: str,
) -> None:
    made = await studio.published(author, school)
    await learning.enroll(learner, made.id)

    answer = await learner.mutate("reviewCourse", course_id=made.id, **values)

    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_reviews_at_the_same_moment_are_all_counted(
    author: Person, arrive: Callable[..., Person], school: UUID, learning: Learning
) -> None:
    made = await studio.published(author, school)
    people = [arrive() for _ in range(12)]
    for person in people:
        await learning.enroll(person, made.id)

    await asyncio.gather(
        *(
            person.mutate("reviewCourse", course_id=made.id, rating=1 + number % 5)
            for number, person in enumerate(people)
            for _ in range(2)
        )
    )

    course = (await author.send(REVIEWS, id=made.id, first=5))["course"]
    assert course["reviewCount"] == 12
    assert course["rating"] == sum(1 + number % 5 for number in range(12)) / 12
    assert course["reviews"]["totalCount"] == 12
    assert len(course["reviews"]["nodes"]) == 5
    after = course["reviews"]["pageInfo"]["endCursor"]
    rest = (await author.send(REVIEWS, id=made.id, first=50, after=after))["course"]["reviews"]
    seen = [node["author"]["id"] for node in course["reviews"]["nodes"] + rest["nodes"]]
    assert sorted(seen) == sorted(str(person.id) for person in people)
    assert rest["pageInfo"]["hasNextPage"] is False

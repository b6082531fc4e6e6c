from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.courses import studio
from tests.courses.conftest import Outbox
from tests.courses.people import Person


async def test_a_course_starts_as_a_draft_of_its_author(author: Person, school: UUID) -> None:
    answer = await author.mutate(
        "createCourse",
        """course { slug title summary description status visibility language level isFree
          sequential lessonCount rating reviewCount publishedAt version { number }
          organization { id } instructors { id } modules { id } draft { hasChanges } }""",
        organization_id=school,
        title="  Café   & Crème  ",
        summary="Short.",
        description="*Long.*",
        language="PT-br",
        level="BEGINNER",
    )

    assert answer["course"] == {
        "slug": "cafe-creme",
        "title": "Café & Crème",
        "summary": "Short.",
        "description": "<p><em>Long.</em></p>\n",
        "status": "DRAFT",
        "visibility": "PUBLIC",
        "language": "pt-BR",
        "level": "BEGINNER",
        "isFree": True,
        "sequential": False,
        "lessonCount": 0,
        "rating": None,
        "reviewCount": 0,
        "publishedAt": None,
        "version": None,
        "organization": {"id": str(school)},
        "instructors": [{"id": str(author.id)}],
        "modules": [],
        "draft": {"hasChanges": True},
    }


async def test_a_title_that_is_taken_gets_a_slug_of_its_own(author: Person, school: UUID) -> None:
    ids = [await studio.create(author, school, title="Same") for _ in range(2)]

    slugs = [
        (await author.send("query ($id: UUID!) { course(id: $id) { slug } }", id=id))["course"]
        for id in ids
    ]
    assert slugs == [{"slug": "same"}, {"slug": f"same-{ids[1].hex[-8:]}"}]


async def test_a_slug_that_is_taken_is_refused(author: Person, school: UUID) -> None:
    await studio.create(author, school, slug="mine")
    other = await studio.create(author, school, slug="other")

    first = await author.mutate("createCourse", organization_id=school, title="T", slug="mine")
    second = await author.refused("updateCourse", course_id=other, slug="mine", title="Changed")

    assert (first["__typename"], first["code"]) == ("SlugTakenError", "SLUG_TAKEN")
    assert second == "SlugTakenError"
    found = await author.send("{ courses(filter: {mine: true}) { nodes { title slug } } }")
    assert [node["slug"] for node in found["courses"]["nodes"]] == ["other", "mine"]
    assert {node["title"] for node in found["courses"]["nodes"]} == {"A course"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "   "),
        ("title", "x" * 201),
        ("title", "bell\x07"),
        ("slug", "No Spaces"),
        ("slug", "-x"),
        ("slug", "x" * 81),
        ("summary", "x" * 501),
        ("description", "x" * 200_001),
        ("language", "english"),
        ("instructorIds", [str(uuid4()) for _ in range(21)]),
        ("prerequisiteCourseIds", [str(uuid4())]),
    ],
)
async def test_a_bad_setting_is_refused_by_name(
    author: Person, school: UUID, outbox: Outbox, field: str, value: object
) -> None:
    values: dict[str, Any] = {"organizationId": school, "title": "Fine", field: value}
    answer = await author.mutate("createCourse", **values)

    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)
    found = await author.send("{ courses(filter: {mine: true}) { totalCount } }")
    assert found["courses"]["totalCount"] == 0
    assert await outbox() == []


async def test_only_editors_of_the_organization_make_and_change_courses(
    author: Person, anyone: Person, arrive: Callable[..., Person], school: UUID
) -> None:
    made = await studio.published(author, school)
    hidden = await studio.draft(author, school)
    student, stranger = arrive(roles={school: "student"}), arrive(roles={uuid4(): "admin"})
    integrator = arrive(roles={school: "admin"}, scopes=frozenset({"courses:read"}))

    for person, refusal in (
        (anyone, "NotAuthenticatedError"),
        (student, "ForbiddenError"),
        (stranger, "ForbiddenError"),
        (integrator, "ForbiddenError"),
    ):
        assert await person.refused("createCourse", organization_id=school, title="T") == refusal
        assert await person.refused("updateCourse", course_id=made.id, title="T") == refusal
        assert await person.refused("publishCourse", course_id=made.id) == refusal
        assert await person.refused("archiveCourse", course_id=made.id) == refusal
        assert await person.refused("addModule", course_id=made.id, title="T") == refusal
    for person in (student, stranger):
        module, lesson = made.modules["One"], made.lessons["First"]
        missing = "CourseModuleNotFoundError"
        assert await person.refused("updateModule", module_id=module, title="T") == missing
        assert await person.refused("deleteModule", module_id=module) == missing
        assert await person.refused("addLesson", module_id=module, title="T") == missing
        assert await person.refused("updateLesson", lesson_id=lesson) == "LessonNotFoundError"
        assert await person.refused("deleteLesson", lesson_id=lesson) == "LessonNotFoundError"
        assert await person.refused("updateCourse", course_id=hidden.id) == "CourseNotFoundError"
    assert (await author.draft(made.id))["hasChanges"] is False


async def test_ids_that_are_unknown_are_refused(author: Person) -> None:
    id = uuid4()

    assert await author.refused("updateCourse", course_id=id) == "CourseNotFoundError"
    assert await author.refused("publishCourse", course_id=id) == "CourseNotFoundError"
    assert await author.refused("addLesson", module_id=id, title="T") == "CourseModuleNotFoundError"
    assert await author.refused("updateLesson", lesson_id=id) == "LessonNotFoundError"
    malformed = 'mutation { publishCourse(input: {courseId: "7"}) { __typename } }'
    assert await author.codes(malformed) == ["GRAPHQL_VALIDATION_FAILED"]


async def test_lessons_cannot_wait_for_each_other(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": ["a", "b", "c"]})
    a, b, c = made.lessons.values()
    other = await studio.draft(author, school)

    async def require(lesson: UUID, *first: UUID) -> str:
        answer = await author.mutate(
            "updateLesson", lesson_id=lesson, prerequisite_lesson_ids=list(first)
        )
        return str(answer["__typename"])

    assert await require(b, a) == "UpdateLessonSuccess"
    assert await require(c, b) == "UpdateLessonSuccess"
    assert await require(a, c) == "PrerequisiteCycleError"
    assert await require(a, a) == "PrerequisiteCycleError"
    assert await require(a, other.lessons["First"]) == "InvalidInputError"

    await author.mutate("deleteLesson", lesson_id=b)
    assert await require(a, c) == "UpdateLessonSuccess"  # c no longer waits for anything


async def test_courses_cannot_wait_for_each_other(author: Person, school: UUID) -> None:
    a, b, c = [await studio.create(author, school) for _ in range(3)]

    async def require(course: UUID, *first: UUID) -> str:
        answer = await author.mutate(
            "updateCourse", course_id=course, prerequisite_course_ids=list(first)
        )
        return str(answer["__typename"])

    assert await require(b, a) == "UpdateCourseSuccess"
    assert await require(c, b) == "UpdateCourseSuccess"
    assert await require(a, c) == "PrerequisiteCycleError"
    assert await require(a, a) == "PrerequisiteCycleError"
    required = await author.send(
        "query ($id: UUID!) { course(id: $id) { prerequisites { id } } }", id=c
    )
    assert required["course"]["prerequisites"] == [{"id": str(b)}]


async def test_null_clears_what_may_be_empty_and_leaves_the_rest(
    author: Person, school: UUID
) -> None:
    made = await studio.draft(author, school, level="ADVANCED")
    lesson = made.lessons["First"]
    fields = """lesson { title kind durationMinutes releaseAfterDays isPreview referenceId
      markdown html }"""
    before = await author.mutate(
        "updateLesson",
        fields,
        lesson_id=lesson,
        kind="QUIZ",
        reference_id=made.id,
        duration_minutes=5,
        release_after_days=2,
        is_preview=True,
    )
    after = await author.mutate(
        "updateLesson",
        fields,
        lesson_id=lesson,
        title=None,
        kind=None,
        markdown=None,
        reference_id=None,
        duration_minutes=None,
        release_after_days=None,
        is_preview=None,
    )
    answer = await author.mutate(
        "updateCourse", "course { level title }", course_id=made.id, level=None, title=None
    )

    kept = {"title": "First", "kind": "QUIZ", "isPreview": True, "markdown": "**First**"}
    kept |= {"html": "<p><strong>First</strong></p>\n"}
    filled = {"durationMinutes": 5, "releaseAfterDays": 2, "referenceId": str(made.id)}
    assert before["lesson"] == kept | filled
    assert after["lesson"] == kept | dict.fromkeys(filled)
    assert answer["course"] == {"level": None, "title": "A course"}

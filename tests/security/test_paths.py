"""Many paths lead to one field; all of them give the same verdict."""

import json
from typing import Any
from uuid import uuid4

from infra.stack import Stack
from tests.support.api import Api, eventually
from tests.support.campus import Campus, Course
from tests.support.inside import ask_inside

CONTENT = {
    "lesson": "{ lesson(id: $lesson) { content } }",
    "course": "{ course(id: $course) { modules { lessons { id content } } } }",
    "course by slug": "{ course(slug: $slug) { modules { lessons { id content } } } }",
    "catalogue": """{ courses(first: 1, filter: {organizationId: $organization}) { nodes {
        modules { lessons { id content } } } } }""",
    "organization": """{ organization(id: $organization) { courses(first: 1) { nodes {
        modules { lessons { id content } } } } } }""",
    "instructor": """{ course(id: $course) { instructors { coursesTaught(first: 1) { nodes {
        modules { lessons { id content } } } } } } }""",
    "search": """{ searchCourses(first: 1, query: $title) { nodes { course {
        modules { lessons { id content } } } } } }""",
    "round trip": "{ lesson(id: $lesson) { course { modules { lessons { id content } } } } }",
    "next lesson": """{ viewer { enrollments(first: 1) { nodes { nextLesson { content }
        completedLessons { content } course { modules { lessons { content } } } } } } }""",
}
EMAIL = {
    "user": "{ user(id: $user) { email } }",
    "course": "{ course(id: $course) { instructors { email } } }",
    "organization": "{ organization(id: $organization) { members { nodes { user { email } } } } }",
    "roster": "{ course(id: $course) { roster { nodes { learner { email } } } } }",
    "users": '{ users(search: "ines") { nodes { email } } }',
    "reviews": "{ course(id: $course) { reviews { nodes { author { email } } } } }",
}
HEAD = """query (
  $lesson: UUID!, $course: UUID!, $slug: String!, $title: String!, $organization: UUID!,
  $user: UUID!
) {{
  a: lesson(id: $lesson) {{ id }} b: course(id: $course) {{ id }} c: course(slug: $slug) {{ id }}
  d: organization(id: $organization) {{ id }} e: user(id: $user) {{ id }}
  f: searchCourses(first: 1, query: $title) {{ totalCount }} {} }}"""
TEXT = "The text of lesson"


def variables(instructor: Api, course: Course, title: str) -> dict[str, str]:
    return {
        "lesson": course.lesson_ids[0],
        "course": course.id,
        "slug": course.slug,
        "title": title,
        "organization": course.organization_id,
        "user": str(instructor.user_id),
    }


async def told(caller: Api, path: str, ids: dict[str, str]) -> str:
    """All that the answer says; errors are as good as nothing."""
    body = {"query": HEAD.format(path.strip()[1:-1]), "variables": ids}
    answer: dict[str, Any] = (await caller.post(body)).json()
    assert "data" in answer, answer
    return json.dumps(answer["data"])


async def test_the_text_of_a_lesson_is_for_the_enrolled_on_every_path(campus: Campus) -> None:
    title = f"Course {uuid4().hex}"
    instructor, course = await campus.course(lessons=2, title=title)
    learner, _ = await campus.enrolled(course)
    stranger = await campus.person("Theo")
    ids = variables(instructor, course, title)

    async def shown() -> bool:  # courses hears of an enrolment by event
        return TEXT in await told(learner, CONTENT["lesson"], ids)

    await eventually(shown)
    verdicts = {
        name: [
            TEXT in await told(caller, path, ids)
            for caller in (learner, stranger, campus.visitor())
        ]
        for name, path in CONTENT.items()
    }
    assert verdicts == {name: [True, False, False] for name in CONTENT}


async def test_an_address_is_for_its_owner_and_admins_on_every_path(campus: Campus) -> None:
    title = f"Course {uuid4().hex}"
    instructor, course = await campus.course(lessons=1, title=title)
    learner, _ = await campus.enrolled(course)

    async def reviewed() -> bool:
        answer = await learner.do("reviewCourse", courseId=course.id, rating=5, text="Good.")
        return bool(answer["__typename"] == "ReviewCourseSuccess")

    await eventually(reviewed)
    ids = variables(instructor, course, title)
    stranger, rival = await campus.person("Theo"), (await campus.instructor("Rita"))[0]
    for name, path in EMAIL.items():
        for caller in (campus.visitor(), stranger, rival, learner):
            shown = await told(caller, path, ids)
            assert instructor.email not in shown, name
            assert caller is learner or learner.email not in shown, name
        if name in ("user", "course", "organization"):
            assert instructor.email in await told(instructor, path, ids), name


async def test_the_verdict_is_the_same_by_reference(campus: Campus, stack: Stack) -> None:
    _, course = await campus.course(lessons=1)
    stranger = await campus.person("Theo")
    document = """query ($r: [_Any!]!) { _entities(representations: $r) {
      ... on Lesson { content } ... on Course { modules { lessons { content } } } } }"""
    references = [
        {"__typename": "Lesson", "id": course.lesson_ids[0]},
        {"__typename": "Course", "id": course.id},
    ]
    for token in (None, stranger.token):
        response = await ask_inside(
            stack, campus.client, "courses", document, {"r": references}, token=token
        )
        lesson, found = response.json()["data"]["_entities"]
        assert lesson == {"content": None}
        assert found == {"modules": [{"lessons": [{"content": None}]}]}

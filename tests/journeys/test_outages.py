"""A subgraph that is away costs its own fields, and no page."""

from typing import Any

from tests.support.api import Api
from tests.support.campus import open_campus
from tests.support.stack import MakeStack

PAGE = """query ($slug: String!) { course(slug: $slug) {
  title organization { name } instructors { name } enrollmentCount
  viewerEnrollment { percentComplete }
  reviews { nodes { author { name } } }
  modules { lessons { title content locked lockReason } } } }"""
DASHBOARD = """{ viewer { id enrollments { nodes {
  percentComplete learner { name } course { title } nextLesson { id title }
  completedLessons { id title } } } } }"""


async def ask(person: Api, document: str, **variables: Any) -> tuple[Any, set[str]]:
    """Ask and get what can be had: the data, and who did not answer."""
    answer = (await person.post({"query": document, "variables": variables})).json()
    errors = answer.get("errors", [])
    assert {it["extensions"]["code"] for it in errors} <= {"SERVICE_UNAVAILABLE"}, errors
    return answer["data"], {it["extensions"]["service"] for it in errors}


async def test_what_is_left_of_a_page_when_a_subgraph_is_away(make_stack: MakeStack) -> None:
    stack = make_stack()
    async with open_campus(stack.url) as campus:
        _, course = await campus.course(lessons=1, title="Algebra")
        learner, _ = await campus.enrolled(course)
        lesson = {"title": "Lesson 1", "content": "<p>The text of lesson 1.</p>\n"}
        page = {
            "title": "Algebra",
            "organization": {"name": "Acme"},
            "instructors": [{"name": "Ines"}],
            "enrollmentCount": 1,
            "viewerEnrollment": {"percentComplete": 0},
            "reviews": {"nodes": []},
            "modules": [{"lessons": [lesson | {"locked": False, "lockReason": None}]}],
        }
        assert await ask(learner, PAGE, slug=course.slug) == ({"course": page}, set())

        stack.stop("users")
        without_users = page | {"organization": None, "instructors": [None]}
        assert await ask(learner, PAGE, slug=course.slug) == (
            {"course": without_users},
            {"users"},
        )
        stack.start("users")

        stack.stop("learning")
        without_learning = page | {
            "enrollmentCount": None,
            "viewerEnrollment": None,
            "modules": [{"lessons": [lesson | {"locked": None, "lockReason": None}]}],
        }
        assert await ask(learner, PAGE, slug=course.slug) == (
            {"course": without_learning},
            {"learning"},
        )
        stack.start("learning")

        stack.stop("courses")
        data, silent = await ask(learner, DASHBOARD)
        assert silent == {"courses"}
        [enrollment] = data["viewer"]["enrollments"]["nodes"]
        assert enrollment == {
            "percentComplete": 0,
            "learner": {"name": "Lea"},
            "course": None,
            "nextLesson": None,
            "completedLessons": [],
        }

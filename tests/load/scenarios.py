"""What is asked: a page of the product each, as GraphQL and as the baseline's plain HTTP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from tests.load.client import Request
from tests.load.people import Learner

COURSE_PAGE = """
query CoursePage($slug: String!) {
  course(slug: $slug) {
    id slug title summary description language level rating reviewCount lessonCount
    category { name }
    instructors { id name }
    viewerEnrollment { id status percentComplete completedLessonCount }
    modules {
      id title
      lessons { id title kind durationMinutes isPreview locked viewerProgress { completedAt } }
    }
  }
}
"""
CATALOGUE = """
query Catalogue($orderBy: CourseOrder!) {
  courses(first: 20, orderBy: $orderBy) {
    nodes {
      id slug title summary language level isFree rating reviewCount lessonCount
      category { name }
      instructors { id name }
    }
    pageInfo { hasNextPage }
  }
}
"""
SEARCH = """
query Search($query: String!) {
  searchCourses(query: $query, first: 20) {
    nodes { score snippet course { id slug title language rating } }
    pageInfo { hasNextPage }
  }
}
"""
DASHBOARD = """
query Dashboard {
  viewer {
    id name
    enrollments(first: 20) {
      nodes {
        id status percentComplete completedLessonCount lessonCount dueAt
        course { id slug title }
        nextLesson { id title }
      }
      pageInfo { hasNextPage }
    }
  }
}
"""
COMPLETE = """
mutation Complete($input: CompleteLessonInput!) {
  completeLesson(input: $input) {
    __typename
    ... on CompleteLessonSuccess {
      lessonId courseCompleted enrollment { id status percentComplete completedLessonCount }
    }
    ... on UserError { message code }
  }
}
"""
UNCOMPLETE = """
mutation Uncomplete($input: UncompleteLessonInput!) {
  uncompleteLesson(input: $input) {
    __typename
    ... on UncompleteLessonSuccess {
      lessonId enrollment { id status percentComplete completedLessonCount }
    }
    ... on UserError { message code }
  }
}
"""
ORDERS = ("POPULAR", "NEWEST", "RATING", "TITLE")
PHRASES = ("python", "javascript arrays", "statistcs", "bread", "projects for beginners")


@dataclass(frozen=True)
class Scenario:
    """`asks` are the GraphQL requests of one learner, `plain` the same ones to the baseline."""

    name: str
    title: str
    asks: Callable[[Learner], Sequence[Request]]
    plain: Callable[[Learner], Sequence[Request]]
    aim: float | None = None
    """Milliseconds of CPU a request that all servers together may take."""
    writes: bool = False
    """Each learner's requests undo each other, and events follow them."""


def _graphql(document: str, expect: str, **variables: Any) -> Request:
    compact = " ".join(document.split())
    body = orjson.dumps({"query": compact, "variables": variables}).decode()
    return Request("POST", "/graphql", body, expect)


def _get(path: str) -> Request:
    return Request("GET", path, "", '"data"')


def _change(learner: Learner) -> dict[str, str]:
    return {"enrollmentId": str(learner.enrollment_id), "lessonId": str(learner.lesson_id)}


def _progress(learner: Learner) -> list[Request]:
    change = _change(learner)
    return [
        _graphql(COMPLETE, "CompleteLessonSuccess", input=change),
        _graphql(UNCOMPLETE, "UncompleteLessonSuccess", input=change),
    ]


def _plain_progress(learner: Learner) -> list[Request]:
    body = orjson.dumps(_change(learner)).decode()
    return [
        Request("POST", f"/{word}", body, f"{word.capitalize()}LessonSuccess")
        for word in ("complete", "uncomplete")
    ]


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "course",
            "course page (three subgraphs)",
            lambda it: [_graphql(COURSE_PAGE, '"modules"', slug=slug) for slug in it.slugs],
            lambda it: [_get(f"/courses/{slug}") for slug in it.slugs],
            aim=4.7,
        ),
        Scenario(
            "catalogue",
            "catalogue page of 20",
            lambda _: [_graphql(CATALOGUE, '"nodes"', orderBy=order) for order in ORDERS],
            lambda _: [_get(f"/courses?orderBy={order}") for order in ORDERS],
            aim=6.3,
        ),
        Scenario(
            "search",
            "search",
            lambda _: [_graphql(SEARCH, '"nodes"', query=phrase) for phrase in PHRASES],
            lambda _: [_get(f"/search?query={quote(phrase)}") for phrase in PHRASES],
        ),
        Scenario(
            "progress",
            "complete a lesson",
            _progress,
            _plain_progress,
            aim=2.0,
            writes=True,
        ),
        Scenario(
            "dashboard",
            "dashboard",
            lambda _: [_graphql(DASHBOARD, '"enrollments"')],
            lambda _: [_get("/dashboard")],
            aim=6.3,
        ),
    )
}

"""What one operation costs: its SQL statements are counted in the processes that run them."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from infra.stack import Stack
from tests.support.campus import Campus, add_course, enroll, open_campus

SUBGRAPHS = ("users", "courses", "learning")
COURSE_PAGE = """query ($slug: String!) { course(slug: $slug) {
  title summary rating reviewCount organization { name } instructors { name avatarUrl }
  enrollmentCount viewerEnrollment { percentComplete }
  modules { title lessons { id title kind isPreview locked lockReason
    viewerProgress { completedAt } } } } }"""
DASHBOARD = """{ viewer { name enrollments(first: 20) { nodes {
  percentComplete status course { title slug } nextLesson { title } } } } }"""
CATALOGUE = """{ courses(first: 20) { nodes {
  title slug summary rating enrollmentCount organization { name } instructors { name } }
  pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All subgraphs in one process, so that its counters tell everything."""
    with Stack(tmp_path_factory.mktemp("one-process"), processes=1) as stack:
        yield stack


@pytest.fixture
async def campus(one_process: Stack) -> AsyncIterator[Campus]:
    async with open_campus(one_process.url) as campus:
        yield campus


def statements(stack: Stack) -> dict[str, int]:
    """Read the counters straight from the process: asking for its status costs statements."""
    url = f"http://127.0.0.1:{stack.port('subgraphs')}/metrics"
    counted = re.compile(r'polynode_sql_statements_total{database="(\w+)"} (\S+)')
    found = dict(counted.findall(httpx.get(url).text))
    return {name: int(float(found.get(name, 0))) for name in SUBGRAPHS}


def spent(stack: Stack, before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in statements(stack).items()}


async def test_the_course_page_costs_six_statements_whatever_its_length(
    campus: Campus, one_process: Stack
) -> None:
    costs: list[dict[str, int]] = []
    for lessons in (1, 40):
        _, course = await campus.course(lessons=lessons)
        learner, _ = await campus.enrolled(course)
        await learner.ask(COURSE_PAGE, slug=course.slug)  # keys and documents are known now
        before = statements(one_process)
        page = await learner.ask(COURSE_PAGE, slug=course.slug)
        costs.append(spent(one_process, before))
        assert len(page["course"]["modules"][0]["lessons"]) == lessons

    assert costs[0] == costs[1] == {"users": 2, "courses": 2, "learning": 2}


async def test_the_dashboard_costs_the_same_for_one_course_and_for_ten(
    campus: Campus, one_process: Stack
) -> None:
    learner = await campus.person("Lea")
    costs: list[dict[str, int]] = []
    for _ in range(2):
        instructor, organization_id = await campus.instructor()
        for _ in range(1 if not costs else 9):
            course = await add_course(instructor, organization_id, 2)
            await enroll(learner, course.id)
        await learner.ask(DASHBOARD)
        before = statements(one_process)
        await learner.ask(DASHBOARD)
        costs.append(spent(one_process, before))

    assert costs[0] == costs[1] == {"users": 1, "courses": 2, "learning": 1}


async def test_the_catalogue_costs_the_same_for_any_number_of_courses(
    campus: Campus, one_process: Stack
) -> None:
    visitor = campus.visitor()
    await visitor.ask(CATALOGUE)
    before = statements(one_process)
    few = await visitor.ask(CATALOGUE)
    first = spent(one_process, before)
    for _ in range(3):
        await campus.course(lessons=1)
    before = statements(one_process)
    many = await visitor.ask(CATALOGUE)
    second = spent(one_process, before)

    assert len(many["courses"]["nodes"]) > len(few["courses"]["nodes"])
    assert first == second

"""What a viewer may not see does not exist."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subgraphs.courses.models import Course, CourseStatus, Entitlement, Visibility
from subgraphs.courses.repository import courses
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database
from tests.courses import studio
from tests.courses.conftest import Outbox
from tests.courses.people import Person
from tests.courses.studio import Learning

PAGE = "query ($id: UUID!) { course(id: $id) { id } lesson(id: $id) { id } }"


async def test_who_sees_which_course(
    author: Person,
    anyone: Person,
    learner: Person,
    arrive: Callable[..., Person],
    learning: Learning,
) -> None:
    school = next(iter(author.viewer.roles))
    public = await studio.published(author, school)
    private = await studio.published(author, school, visibility="PRIVATE")
    draft = await studio.draft(author, school)
    archived = await studio.published(author, school)
    await learning.enroll(learner, archived.id)
    await author.mutate("archiveCourse", course_id=archived.id)
    made = {"public": public, "private": private, "draft": draft, "archived": archived}

    async def sees(person: Person) -> set[str]:
        found = set[str]()
        for name, course in made.items():
            if (await person.send(PAGE, id=course.id))["course"] is not None:
                found.add(name)
        return found

    assert await sees(anyone) == {"public"}
    assert await sees(arrive()) == {"public"}
    assert await sees(arrive(roles={uuid4(): "admin"})) == {"public"}
    assert await sees(learner) == {"public", "archived"}
    assert await sees(arrive(roles={school: "student"})) == {"public", "private"}
    assert await sees(author) == set(made)
    assert await sees(arrive(roles={school: "admin"})) == set(made)
    assert await sees(arrive(is_operator=True)) == set(made)


async def test_a_draft_is_shown_to_its_editors_alone(
    author: Person, learner: Person, arrive: Callable[..., Person], school: UUID
) -> None:
    made = await studio.published(author, school)

    assert (await author.draft(made.id))["hasChanges"] is False
    for person in (learner, arrive(roles={school: "student"}), arrive(roles={uuid4(): "admin"})):
        assert await person.draft(made.id) is None


def program(arrive: Callable[..., Person], school: UUID, *scopes: str) -> Person:
    """An API client of the school: it acts as an admin, within its scopes."""
    return arrive(roles={school: "admin"}, scopes=frozenset(scopes))


async def test_a_program_without_the_scope_sees_what_everybody_sees(
    author: Person, anyone: Person, arrive: Callable[..., Person], school: UUID
) -> None:
    category = await arrive(is_operator=True).mutate(
        "createCategory", "category { slug }", name="Maths"
    )
    slug = category["category"]["slug"]
    public = await studio.published(author, school, category_slug=slug)
    await studio.published(author, school, category_slug=slug, visibility="PRIVATE")
    draft = await studio.draft(author, school)
    lesson = public.lessons["First"]
    document = """query ($school: UUID!, $public: UUID!, $draft: UUID!, $references: [_Any!]!) {
      viewer { id } categories { courseCount }
      courses(filter: { organizationId: $school }) { totalCount nodes { id } }
      searchCourses(query: "course") { totalCount }
      public: course(id: $public) { draft { hasChanges } }
      draft: course(id: $draft) { id }
      _entities(representations: $references) {
        ... on Organization { courses { totalCount } }
        ... on Lesson { content } } }"""
    references = [
        {"__typename": "Organization", "id": str(school)},
        {"__typename": "Lesson", "id": str(lesson)},
    ]
    asked = {"school": school, "public": public.id, "draft": draft.id, "references": references}

    everybody = await anyone.send(document, **asked)
    unscoped = await program(arrive, school, "users:read", "courses:write").send(document, **asked)
    scoped = await program(arrive, school, "courses:read").send(document, **asked)

    assert unscoped == everybody
    assert everybody["courses"] == {"totalCount": 1, "nodes": [{"id": str(public.id)}]}
    assert everybody["_entities"] == [{"courses": {"totalCount": 1}}, {"content": None}]
    assert scoped["viewer"] is None
    assert scoped["categories"] == [{"courseCount": 2}]
    assert scoped["courses"]["totalCount"] == scoped["searchCourses"]["totalCount"] == 2
    assert scoped["public"] == {"draft": {"hasChanges": False}}
    assert scoped["draft"] == {"id": str(draft.id)}
    assert scoped["_entities"] == [
        {"courses": {"totalCount": 3}},
        {"content": "<p><strong>First</strong></p>\n"},
    ]


async def test_a_program_that_only_writes_is_shown_what_it_wrote(
    arrive: Callable[..., Person], school: UUID
) -> None:
    writer = program(arrive, school, "courses:write")
    made = await studio.publish(writer, await studio.draft(writer, school, visibility="PRIVATE"))

    changed = await writer.mutate(
        "updateCourse",
        "course { title instructors { id } draft { hasChanges } }",
        course_id=made.id,
        title="New",
    )

    assert changed == {
        "__typename": "UpdateCourseSuccess",
        "course": {"title": "New", "instructors": [], "draft": None},
    }
    assert (await writer.send(PAGE, id=made.id))["course"] is None


async def test_a_program_is_nobody_where_a_person_is_meant(
    author: Person, arrive: Callable[..., Person], school: UUID, outbox: Outbox
) -> None:
    made = await studio.published(author, school)
    integrator = program(arrive, school, "courses:read", "courses:write")
    before = await outbox()

    assert await integrator.send("{ viewer { coursesTaught { totalCount } } }") == {"viewer": None}
    assert await integrator.codes("{ courses(filter: {mine: true}) { totalCount } }") == [
        "FORBIDDEN"
    ]
    review = {"course_id": made.id, "rating": 5, "text": "Ours."}
    assert await integrator.refused("reviewCourse", **review) == "ForbiddenError"
    assert await outbox() == before


ROLES = st.sampled_from([None, "student", "instructor", "admin"])
COURSES = st.lists(
    st.tuples(
        st.booleans(),  # of the first tenant, or of the second
        st.sampled_from(CourseStatus),
        st.sampled_from(Visibility),
        st.sampled_from([None, True, False]),  # never enrolled, enrolled, enrolled once
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(roles=st.tuples(ROLES, ROLES), wanted=COURSES)
async def test_tenants_are_isolated(db: Database, roles: Any, wanted: Any) -> None:
    tenants, user_id = (uuid4(), uuid4()), uuid4()
    held = {id: role for id, role in zip(tenants, roles, strict=True) if role}
    expected = set[UUID]()
    async with db.begin() as session:
        for first, status, visibility, enrolled in wanted:
            tenant, id = tenants[not first], uuid4()
            session.add(
                Course(
                    id=id,
                    organization_id=tenant,
                    slug=id.hex,
                    title="T",
                    status=status,
                    visibility=visibility,
                )
            )
            if enrolled is not None:
                session.add(
                    Entitlement(
                        user_id=user_id,
                        course_id=id,
                        enrollment_id=uuid4(),
                        version_id=uuid4(),
                        enrolled_at=studio.now(),
                        active=enrolled,
                    )
                )
            role = held.get(tenant)
            open_to_viewer = visibility is Visibility.PUBLIC or role is not None
            if (
                role in ("instructor", "admin")
                or (status is CourseStatus.PUBLISHED and open_to_viewer)
                or (status is not CourseStatus.DRAFT and enrolled)
            ):
                expected.add(id)
    viewer = Viewer(user_id=user_id, roles=held)
    async with db.read() as session:
        mine = courses.visible_courses(viewer).where(Course.organization_id.in_(tenants))
        seen = {row.id for row in await session.scalars(mine)}
    assert seen == expected

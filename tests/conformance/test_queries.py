"""Queries that join subgraphs: the shape of the answer is the same on every router."""

from tests.support.campus import Campus


async def test_one_operation_joins_all_three_subgraphs(campus: Campus) -> None:
    _, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)

    data = await learner.ask(
        """query ($id: UUID!) { course(id: $id) { slug
          instructors { name } organization { name }
          viewerEnrollment { id learner { id name } course { id lessonCount } }
          modules { lessons { id locked } } } }""",
        id=course.id,
    )

    assert data["course"] == {
        "slug": course.slug,
        "instructors": [{"name": "Ines"}],
        "organization": {"name": "Acme"},
        "viewerEnrollment": {
            "id": enrollment_id,
            "learner": {"id": learner.user_id, "name": "Lea"},
            "course": {"id": course.id, "lessonCount": 2},
        },
        "modules": [{"lessons": [{"id": id, "locked": False} for id in course.lesson_ids]}],
    }


async def test_entities_keep_their_order_and_repetitions(campus: Campus) -> None:
    _, course = await campus.course(lessons=5)
    learner, _ = await campus.enrolled(course)

    data = await learner.ask(
        """query ($id: UUID!) {
          a: course(id: $id) { modules { lessons { id lockReason } } }
          b: course(id: $id) { modules { lessons { id viewerProgress { completedAt } } } } }""",
        id=course.id,
    )

    for alias in "ab":
        lessons = data[alias]["modules"][0]["lessons"]
        assert [lesson["id"] for lesson in lessons] == course.lesson_ids


async def test_fragments_aliases_and_directives_survive_planning(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)

    data = await campus.visitor().ask(
        """query Page($id: UUID!, $yes: Boolean!, $no: Boolean!) {
          page: course(id: $id) { ...Head people: instructors { called: name }
            slug @skip(if: $yes) enrollmentCount @include(if: $no) } }
        fragment Head on Course { identity: id ... on Course { organization { of: name } } }""",
        id=course.id,
        yes=True,
        no=False,
    )

    assert data == {
        "page": {
            "identity": course.id,
            "organization": {"of": "Acme"},
            "people": [{"called": "Ines"}],
        }
    }


async def test_typenames_are_those_of_the_public_schema(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)
    learner, _ = await campus.enrolled(course)
    data = await learner.ask(
        """query ($id: UUID!) { __typename course(id: $id) { __typename
          viewerEnrollment { __typename course { __typename } learner { __typename } } } }""",
        id=course.id,
    )
    assert data == {
        "__typename": "Query",
        "course": {
            "__typename": "Course",
            "viewerEnrollment": {
                "__typename": "Enrollment",
                "course": {"__typename": "Course"},
                "learner": {"__typename": "User"},
            },
        },
    }


async def test_what_is_not_there_is_null_and_no_error(campus: Campus) -> None:
    _, draft = await campus.course(lessons=1, publish=False)
    visitor = campus.visitor()
    data = await visitor.ask(
        """query ($id: UUID!) { viewer { id } course(id: $id) { id viewerEnrollment { id } } }""",
        id=draft.id,
    )
    assert data == {"viewer": None, "course": None}


async def test_root_fields_of_several_subgraphs_come_in_one_answer(campus: Campus) -> None:
    learner = await campus.person("Lea")
    data = await learner.ask(
        """{ viewer { name enrollments { totalCount } coursesTaught { totalCount } }
          categories { slug } courses(first: 1) { pageInfo { hasPreviousPage } } }"""
    )
    assert data["viewer"] == {
        "name": "Lea",
        "enrollments": {"totalCount": 0},
        "coursesTaught": {"totalCount": 0},
    }
    assert data["courses"] == {"pageInfo": {"hasPreviousPage": False}}


async def test_pages_follow_one_another(campus: Campus) -> None:
    instructor, organization_id = await campus.instructor()
    titles = [f"Conformance {number}" for number in range(5)]
    for title in titles:
        made = await instructor.do(
            "createCourse",
            "course { id }",
            organizationId=organization_id,
            title=title,
            isFree=True,
        )
        assert made["__typename"] == "CreateCourseSuccess"
    document = """query ($filter: CourseFilter!, $after: String) {
      courses(filter: $filter, orderBy: TITLE, first: 2, after: $after) {
        nodes { title instructors { name } } pageInfo { hasNextPage endCursor } totalCount } }"""

    seen, after, more = [], None, True
    while more:
        found = await instructor.ask(
            document, filter={"organizationId": organization_id, "mine": True}, after=after
        )
        page = found["courses"]
        seen += [node["title"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert page["totalCount"] == 5

    assert seen == titles

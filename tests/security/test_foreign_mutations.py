"""Every mutation that takes an id, as every role, with the id of somebody else's: generated.

Once with nothing but foreign ids; and for an admin, who has things of the same kinds, also with
each id foreign in turn among ids of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, get_named_type

from tests.security.documents import operation, roots
from tests.security.test_error_leaks import values
from tests.security.test_foreign_ids import ROLES, make_victim, stranger
from tests.support.api import Api
from tests.support.campus import Campus

NOBODYS = {"referenceId"}
"""Videos, quizzes and assignments have no owner yet."""

LISTS = {
    "instructorIds": "userId",
    "prerequisiteCourseIds": "courseId",
    "prerequisiteLessonIds": "lessonId",
}
"""Input fields whose name is not that of what they name."""

ENDINGS = {
    "unenroll": 1,
    "deleteLesson": 1,
    "revokeApiClient": 1,
    "deleteModule": 2,
    "archiveCourse": 3,
    "logout": 4,
}
"""What leaves nothing for others to be done to, and in which order it comes last."""

OTHERWISE = {
    ("deactivateUser", "userId"): "FORBIDDEN",  # operators may
    ("reactivateUser", "userId"): "FORBIDDEN",
    ("clientToken", "clientId"): "INVALID_CLIENT",  # the secret is not right
    ("enroll", "courseId"): "ALREADY_ENROLLED",
    ("setMemberRole", "organizationId"): "LAST_ADMIN",
    ("setMemberRole", "userId"): "LAST_ADMIN",
    ("updateCourse", "prerequisiteCourseIds"): "PREREQUISITE_CYCLE",
    ("updateLesson", "prerequisiteLessonIds"): "PREREQUISITE_CYCLE",
}
"""What not even the owner is let do, for reasons that have nothing to do with whose it is."""

DRAFT = """query ($id: UUID!) { course(id: $id) { draft { hasChanges modules { id title position
  lessons { id moduleId title kind position durationMinutes isPreview releaseAfterDays
    prerequisiteLessonIds referenceId markdown } } } } }"""


@dataclass(frozen=True)
class Case:
    """A mutation and the path of an id in its input."""

    mutation: str
    path: tuple[str, ...]
    required: bool

    @property
    def field(self) -> str:
        return self.path[-1]


def cases() -> Iterator[Case]:
    for mutation, field in roots("Mutation").items():
        for argument, declared in field.args.items():
            of = get_named_type(declared.type)
            assert isinstance(of, GraphQLInputObjectType)
            for name, inner in of.fields.items():
                if get_named_type(inner.type).name in ("UUID", "ID") and name not in NOBODYS:
                    required = isinstance(inner.type, GraphQLNonNull)
                    yield Case(mutation, (argument, name), required)


CASES = list(cases())
REASONS = {"FORBIDDEN", "UNAUTHENTICATED", "INVALID_CLIENT", "NOT_ENROLLED"}
"""Codes that say whose it is, beside those of what is not found."""


def is_refused(case: Case, code: str) -> bool:
    """Whether the reason is whose it is; of lists only the input field is named."""
    if case.field in LISTS and code == "INVALID_INPUT":
        return True
    return code in REASONS or code.endswith(("_NOT_FOUND", "_NOT_IN_COURSE"))


async def ids_of(owner: Api, organization_id: str, course_id: str) -> dict[str, str]:
    """The ids of somebody's things, by the names that inputs have for them."""
    found = await owner.ask(
        """query ($course: UUID!, $organization: UUID!) {
          course(id: $course) { viewerEnrollment { id } draft { modules { id lessons { id } } } }
          organization(id: $organization) { apiClients { nodes { id } } }
          viewer { id sessions { id } } }""",
        course=course_id,
        organization=organization_id,
    )
    [module] = found["course"]["draft"]["modules"]
    ids = {
        "organizationId": organization_id,
        "courseId": course_id,
        "moduleId": module["id"],
        "lessonId": module["lessons"][0]["id"],
        "enrollmentId": found["course"]["viewerEnrollment"]["id"],
        "userId": found["viewer"]["id"],
        "sessionId": found["viewer"]["sessions"][0]["id"],
        "clientId": found["organization"]["apiClients"]["nodes"][0]["id"],
    }
    return ids | {name: ids[named] for name, named in LISTS.items()}


async def furnished(campus: Campus) -> tuple[Api, dict[str, str]]:
    victim = await make_victim(campus)
    ids = await ids_of(victim.person, victim.ids["Organization"], victim.ids["Course"])
    return victim.person, ids


async def everything_of(owner: Api, ids: dict[str, str]) -> dict[str, Any]:
    """All that an owner can read of what is theirs."""
    found = {}
    for name, id in {
        "viewer": None,
        "user": ids["userId"],
        "organization": ids["organizationId"],
        "course": ids["courseId"],
        "lesson": ids["lessonId"],
        "enrollment": ids["enrollmentId"],
    }.items():
        body = operation("Query", name, values({"id": str(id)}), ("id",) if id else (), depth=2)
        found[name] = (await owner.post(body)).json()
        assert "errors" not in found[name], found[name]
    found["draft"] = await owner.ask(DRAFT, id=ids["courseId"])
    return found


async def answer_to(caller: Api, case: Case, ids: dict[str, str]) -> str:
    """What a mutation answers: the code of its refusal or error, or the name of its success."""
    wanted = () if case.required else case.path
    answer = (await caller.post(operation("Mutation", case.mutation, values(ids), wanted))).json()
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    told = answer["data"][case.mutation]
    return str(told.get("code", told["__typename"]))


def test_every_id_that_a_mutation_takes_is_among_the_cases() -> None:
    assert len(CASES) == 38
    named = {case.field for case in CASES}
    assert named == {
        *LISTS,
        *("organizationId", "courseId", "moduleId", "lessonId", "enrollmentId"),
        *("userId", "sessionId", "clientId"),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_no_mutation_touches_what_is_foreign(campus: Campus, role: str) -> None:
    owner, foreign = await furnished(campus)
    caller = await stranger(campus, role)
    before = await everything_of(owner, foreign)
    answers = {case: await answer_to(caller, case, foreign) for case in CASES}
    assert {case: code for case, code in answers.items() if not is_refused(case, code)} == {}
    if role == "anonymous":
        codes = {code for case, code in answers.items() if case.mutation != "clientToken"}
        assert codes == {"UNAUTHENTICATED"}
    assert await everything_of(owner, foreign) == before


async def test_no_mutation_lets_a_foreign_id_in_among_ones_own(campus: Campus) -> None:
    owner, foreign = await furnished(campus)
    before = await everything_of(owner, foreign)
    caller, own = await furnished(campus)
    answers = {}
    for case in CASES:
        answers[case] = await answer_to(caller, case, own | {case.field: foreign[case.field]})
    assert {case: code for case, code in answers.items() if not is_refused(case, code)} == {}
    assert await everything_of(owner, foreign) == before


async def test_the_owner_is_let_do_what_strangers_are_not(campus: Campus) -> None:
    """Without this the tests above would pass over mutations that nobody can ask for."""
    owner, own = await furnished(campus)
    answers = {}
    for case in sorted(CASES, key=lambda case: ENDINGS.get(case.mutation, 0)):
        answers[case.mutation, case.field] = await answer_to(owner, case, own)
    refused = {case: code for case, code in answers.items() if not code.endswith("Success")}
    assert refused == OTHERWISE

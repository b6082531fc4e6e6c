"""Lists of many organizations cost one SELECT, and one more where they are counted."""

from uuid import uuid4

import pytest

from subgraphs.users.models import Membership, Organization, Role
from tests.users.people import Person

LISTS = """query ($references: [_Any!]!) { _entities(representations: $references) {
  ... on Organization { slug members(first: 2) { %s nodes { role } } } } }"""


@pytest.mark.parametrize(("counted", "cost"), [("", 2), ("totalCount", 3)])
async def test_the_members_of_twenty_organizations_are_one_select(
    operator: Person, ada: Person, statements: list[str], counted: str, cost: int
) -> None:
    organizations = [
        Organization(id=uuid4(), name="School", slug=f"school-{number}") for number in range(20)
    ]
    async with operator.db.begin() as session:
        session.add_all(organizations)
        await session.flush()
        for place, row in enumerate(organizations):
            session.add(Membership(organization_id=row.id, user_id=operator.id, role=Role.ADMIN))
            if place % 2:
                session.add(Membership(organization_id=row.id, user_id=ada.id, role=Role.STUDENT))
    references = [{"__typename": "Organization", "id": str(row.id)} for row in organizations]
    statements.clear()

    found = (await operator.ask(LISTS % counted, references=references))["_entities"]

    assert len(statements) == cost  # the organizations, their members, how many they are
    assert [it["slug"] for it in found] == [row.slug for row in organizations]
    assert [len(it["members"]["nodes"]) for it in found] == [1, 2] * 10
    if counted:
        assert [it["members"]["totalCount"] for it in found] == [1, 2] * 10


@pytest.mark.parametrize("name", ["invitations", "apiClients", "auditLog"])
async def test_what_admins_see_of_twenty_organizations_is_one_select(
    operator: Person, statements: list[str], name: str
) -> None:
    ids = [(await operator.found(f"school-{number}"))[1] for number in range(20)]
    references = [{"__typename": "Organization", "id": id} for id in ids]
    document = """query ($references: [_Any!]!) { _entities(representations: $references) {
      ... on Organization { list: %s { nodes { __typename } } } } }"""
    statements.clear()

    found = (await operator.ask(document % name, references=references))["_entities"]

    assert len(statements) == 2
    assert len(found) == 20
    assert {len(it["list"]["nodes"]) for it in found} == ({1} if name == "auditLog" else {0})

"""What people say about themselves, and who sees how much of it."""

from typing import Any
from uuid import uuid4

import pytest

from subgraphs.users.models import Membership, User
from tests.users.people import ERROR, Person, published

UPDATE = f"""mutation ($input: UpdateProfileInput!) {{ updateProfile(input: $input) {{ __typename
  ... on UpdateProfileSuccess {{ user {{ name avatarUrl bio locale timeZone }} }}
  ... on InvalidInputError {{ field }} {ERROR} }} }}"""
USER = """query ($id: UUID!) { user(id: $id) { name email locale timeZone isActive isOperator
  memberships { role organization { slug } } sessions { id } } }"""
USERS = """query ($search: String, $first: Int, $after: String) {
  users(search: $search, first: $first, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } nodes { name email memberships { role } } } }"""
ENTITIES = """query ($references: [_Any!]!) { _entities(representations: $references) {
  ... on User { name email memberships { role organization { name } } }
  ... on Organization { slug } } }"""
PUBLIC = {"locale": None, "timeZone": None, "isActive": None, "isOperator": None}
STRANGER: dict[str, Any] = {"email": None, **PUBLIC, "memberships": [], "sessions": None}


def user(name: str) -> User:
    """Someone who never logs in."""
    email = f"{name}@example.com"
    return User(email=email, password_hash="", name=name, locale="en", time_zone="UTC")


async def test_a_profile_changes_where_it_is_told_to(ada: Person) -> None:
    changed = await ada.do(
        UPDATE,
        name=" Ada  King ",
        avatarUrl="https://example.com/ada.png",
        bio="Poetical\r\nscience",
        locale="EN-gb",
        timeZone="Europe/London",
    )
    assert changed["user"] == {
        "name": "Ada King",
        "avatarUrl": "https://example.com/ada.png",
        "bio": "Poetical\nscience",
        "locale": "en-GB",
        "timeZone": "Europe/London",
    }
    cleared = await ada.do(UPDATE, avatarUrl=None)
    assert cleared["user"] == {**changed["user"], "avatarUrl": None}
    # The picture is of no concern to other subgraphs.
    assert (await published(ada.db))[1:] == ["users.user_profile_changed"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"locale": None}, "locale"),
        ({"timeZone": "Nowhere"}, "timeZone"),
        ({"bio": "b" * 2_001}, "bio"),
        ({"bio": "\x00"}, "bio"),
        ({"avatarUrl": "http://example.com/a.png"}, "avatarUrl"),
        ({"avatarUrl": "javascript:alert(1)"}, "avatarUrl"),
        ({"avatarUrl": "https://user:pass@example.com/"}, "avatarUrl"),
        ({"avatarUrl": "https://"}, "avatarUrl"),
        ({"avatarUrl": "https://[/"}, "avatarUrl"),
        ({"avatarUrl": 'https://example.com/"><script>'}, "avatarUrl"),
        ({"avatarUrl": "https://example.com/" + "a" * 2_000}, "avatarUrl"),
    ],
)
async def test_a_bad_value_changes_nothing(
    ada: Person, changes: dict[str, Any], field: str
) -> None:
    refused = await ada.do(UPDATE, **{"bio": "new", **changes})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    assert await published(ada.db) == ["users.user_registered"]
    async with ada.db.read() as session:
        row = await session.get_one(User, ada.id)
    assert (row.name, row.bio, row.avatar_url) == ("Ada", None, None)


async def test_a_profile_needs_its_owner(visitor: Person) -> None:
    assert (await visitor.do(UPDATE, name="Mallory"))["code"] == "UNAUTHENTICATED"


async def test_the_public_sees_the_profile_and_nothing_else(ada: Person, visitor: Person) -> None:
    bob = await ada.register("Bob")
    for person in (visitor, bob):
        seen = await person.ask(USER, id=str(ada.id))
        assert seen["user"] == {"name": "Ada", **STRANGER}


async def test_an_admin_sees_members_of_the_own_organization_only(ada: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "STUDENT")
    eve, eves = await (await ada.register("Eve")).found("eves-place")
    bob_twice = await eve.invite(eves, bob, "INSTRUCTOR")

    seen = (await ada.ask(USER, id=str(bob_twice.id)))["user"]
    assert (seen["email"], seen["isActive"], seen["sessions"]) == (bob.email, True, None)
    assert seen["memberships"] == [
        {"role": "STUDENT", "organization": {"slug": "analytical-engines"}}
    ]
    assert (await ada.ask(USER, id=str(eve.id)))["user"] == {"name": "Eve", **STRANGER}
    own = (await bob_twice.ask(USER, id=str(bob.id)))["user"]
    assert [place["role"] for place in own["memberships"]] == ["STUDENT", "INSTRUCTOR"]
    # A student's token of the same organization shows nothing of the admin.
    assert (await bob.ask(USER, id=str(ada.id)))["user"] == {"name": "Ada", **STRANGER}


async def test_an_operator_sees_everyone_and_nobodys_sessions(
    ada: Person, operator: Person
) -> None:
    seen = (await operator.ask(USER, id=str(ada.id)))["user"]
    assert (seen["email"], seen["isOperator"], seen["sessions"]) == (ada.email, False, None)


@pytest.mark.parametrize("search", ["ADA", "ada", "da", None])
async def test_operators_find_people_by_name_or_address(
    operator: Person, search: str | None
) -> None:
    await operator.register("Ada")
    await operator.register("Bob")
    found = (await operator.ask(USERS, search=search))["users"]
    names = ["Ada"] if search else ["Ada", "Bob", "Olga"]
    assert [node["name"] for node in found["nodes"]] == names
    assert found["totalCount"] == len(names)


@pytest.mark.parametrize("search", ["%", "_", "\\\\", "' OR 1=1 --", "%%%"])
async def test_a_search_has_no_wildcards_and_no_sql(operator: Person, search: str) -> None:
    assert (await operator.ask(USERS, search=search))["users"]["nodes"] == []


async def test_admins_find_their_members_and_page_through_them(ada: Person) -> None:
    ada, engines = await ada.found()
    await ada.register("Abel")
    for name in ("Cyd", "Bob"):
        await ada.invite(engines, await ada.register(name), "STUDENT")
    page = (await ada.ask(USERS, first=2))["users"]
    assert [node["name"] for node in page["nodes"]] == ["Ada", "Bob"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    rest = (await ada.ask(USERS, first=2, after=page["pageInfo"]["endCursor"]))["users"]
    assert [node["name"] for node in rest["nodes"]] == ["Cyd"]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 101}, "INVALID_PAGE"),
        ({"first": 0}, "INVALID_PAGE"),
        ({"after": "no cursor"}, "INVALID_CURSOR"),
        ({"search": "x" * 101}, "INVALID_INPUT"),
        ({"search": "a\x00b"}, "INVALID_INPUT"),
    ],
)
async def test_a_bad_question_for_people_is_refused(
    operator: Person, variables: dict[str, Any], code: str
) -> None:
    result = await operator.execute(USERS, **variables)
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == code


async def test_only_those_who_administer_may_look_for_people(ada: Person, visitor: Person) -> None:
    for person, code in ((visitor, "UNAUTHENTICATED"), (ada, "FORBIDDEN")):
        result = await person.execute(USERS)
        assert result.errors is not None
        assert (result.errors[0].extensions or {})["code"] == code
        assert result.data == {"users": None}


async def test_a_hundred_references_cost_one_select_and_keep_their_order(
    operator: Person, statements: list[str]
) -> None:
    async with operator.db.begin() as session:
        rows = [user(f"U{number}") for number in range(99)]
        session.add_all(rows)
    ids = [str(row.id) for row in reversed(rows)] + [str(uuid4())]
    references = [{"__typename": "User", "id": id} for id in ids]
    statements.clear()
    document = """query ($references: [_Any!]!) {
      _entities(representations: $references) { ... on User { name email } } }"""
    found = (await operator.ask(document, references=references))["_entities"]
    assert found[0] == {"name": "U98", "email": "U98@example.com"}
    assert [node and node["name"] for node in found] == [
        *(f"U{n}" for n in reversed(range(99))),
        None,
    ]
    assert len(statements) == 1


async def test_members_with_addresses_and_places_cost_one_select_a_kind(
    ada: Person, statements: list[str]
) -> None:
    ada, engines = await ada.found()
    async with ada.db.begin() as session:
        rows = [user(f"M{number}") for number in range(30)]
        session.add_all(rows)
        await session.flush()
        session.add_all(
            Membership(organization_id=engines, user_id=row.id, role="STUDENT") for row in rows
        )
    statements.clear()
    document = """query ($id: UUID!) { organization(id: $id) { members(first: 30) { nodes {
      role user { name email memberships { organization { name } } } } } } }"""
    found = await ada.ask(document, id=engines)
    assert len(found["organization"]["members"]["nodes"]) == 30
    # The organization, its members, the users, who of them is open to Ada, their memberships.
    assert len(statements) == 5


async def test_a_reference_shows_no_more_than_the_front_door(ada: Person) -> None:
    ada, engines = await ada.found()
    eve = await ada.register("Eve")
    references = [
        {"__typename": "User", "id": str(ada.id), "email": "forged@example.com"},
        {"__typename": "Organization", "id": engines},
    ]
    found = (await eve.ask(ENTITIES, references=references))["_entities"]
    assert found == [
        {"name": "Ada", "email": None, "memberships": []},
        {"slug": "analytical-engines"},
    ]

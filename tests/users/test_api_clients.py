"""API clients: programs with a secret shown once, and no more rights than their scopes."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from subgraphs.kernel.auth import TokensRevoked
from subgraphs.kernel.tables import OUTBOX
from subgraphs.users.models import ApiClient
from tests.users.people import CREATE_ORGANIZATION, ERROR, INVITE, Person, published
from tests.users.test_sessions import EVERYWHERE

CREATE = f"""mutation ($input: CreateApiClientInput!) {{ createApiClient(input: $input) {{
  __typename ... on CreateApiClientSuccess {{ secret client {{ id name scopes revokedAt }} }}
  {ERROR} }} }}"""
REVOKE = f"""mutation ($input: RevokeApiClientInput!) {{ revokeApiClient(input: $input) {{
  __typename ... on RevokeApiClientSuccess {{ client {{ id }} }} {ERROR} }} }}"""
TOKEN = f"""mutation ($input: ClientTokenInput!) {{ clientToken(input: $input) {{ __typename
  ... on ClientTokenSuccess {{ accessToken scope }} {ERROR} }} }}"""
USERS = "{ viewer { id } users { nodes { name email } } }"
MEMBERS = """query ($id: UUID!) { organization(id: $id) { members { nodes { role } }
  auditLog { nodes { seq } } apiClients { nodes { name } } } }"""


async def make(person: Person, organization: str, *scopes: str) -> dict[str, Any]:
    """Make a client; return what it logs in with."""
    made = await person.do(CREATE, organizationId=organization, name="Sync", scopes=list(scopes))
    return {"clientId": made["client"]["id"], "clientSecret": made["secret"]}


async def act(person: Person, **credentials: Any) -> Person:
    """Log a program in, and be it."""
    token = await person.do(TOKEN, **credentials)
    return Person(
        person.db,
        person.bus,
        person.services,
        viewer=await person.read(token["accessToken"]),
        tokens=token,
    )


async def test_a_client_gets_a_token_for_its_organization_and_scopes(ada: Person) -> None:
    ada, engines = await ada.found()
    credentials = await make(ada, engines, "users:read", "courses:read", "users:read")
    program = await act(ada, **credentials)
    claims = await program.claims(program.tokens["accessToken"])
    assert claims["sub"] == credentials["clientId"]
    assert claims["scope"] == program.tokens["scope"] == "courses:read users:read"
    assert claims["roles"] == {engines: "admin"}
    assert claims["exp"] - claims["iat"] == 600
    assert "sid" not in claims
    narrow = await act(ada, **credentials, scope="users:read")
    assert narrow.tokens["scope"] == "users:read"


async def test_the_secret_is_kept_as_a_hash_only(ada: Person) -> None:
    ada, engines = await ada.found()
    secret = (await make(ada, engines, "users:read"))["clientSecret"]
    assert len(secret) == 43
    async with ada.db.read() as session:
        row = (await session.scalars(select(ApiClient))).one()
    assert len(row.secret_hash) == 32
    assert secret.encode() not in row.secret_hash


async def test_a_wrong_secret_an_unknown_client_and_a_revoked_one_look_the_same(
    ada: Person,
) -> None:
    ada, engines = await ada.found()
    good = await make(ada, engines, "users:read")
    wrong = await ada.do(TOKEN, **{**good, "clientSecret": "\ud800"})
    unknown = await ada.do(TOKEN, **{**good, "clientId": str(uuid4())})
    await ada.do(REVOKE, clientId=good["clientId"])
    assert wrong["code"] == "INVALID_CLIENT"
    assert await ada.do(TOKEN, **good) == wrong == unknown


@pytest.mark.parametrize("scope", ["courses:write", "users:read admin", "*"])
async def test_a_client_gets_no_scope_that_it_was_not_given(ada: Person, scope: str) -> None:
    ada, engines = await ada.found()
    credentials = await make(ada, engines, "users:read")
    assert (await ada.do(TOKEN, **credentials, scope=scope))["code"] == "INVALID_SCOPE"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["everything"]}, "INVALID_SCOPE"),
        ({"scopes": []}, "INVALID_INPUT"),
        ({"name": ""}, "INVALID_INPUT"),
        ({"organizationId": str(uuid4())}, "FORBIDDEN"),
    ],
)
async def test_a_client_needs_a_name_known_scopes_and_an_organization(
    ada: Person, changes: dict[str, Any], code: str
) -> None:
    ada, engines = await ada.found()
    input = {"organizationId": engines, "name": "Sync", "scopes": ["users:read"], **changes}
    assert (await ada.do(CREATE, **input))["code"] == code
    async with ada.db.read() as session:
        assert (await session.scalars(select(ApiClient))).all() == []


async def test_revoking_ends_the_tokens_and_saying_so_twice_is_harmless(ada: Person) -> None:
    ada, engines = await ada.found()
    client = (await make(ada, engines, "users:read"))["clientId"]
    for _ in range(2):
        assert (await ada.do(REVOKE, clientId=client))["client"] == {"id": client}
    assert (await published(ada.db)).count("auth.tokens_revoked") == 1
    async with ada.db.read() as session:
        query = select(OUTBOX.c.data).where(OUTBOX.c.type == TokensRevoked.type)
        told = TokensRevoked.model_validate_json((await session.scalars(query)).one())
    assert told.user_id == UUID(client)


async def test_only_admins_of_the_organization_manage_its_clients(ada: Person) -> None:
    ada, engines = await ada.found()
    client = (await make(ada, engines, "users:read"))["clientId"]
    bob = await ada.invite(engines, await ada.register("Bob"), "INSTRUCTOR")
    eve, _ = await (await ada.register("Eve")).found("elsewhere")
    for person in (bob, eve):
        input = {"organizationId": engines, "name": "Spy", "scopes": ["users:read"]}
        assert (await person.do(CREATE, **input))["code"] == "FORBIDDEN"
        assert (await person.do(REVOKE, clientId=client))["code"] == "API_CLIENT_NOT_FOUND"
    assert "auth.tokens_revoked" not in await published(ada.db)


async def test_a_program_sees_what_its_scope_allows_and_nothing_it_does_not(ada: Person) -> None:
    ada, engines = await ada.found()
    await ada.register("Eve")
    reader = await act(ada, **await make(ada, engines, "users:read"))
    seen = await reader.ask(USERS)
    assert seen == {"viewer": None, "users": {"nodes": [{"name": "Ada", "email": ada.email}]}}
    inside = (await reader.ask(MEMBERS, id=engines))["organization"]
    nothing: dict[str, Any] = {"nodes": []}
    assert inside == {
        "members": {"nodes": [{"role": "ADMIN"}]},
        "auditLog": nothing,
        "apiClients": nothing,
    }

    other = await act(ada, **await make(ada, engines, "courses:read"))
    result = await other.execute(USERS)
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == "FORBIDDEN"
    assert (await other.ask(MEMBERS, id=engines))["organization"]["members"] == nothing


async def test_a_program_touches_no_accounts(ada: Person) -> None:
    ada, engines = await ada.found()
    program = await act(ada, **await make(ada, engines, "users:read", "courses:write"))
    before = await published(ada.db)
    answers = [
        await program.do(CREATE_ORGANIZATION, name="Own", slug="its-own"),
        await program.do(INVITE, organizationId=engines, email=ada.email, role="ADMIN"),
        await program.do(CREATE, organizationId=engines, name="More", scopes=["users:read"]),
        await program.do(EVERYWHERE),
    ]
    assert [answer["code"] for answer in answers] == ["FORBIDDEN"] * 4
    assert await published(ada.db) == before


async def test_guessing_a_secret_is_slowed_down(ada: Person) -> None:
    ada, engines = await ada.found()
    good = await make(ada, engines, "users:read")
    wrong = {**good, "clientSecret": "guess"}
    codes = [(await ada.do(TOKEN, **wrong))["code"] for _ in range(7)]
    assert codes == ["INVALID_CLIENT"] * 6 + ["TOO_MANY_ATTEMPTS"]
    # From elsewhere the real program gets in.
    program = await act(ada.at("203.0.113.7"), **good)
    assert str(program.id) == good["clientId"]

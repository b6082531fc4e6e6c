"""Straight at the subgraphs, past the gateway: where an attacker inside the network stands."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLObjectType, build_ast_schema, is_leaf_type, parse
from graphql.type import GraphQLNonNull

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from subgraphs.kernel.auth.gateway import CLIENT_HEADER, CORRELATION_HEADER, HEADER, prove
from tests.security.hostile import HOSTILE
from tests.security.test_foreign_ids import CASES, make_victim, schema_of
from tests.support.campus import Campus
from tests.support.inside import ask_inside, endpoint, proof
from tests.support.intruder import dial

SUBGRAPHS = ("users", "courses", "learning")
ENTITIES = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
FORGED = {
    "ID": str(uuid4()),
    "UUID": str(uuid4()),
    "String": "forged",
    "Int": -1,
    "Float": -1.0,
    "Boolean": True,
    "DateTime": "2000-01-01T00:00:00Z",
}
"""What an attacker would like a field to be."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


def headers_at(stack: Stack, seconds: int, **signed: str) -> dict[str, str]:
    """The headers of a gateway whose clock shows `seconds`."""
    bound = {"correlation": str(uuid4()), "client": "127.0.0.1", "authorization": "", **signed}
    key = stack.environment["POLYNODE_GATEWAY_KEY"].split(",")[0]
    headers = {
        CORRELATION_HEADER: bound["correlation"],
        CLIENT_HEADER: bound["client"],
        HEADER: prove(key, seconds, **bound),
    }
    return headers | ({"authorization": bound["authorization"]} if bound["authorization"] else {})


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
@pytest.mark.parametrize("document", [ENTITIES, "{ _service { sdl } }", "{ viewer { id } }"])
async def test_without_a_proof_nothing_is_answered(
    stack: Stack, client: httpx.AsyncClient, subgraph: str, document: str
) -> None:
    bodies = [b"\x00 no JSON", b'{"query": "{ _service { sdl } }"}' + b" " * 900_000]
    asked = [await ask_inside(stack, client, subgraph, document, {"r": []}, headers={})]
    asked += [await client.post(endpoint(stack, subgraph), content=body) for body in bodies]
    asked.append(await client.get(endpoint(stack, subgraph), params={"query": document}))

    assert [response.status_code for response in asked] == [401] * 4
    assert {response.json()["errors"][0]["extensions"]["code"] for response in asked} == {
        "FORBIDDEN"
    }


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_an_old_altered_or_foreign_proof_is_none(
    campus: Campus, stack: Stack, client: httpx.AsyncClient, subgraph: str
) -> None:
    now = int(time.time())
    owner, thief = await campus.person("Vera"), await campus.person("Theo")
    recorded = proof(stack, thief.token)
    replays = {
        "two minutes old": headers_at(stack, now - 120),
        "from the future": headers_at(stack, now + 120),
        "with another identity": recorded | {"authorization": f"Bearer {owner.token}"},
        "with no identity": {k: v for k, v in recorded.items() if k != "authorization"},
        "for another request": recorded | {CORRELATION_HEADER: str(uuid4())},
        "for another address": recorded | {CLIENT_HEADER: "198.51.100.1"},
        "made fresh": recorded | {HEADER: recorded[HEADER].replace("v1 ", "v1 1", 1)},
        "with another key": {
            HEADER: prove("guess", now, correlation="", client="", authorization="")
        },
    }
    answers = {
        name: (await ask_inside(stack, client, subgraph, "{ viewer { id } }", headers=headers))
        for name, headers in replays.items()
    }
    assert {name: response.status_code for name, response in answers.items()} == dict.fromkeys(
        replays, 401
    )
    as_recorded = await ask_inside(stack, client, subgraph, "{ viewer { id } }", headers=recorded)
    assert as_recorded.json() == {"data": {"viewer": {"id": thief.user_id}}}


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_a_socket_needs_a_proof_too(stack: Stack, subgraph: str) -> None:
    async with dial(endpoint(stack, subgraph).removesuffix("/graphql")) as socket:
        await socket.send('{"type": "connection_init", "payload": {"x-user-id": "1"}}')
        await socket.wait_closed()
    assert socket.close_code == 4403


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_identity_headers_of_ones_own_invention_say_nothing(
    campus: Campus, stack: Stack, client: httpx.AsyncClient, subgraph: str
) -> None:
    owner = await campus.person("Vera")
    claimed = str(owner.user_id)
    invented = {"x-user-id": claimed, "x-viewer-id": claimed, "x-roles": "admin", "x-operator": "1"}
    headers = proof(stack, None) | invented
    response = await ask_inside(stack, client, subgraph, "{ viewer { id } }", headers=headers)
    assert response.json() == {"data": {"viewer": None}}


def leaves(schema_name: str, entity: str) -> dict[str, str]:
    """The fields of an entity that hold values, with the type of each."""
    graphql_type = schema_of(schema_name).type_map[entity]
    assert isinstance(graphql_type, GraphQLObjectType)
    found = {}
    for name, field in graphql_type.fields.items():
        of = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if is_leaf_type(of) and not field.args:
            found[name] = of.name
    return found


@pytest.mark.parametrize(("subgraph", "entity"), CASES)
async def test_what_a_reference_claims_besides_its_key_is_not_believed(
    campus: Campus, stack: Stack, subgraph: str, entity: str
) -> None:
    victim = await make_victim(campus)
    fields = leaves(subgraph, entity)
    document = f"""query ($r: [_Any!]!) {{
        _entities(representations: $r) {{ ... on {entity} {{ {" ".join(fields)} }} }} }}"""
    key = {"__typename": entity, "id": victim.ids[entity]}
    claims: dict[str, Any] = {name: FORGED.get(kind, "ADMIN") for name, kind in fields.items()}

    plain, forged = [
        await ask_inside(
            stack, campus.client, subgraph, document, {"r": [sent]}, token=victim.person.token
        )
        for sent in (key, claims | {"isOperator": True, "roles": ["ADMIN"], "price": -1} | key)
    ]
    assert "errors" not in plain.json()
    assert forged.json() == plain.json()


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
def test_no_field_relies_on_being_inaccessible(subgraph: str) -> None:
    """Such a field would answer through `_entities` all the same."""
    text = (ROOT / "subgraphs" / subgraph / "schema.graphql").read_text()
    schema = build_ast_schema(parse(text), assume_valid=True, assume_valid_sdl=True)
    hidden = [
        f"{type_.name}.{name}"
        for type_ in schema.type_map.values()
        for name, field in getattr(type_, "fields", {}).items()
        for directive in getattr(field.ast_node, "directives", None) or ()
        if directive.name.value == "inaccessible"
    ]
    assert hidden == []


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
@pytest.mark.parametrize("count", [201, 5_000])
async def test_only_as_many_references_as_a_page_has_are_taken(
    campus: Campus, stack: Stack, subgraph: str, count: int
) -> None:
    references = [{"__typename": "User", "id": str(uuid4())} for _ in range(count)]
    literal = ENTITIES.replace("query ($r: [_Any!]!) ", "").replace(
        "$r", "[" + ", ".join(f'{{id: "{n}"}}' for n in range(count)) + "]"
    )
    for document, variables in ((ENTITIES, {"r": references}), (literal, {})):
        response = await ask_inside(stack, campus.client, subgraph, document, variables)
        assert response.json()["data"] is None
        [error] = response.json()["errors"]
        # As a literal so many are more than a document may have.
        assert error["extensions"]["code"] in (
            "TOO_MANY_REPRESENTATIONS",
            "GRAPHQL_PARSE_FAILED",
            "GRAPHQL_VALIDATION_FAILED",
        )
    asked = await ask_inside(stack, campus.client, subgraph, ENTITIES, {"r": references})
    assert asked.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_REPRESENTATIONS"


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
@pytest.mark.parametrize("name", HOSTILE)
async def test_the_limits_of_documents_hold_without_the_gateway(
    campus: Campus, stack: Stack, subgraph: str, name: str
) -> None:
    response = await ask_inside(stack, campus.client, subgraph, HOSTILE[name])
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] in (
        "GRAPHQL_VALIDATION_FAILED",
        "GRAPHQL_PARSE_FAILED",
    )

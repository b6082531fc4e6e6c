"""With the settings of production, the endpoint does not explain itself to strangers."""

import re

import pytest
from graphql import build_schema

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from tests.support.campus import Campus
from tests.support.inside import ask_inside

INTROSPECTIONS = {
    "schema": "{ __schema { types { name } } }",
    "type": '{ __type(name: "User") { fields { name } } }',
    "beside a field": "{ viewer { id } __schema { queryType { name } } }",
    "in a fragment": "{ ...A } fragment A on Query { __schema { types { name } } }",
    "with an alias": "{ __typename a: __schema { types { name } } }",
}
TYPOS = {
    "{ viewe { id } }": {},
    "{ viewer { idd emal } }": {},
    "{ viewer { id { x } } }": {},
    "{ courses { node { titel } } }": {},
    "{ courses(orderBy: NEWST) { totalCount } }": {},
    "{ courses(frist: 1) { totalCount } }": {},
    "{ courses(filter: {serch: 1}) { totalCount } }": {},
    "mutation { logn { __typename } }": {},
    'mutation { login(input: {email: "", password: "", devic: 1}) { __typename } }': {},
    'mutation { login(input: {email: "", password: ""}) { ... on LoginSucces { id } } }': {},
    "subscription { progresUpdated { cursor } }": {},
    "query ($a: UUDI) { course(id: $a) { id } }": {"a": "x"},
    "query ($i: CourseFilter) { courses(filter: $i) { totalCount } }": {"i": {"serch": 1}},
    "query ($o: CourseOrder!) { courses(orderBy: $o) { totalCount } }": {"o": "NEWST"},
    "mutation ($i: LoginInput!) { login(input: $i) { __typename } }": {
        "i": {"email": "", "password": "", "devic": 1}
    },
    "{ viewer { id @skp(if: true) } }": {},
}
WORDS_OF_ANY_ERROR = {"message", "code", "field", "type", "input", "locations"}
NAME = re.compile(r"[A-Za-z_]\w+")


@pytest.mark.parametrize("name", INTROSPECTIONS)
async def test_introspection_is_off_over_http_and_sockets(strict_campus: Campus, name: str) -> None:
    document = INTROSPECTIONS[name]
    errors = await strict_campus.visitor().errors(document)
    assert {error["extensions"]["code"] for error in errors} == {"GRAPHQL_VALIDATION_FAILED"}
    async with strict_campus.visitor().socket() as socket:
        await socket.subscribe(document, {})
        message = await socket.next()
    assert message["type"] == "error"
    assert message["payload"] == errors


@pytest.mark.parametrize("subgraph", ["users", "courses", "learning"])
async def test_introspection_is_off_behind_the_gateway_too(
    strict: Stack, strict_campus: Campus, subgraph: str
) -> None:
    document = INTROSPECTIONS["schema"]
    answer = (await ask_inside(strict, strict_campus.client, subgraph, document)).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_the_endpoint_is_no_explorer(strict_campus: Campus) -> None:
    url = strict_campus.url
    as_browser = {"accept": "text/html,application/xhtml+xml"}
    endpoint = await strict_campus.client.get(f"{url}/graphql", headers=as_browser)
    assert endpoint.status_code == 405
    assert "html" not in endpoint.headers["content-type"]
    explorer = await strict_campus.client.get(f"{url}/graphiql/", headers=as_browser)
    assert explorer.status_code == 200
    policy = explorer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_a_typo_is_not_corrected_for_whom_does_not_know_the_schema(
    strict_campus: Campus,
) -> None:
    schema = build_schema((ROOT / "router" / "schema.graphql").read_text())
    known = {
        name
        for type_ in schema.type_map.values()
        for member in ("fields", "values")
        for name in getattr(type_, member, {})
    }
    recovered: set[str] = set()
    for document, variables in TYPOS.items():
        body = {"query": document, "variables": variables}
        text = (await strict_campus.visitor().post(body)).text
        assert "errors" in text
        assert "did you mean" not in text.lower()
        recovered |= (set(NAME.findall(text)) & known) - set(
            NAME.findall(f"{document} {variables}")
        )
    assert recovered - WORDS_OF_ANY_ERROR == set()

"""With the settings of production, the endpoint does not explain itself to strangers."""

import re
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

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
TYPOS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "{ viewe { id } }": ({}, {"Query"}),
    "{ viewer { idd emal } }": ({}, {"User"}),
    "{ viewer { id { x } } }": ({}, {"UUID"}),
    "{ courses { node { titel } } }": ({}, {"CourseConnection"}),
    "{ courses(orderBy: NEWST) { totalCount } }": ({}, {"CourseOrder"}),
    "{ courses(frist: 1) { totalCount } }": ({}, {"Query"}),
    "{ courses(filter: {serch: 1}) { totalCount } }": ({}, {"CourseFilter"}),
    "{ viewer { ... on Usr { id } } }": ({}, set()),
    "{ ...A } fragment A on Cours { id }": ({}, set()),
    "mutation { logn { __typename } }": ({}, {"Mutation"}),
    'mutation { login(input: {email: "", password: "", devic: 1}) { __typename } }': (
        {},
        {"LoginInput"},
    ),
    'mutation { login(input: {email: "", password: ""}) { ... on LoginSucces { id } } }': (
        {},
        set(),
    ),
    "subscription { progresUpdated { cursor } }": ({}, {"Subscription"}),
    "query ($a: UUDI) { course(id: $a) { id } }": ({"a": "x"}, set()),
    "query ($i: CourseFilter) { courses(filter: $i) { totalCount } }": ({"i": {"serch": 1}}, set()),
    "query ($o: CourseOrder!) { courses(orderBy: $o) { totalCount } }": ({"o": "NEWST"}, set()),
    "mutation ($i: LoginInput!) { login(input: $i) { __typename } }": (
        {"i": {"email": "", "password": "", "devic": 1}},
        set(),
    ),
    "{ viewer { id @skp(if: true) } }": ({}, set()),
}
"""Documents with their variables, and the one name that the error may say: of the type of the place
where the typo stands. What should have stood there is not said."""

WORDS_OF_ANY_ERROR = {"query", "message", "code", "field", "type", "input", "locations"}
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


def names_of(schema: GraphQLSchema) -> set[str]:
    """Whatever has a name: types, fields, input fields, values, arguments, and directives."""
    types = [type_ for name, type_ in schema.type_map.items() if not name.startswith("__")]
    members = {
        name: member
        for type_ in types
        for kind in ("fields", "values")
        for name, member in getattr(type_, kind, {}).items()
    }
    with_arguments = [
        *schema.directives,
        *(field for type_ in types for field in getattr(type_, "fields", {}).values()),
    ]
    arguments = {name for one in with_arguments for name in getattr(one, "args", {})}
    directives = {directive.name for directive in schema.directives}
    return {type_.name for type_ in types} | set(members) | arguments | directives


def test_the_names_that_must_not_be_suggested_are_of_every_kind() -> None:
    known = names_of(build_schema((ROOT / "router" / "schema.graphql").read_text()))
    fields, values = {"viewer", "title"}, {"NEWEST", "INSTRUCTOR"}
    types = {"User", "CourseFilter", "LoginInput", "LoginSuccess", "UserError", "LessonKind"}
    inputs, arguments = {"search", "minRating", "device"}, {"orderBy", "first", "enrollmentId"}
    assert fields | values | types | inputs | arguments | {"skip", "include"} <= known


async def test_a_typo_is_not_corrected_for_whom_does_not_know_the_schema(
    strict_campus: Campus,
) -> None:
    known = names_of(build_schema((ROOT / "router" / "schema.graphql").read_text()))
    recovered = {}
    for document, (variables, _) in TYPOS.items():
        body = {"query": document, "variables": variables}
        text = (await strict_campus.visitor().post(body)).text
        assert "errors" in text
        assert "did you mean" not in text.lower()
        said = set(NAME.findall(text)) - set(NAME.findall(f"{document} {variables}"))
        recovered[document] = (said & known) - WORDS_OF_ANY_ERROR
    assert recovered == {document: place for document, (_, place) in TYPOS.items()}

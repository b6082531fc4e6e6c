"""What is refused, and with which code; nothing of the inside shows."""

import pytest

from tests.support.campus import Campus

BAD_DOCUMENTS = {
    "syntax": ("{ viewer {", "GRAPHQL_PARSE_FAILED"),
    "unknown field": ("{ viewr { id } }", "GRAPHQL_VALIDATION_FAILED"),
    "depth": (
        "{ viewer " + "{ enrollments { nodes { learner " * 16 + "{ id }" + " } } }" * 16 + "}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "aliases": (
        "{ viewer { " + " ".join(f"a{n}: id" for n in range(500)) + " } }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "directives": (
        "{ __typename " + "@include(if: true) " * 100 + "}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "fragment cycle": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "entities": ("{ _entities(representations: []) { __typename } }", "GRAPHQL_VALIDATION_FAILED"),
    "service": ("{ _service { sdl } }", "GRAPHQL_VALIDATION_FAILED"),
    "malformed id": ('{ course(id: "no-id") { id } }', "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
async def test_a_bad_document_is_refused_with_its_code(campus: Campus, name: str) -> None:
    document, code = BAD_DOCUMENTS[name]
    errors = await campus.visitor().errors(document)
    assert {error["extensions"]["code"] for error in errors} == {code}
    assert "Did you mean" not in str(errors)


@pytest.mark.parametrize(
    ("value", "code"),
    [("no-id", "BAD_USER_INPUT"), (7, "BAD_USER_INPUT"), (None, "BAD_USER_INPUT")],
)
async def test_a_malformed_variable_is_refused(campus: Campus, value: object, code: str) -> None:
    document = "query ($id: UUID!) { lesson(id: $id) { id } }"
    errors = await campus.visitor().errors(document, id=value)
    assert {error["extensions"]["code"] for error in errors} == {code}


@pytest.mark.parametrize("arguments", ["first: 101", "first: 0", "first: -1", "first: 1000000000"])
async def test_a_page_of_another_size_than_1_to_100_is_refused(
    campus: Campus, arguments: str
) -> None:
    errors = await campus.visitor().errors(f"{{ courses({arguments}) {{ totalCount }} }}")
    assert {error["extensions"]["code"] for error in errors} == {"INVALID_PAGE"}


async def test_a_cursor_that_is_not_one_is_refused(campus: Campus) -> None:
    document = '{ courses(after: "no cursor") { totalCount } }'
    errors = await campus.visitor().errors(document)
    assert {error["extensions"]["code"] for error in errors} == {"INVALID_CURSOR"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"query=%7Bviewer%7Bid%7D%7D", {"content-type": "application/x-www-form-urlencoded"}),
        (b'{"query":"{ __typename }"}', {"content-type": "text/plain"}),
        (b"--x--", {"content-type": "multipart/form-data; boundary=x"}),
        (b'[{"query":"{ __typename }"}]', {}),
        (b"not json", {}),
    ],
)
async def test_only_one_json_operation_is_taken(
    campus: Campus, body: bytes, headers: dict[str, str]
) -> None:
    response = await campus.visitor().post(body, **headers)
    assert 400 <= response.status_code < 500


async def test_a_get_request_changes_nothing(campus: Campus) -> None:
    response = await campus.client.get(
        f"{campus.url}/graphql", params={"query": "mutation { logout(input: {}) { __typename } }"}
    )
    assert 400 <= response.status_code < 500


async def test_a_page_of_another_site_may_not_post(campus: Campus) -> None:
    response = await campus.visitor().post(
        {"query": "{ __typename }"}, origin="https://evil.example"
    )
    assert response.status_code == 403 or "access-control-allow-origin" not in response.headers

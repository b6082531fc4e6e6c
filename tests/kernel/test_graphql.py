"""What a client is told: of faults nothing, of refusals their code, of the schema its words."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import strawberry
import structlog

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.graphql.descriptions import undescribed
from tests.kernel import shelf

SCHEMA = shelf.make_schema()
ADA = Viewer(user_id=uuid4())
LEND = """mutation ($id: UUID!) { lend(id: $id) { __typename
  ... on UserError { message code } ... on LendSuccess { book { title } } } }"""
ENTITIES = """query ($references: [_Any!]!) {
  _entities(representations: $references) { ... on Book { id title } } }"""
Ask = Callable[..., Any]


@pytest.fixture
def context(db: Database, bus: Bus) -> graphql.Context[shelf.Loaders]:
    return graphql.Context(db, bus, shelf.Loaders.build, viewer=ADA)


@pytest.fixture
def ask(context: graphql.Context[shelf.Loaders]) -> Ask:
    async def send(document: str, *, by: Viewer = ADA, **variables: Any) -> Any:
        fresh = replace(context, viewer=by, _loaders=None)
        return await SCHEMA.execute(document, variables, context_value=fresh)

    return send


def told(result: Any) -> list[tuple[str, str]]:
    return [(error.extensions["code"], error.message) for error in result.errors]


async def test_what_broke_stays_inside_and_has_an_id_that_the_log_has_too(
    ask: Ask, book: UUID
) -> None:
    reference = {"__typename": "Book", "id": str(book)}
    document = ENTITIES.replace("title", "broken")

    with structlog.testing.capture_logs() as logged:
        result = await ask(document, references=[reference])

    [error] = result.errors
    assert error.formatted == {
        "message": "Something went wrong on our side.",
        "locations": [{"line": 2, "column": 62}],
        "path": ["_entities", 0, "broken"],
        "extensions": {
            "code": "INTERNAL_SERVER_ERROR",
            "errorId": error.extensions["errorId"],
        },
    }
    assert error.original_error is None
    assert [(line["event"], line["error_id"]) for line in logged] == [
        ("A resolver failed", error.extensions["errorId"])
    ]
    assert len(error.extensions["errorId"]) == 36


async def test_a_refusal_in_a_query_has_its_own_code(ask: Ask) -> None:
    malformed = await ask('{ books(after: "nonsense") { totalCount } }')
    assert told(malformed) == [
        ("INVALID_CURSOR", "This cursor is not one that this list gave out.")
    ]
    assert told(await ask("{ books(first: 101) { totalCount } }")) == [
        ("INVALID_PAGE", "A page has 1 to 100 items.")
    ]


async def test_a_refusal_in_a_mutation_is_a_member_of_its_union(ask: Ask) -> None:
    refused = await ask(LEND, id=str(uuid4()))
    assert refused.errors is None
    assert refused.data["lend"] == {
        "__typename": "BookIsLentErrorType",
        "message": "This book is out.",
        "code": "BOOK_IS_LENT",
    }
    stranger = await ask(LEND, by=Viewer(), id=str(uuid4()))
    assert stranger.data["lend"] == {
        "__typename": "NotAuthenticatedError",
        "message": "Log in first.",
        "code": "UNAUTHENTICATED",
    }


async def test_suggestions_give_no_name_away(ask: Ask) -> None:
    for document in (
        "{ book { id } }",
        "{ booksx { totalCount } }",
        "{ books { nodez { id } } }",
        "{ books(frist: 1) { totalCount } }",
        "{ books { nodes { ... on Bok { id } } } }",
        "query ($id: UID) { caller }",
        "mutation { lent(id: 1) { __typename } }",
        "{ caller @skp(if: true) }",
        "{ ...Fx } fragment F on Query { caller }",
    ):
        result = await ask(document)
        assert {code for code, _ in told(result)} == {"GRAPHQL_VALIDATION_FAILED"}
        assert "Did you mean" not in str(result.errors)


@pytest.mark.parametrize("id", ["7", "", "not a uuid", 7, True, {"a": 1}, []])
async def test_a_malformed_id_is_refused_before_any_resolver_runs(
    ask: Ask, statements: list[str], id: object
) -> None:
    result = await ask(LEND, id=id)
    [(code, message)] = told(result)
    assert code == "BAD_USER_INPUT"
    assert "Did you mean" not in message
    assert statements == []


async def test_a_malformed_id_in_the_document_is_refused_too(ask: Ask) -> None:
    result = await ask('mutation { lend(id: "x") { __typename } }')
    assert {code for code, _ in told(result)} == {"GRAPHQL_VALIDATION_FAILED"}
    missing = await ask(LEND)
    assert [code for code, _ in told(missing)] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("document", ["{", "nonsense", "{ a(b: ) }", "\0", '{ a(b: "', "{ a }}"])
async def test_what_cannot_be_parsed_is_refused_as_such(ask: Ask, document: str) -> None:
    [(code, message)] = told(await ask(document))
    assert code == "GRAPHQL_PARSE_FAILED"
    assert message.startswith("Syntax Error: ")


async def test_references_load_in_one_select_and_keep_their_order(
    ask: Ask, db: Database, statements: list[str]
) -> None:
    ids = [(await db.transact(shelf.add_book, f"Book {n}")).id for n in range(99)]
    ids.reverse()
    references = [{"__typename": "Book", "id": str(id)} for id in [*ids, uuid4()]]
    statements.clear()

    result = await ask(ENTITIES, references=references)

    assert result.errors is None
    assert [found and found["id"] for found in result.data["_entities"]] == [
        *map(str, ids),
        None,
    ]
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"__typename": "Nothing", "id": "x"}, "This type cannot be referred to."),
        ({"__typename": "Query"}, "This type cannot be referred to."),
        ({"__typename": "String"}, "This type cannot be referred to."),
        ({"__typename": ["Book"]}, "This type cannot be referred to."),
        ({"id": str(uuid4())}, "This type cannot be referred to."),
        ({}, "This type cannot be referred to."),
        ({"__typename": "Book"}, "This reference lacks its key."),
        ({"__typename": "Book", "title": "Faust"}, "This reference lacks its key."),
        ({"__typename": "Book", "id": "x"}, "This id is not a UUID."),
        ({"__typename": "Book", "id": "\0"}, "A key is a string."),
        ({"__typename": "Book", "id": 7}, "A key is a string."),
        ({"__typename": "Book", "id": None}, "A key is a string."),
        ({"__typename": "Book", "id": {"a": 1}}, "A key is a string."),
        ("Book", "A reference is an object."),
        (7, "A reference is an object."),
        ([], "A reference is an object."),
    ],
    ids=str,
)
async def test_a_bad_reference_spoils_no_other(
    ask: Ask, book: UUID, reference: object, message: str
) -> None:
    good = {"__typename": "Book", "id": str(book)}
    result = await ask(ENTITIES, references=[reference, good])
    assert result.data["_entities"] == [None, {"id": str(book), "title": "Faust"}]
    assert told(result) == [("BAD_USER_INPUT", message)]
    assert result.errors[0].path == ["_entities", 0]


async def test_of_a_reference_only_its_key_is_believed(ask: Ask, db: Database) -> None:
    secret = (await db.transact(shelf.add_book, "Secret")).id
    open_book = (await db.transact(shelf.add_book)).id
    forged = [
        {"__typename": "Book", "id": str(id), "title": "Mine", "info": 1, "viewer": "root"}
        for id in (open_book, secret)
    ]
    result = await ask(ENTITIES, references=forged)
    assert result.data["_entities"] == [{"id": str(open_book), "title": "Faust"}, None]


def test_everything_public_on_the_shelf_is_described() -> None:
    assert undescribed(SCHEMA._schema) == []


def test_what_nobody_described_is_found() -> None:
    @strawberry.type
    class Query:
        told: int
        """Told."""
        untold: int

    found = undescribed(graphql.Schema(query=Query)._schema)
    assert found == ["Query.untold"]


@pytest.mark.parametrize(
    "document", ["{ __schema { types { name } } }", '{ caller t: __type(name: "Book") { name } }']
)
async def test_introspection_is_for_developers(
    context: graphql.Context[shelf.Loaders], document: str
) -> None:
    for allowed in (True, False, True):  # one answer is never remembered for the other
        asked = replace(context, introspection=allowed)
        result: Any = await SCHEMA.execute(document, context_value=asked)
        if allowed:
            assert result.errors is None
        else:
            said = "Introspection is off; the schema is published."
            assert told(result) == [("GRAPHQL_VALIDATION_FAILED", said)]
            assert result.data is None


async def test_nothing_is_logged_of_what_a_client_did_wrong(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG):
        await ask("{")
        await ask("{ nothing }")
        await ask(LEND, id="x")
        await ask("{ books(first: 0) { totalCount } }")
    assert logged == []
    assert [line.name for line in caplog.records if line.name.startswith("strawberry")] == []

"""What an operation may cost: the objects that it can return at most."""

import base64
from typing import Any
from uuid import uuid4

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kernel import graphql
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.limits.cost import (
    CACHED_PRICES,
    DEFAULT_PAGE,
    MAX_COST,
    MAX_REPRESENTATIONS,
    MUTATION_COST,
    CostModel,
)
from tests.kernel import shelf

SCHEMA = shelf.make_schema()
NEIGHBOURS = 50
FIRST = "query ($n: Int) { books(first: $n) { nodes { id } } }"
ENTITIES = """query ($representations: [_Any!]!) {
  _entities(representations: $representations) { ... on Book { id neighbours { id } } } }"""


def model(document: str) -> CostModel:
    return CostModel(SCHEMA._schema, parse(document))


def price(document: str, **variables: Any) -> int:
    return model(document).price(None, variables)


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ caller }", 0),
        ("{ __typename }", 0),
        ("{ books(first: 7) { nodes { id } } }", 7),
        ("{ books(last: 7) { nodes { id title } } }", 7),
        ("{ books { nodes { id } } }", DEFAULT_PAGE),
        ("{ books(first: null) { nodes { id } } }", DEFAULT_PAGE),
        ("{ books(first: 7) { edges { cursor node { id } } } }", 7),
        ("{ books(first: 7) { totalCount pageInfo { endCursor } } }", 1),
        ("{ books(first: 2) { edges { node { id } } nodes { id } } }", 2 + 2),
        (
            "{ books(first: 2) { nodes { neighbours { neighbours { id } } } } }",
            2 * (1 + NEIGHBOURS * (1 + NEIGHBOURS)),
        ),
        ("{ a: books(first: 3) { nodes { id } } b: books(first: 4) { nodes { id } } }", 3 + 4),
        ("{ books(first: 3) { ...P } } fragment P on BookConnection { nodes { id } }", 3),
        (
            "{ a: books(first: 3) { ...P } b: books(first: 5) { ...P } }"
            " fragment P on BookConnection { nodes { id } }",
            3 + 5,
        ),
        ("{ ... on Query { books(first: 3) { ... { nodes { id } } } } }", 3),
        ("{ books(first: 1000000000) { nodes { id } } }", 10**9),
        ("{ books(first: -5) { nodes { id } } }", 0),
        ("query ($n: Int = 9) { books(first: $n) { nodes { id } } }", 9),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", DEFAULT_PAGE),
    ],
)
def test_lists_multiply_what_is_asked_of_their_items(document: str, cost: int) -> None:
    assert price(document) == cost


def test_a_variable_prices_like_the_value_it_holds() -> None:
    assert price(FIRST, n=30) == price("{ books(first: 30) { nodes { id } } }") == 30
    assert price(FIRST, n=None) == DEFAULT_PAGE
    assert price("query ($n: Int = 9) { books(first: $n) { nodes { id } } }", n=4) == 4


def test_references_multiply_by_their_number() -> None:
    references = [{"__typename": "Book", "id": str(uuid4())}] * 10
    assert price(ENTITIES, representations=references) == 10 * (1 + NEIGHBOURS)


def test_a_mutation_costs_more_for_every_one_of_its_fields() -> None:
    lend = f'lend(id: "{uuid4()}") {{ __typename }}'
    assert price(f"mutation {{ {lend} }}") == MUTATION_COST + 1
    assert price(f"mutation {{ a: {lend} b: {lend} }}") == 2 * (MUTATION_COST + 1)


def test_mutations_inside_fragments_cost_no_less() -> None:
    lend = f'lend(id: "{uuid4()}") {{ __typename }}'
    fields = " ".join(f"x{number}: {lend}" for number in range(4))
    plain = price(f"mutation {{ {fields} }}")
    assert price(f"mutation {{ ... {{ {fields} }} }}") == plain
    assert price(f"mutation {{ ...F }} fragment F on Mutation {{ {fields} }}") == plain


def test_of_several_operations_only_the_chosen_one_is_priced() -> None:
    document = "query A { books(first: 1) { nodes { id } } } query B { caller }"
    assert [model(document).price(name, {}) for name in ("A", "B")] == [1, 0]


@given(sizes=st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_no_request_pays_for_the_variables_of_another(sizes: list[int]) -> None:
    shared = model(FIRST)
    assert [shared.price(None, {"n": size}) for size in sizes] == sizes


def test_remembered_prices_are_bounded() -> None:
    shared = model(FIRST)
    for size in range(2 * CACHED_PRICES):
        assert shared.price(None, {"n": size}) == size
    assert len(shared.__dict__["_prices"]) == CACHED_PRICES


async def refused(document: str, context: Any, **variables: Any) -> dict[str, Any]:
    result: Any = await SCHEMA.execute(document, variables, context_value=context)
    assert result.data is None
    [error] = result.errors
    assert isinstance(error.extensions, dict)
    return error.extensions


@pytest.fixture
def context(db: Database, bus: Bus) -> graphql.Context[shelf.Loaders]:
    return graphql.Context(db, bus, shelf.Loaders.build)


async def test_what_costs_too_much_is_refused_before_it_runs(
    context: Any, statements: list[str]
) -> None:
    document = "query ($n: Int) { books(first: $n) { nodes { neighbours { id } } } }"
    assert 19 * (1 + NEIGHBOURS) < MAX_COST < 20 * (1 + NEIGHBOURS)

    extensions = await refused(document, context, n=20)

    assert extensions == {
        "code": "MAX_COST_EXCEEDED",
        "cost": {"requested": 20 * (1 + NEIGHBOURS), "maximum": MAX_COST},
    }
    assert statements == []
    allowed = await SCHEMA.execute(document, {"n": 19}, context_value=context)
    assert allowed.errors is None


async def test_a_page_of_a_billion_is_refused(context: Any, statements: list[str]) -> None:
    extensions = await refused("{ books(first: 1000000000) { nodes { id } } }", context)
    assert extensions["code"] == "MAX_COST_EXCEEDED"
    assert statements == []


@pytest.mark.parametrize("count", [MAX_REPRESENTATIONS + 1, 5_000])
async def test_too_many_references_are_refused_however_they_are_passed(
    context: Any, statements: list[str], count: int
) -> None:
    references = [{"__typename": "Book", "id": str(uuid4())}] * count
    passed = await refused(ENTITIES, context, representations=references)
    literal = '{__typename: "Book"}' * (MAX_REPRESENTATIONS + 1)
    written = await refused(
        f"{{ _entities(representations: [{literal}]) {{ __typename }} }}", context
    )
    assert passed == written == {"code": "TOO_MANY_REPRESENTATIONS"}
    assert statements == []


async def test_as_many_references_as_a_gateway_batches_pass(
    context: Any, statements: list[str]
) -> None:
    references = [{"__typename": "Book", "id": str(uuid4())} for _ in range(MAX_REPRESENTATIONS)]
    document = ENTITIES.replace("neighbours { id }", "")
    result: Any = await SCHEMA.execute(
        document, {"representations": references}, context_value=context
    )
    assert result.data == {"_entities": [None] * MAX_REPRESENTATIONS}
    assert len(statements) == 1


async def test_a_strange_variable_is_a_bad_one_and_no_fault(context: Any) -> None:
    for strange in ({"a": 1}, "x", True, 1.5, [[1]], base64.b64encode(b"x").decode()):
        assert (await refused(FIRST, context, n=strange))["code"] == "BAD_USER_INPUT"

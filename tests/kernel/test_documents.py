"""Documents of a client's making: the limits, to the unit."""

import pytest
from graphql import GraphQLError

from subgraphs.kernel.limits.documents import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_LENGTH,
    MAX_REPEATS,
    MAX_ROOT_FIELDS,
    MAX_SELECTIONS,
    MAX_TOKENS,
    parse_bounded,
)
from tests.support.shapes import (
    CYCLE,
    UNUSED_CYCLE,
    aliases,
    deep,
    directives,
    root_fields,
    selections,
)

TOO_DEEP = f"An operation may be {MAX_DEPTH} levels deep."


def too_many(what: str, limit: int) -> str:
    return f"An operation may have {limit} {what}."


def refusal(document: str) -> str:
    with pytest.raises(GraphQLError) as refused:
        parse_bounded(document)
    return refused.value.message


@pytest.mark.parametrize(
    "document",
    [
        deep(MAX_DEPTH),
        aliases(MAX_ALIASES),
        directives(MAX_DIRECTIVES),
        root_fields(MAX_ROOT_FIELDS),
        selections(MAX_SELECTIONS),
        "{ caller { " + "id " * (MAX_REPEATS + 1) + "} }",
        "{ " + "a " * (MAX_ROOT_FIELDS) + "}",
        "{ caller" + " " * (MAX_LENGTH - 9) + "}",
    ],
    ids=[
        "depth",
        "aliases",
        "directives",
        "root fields",
        "selections",
        "repeats",
        "repeated roots",
        "length",
    ],
)
def test_what_is_just_within_the_limits_passes(document: str) -> None:
    assert parse_bounded(document).introspects is False


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (deep(MAX_DEPTH + 1), TOO_DEEP),
        (aliases(MAX_ALIASES + 1), too_many("aliases", MAX_ALIASES)),
        (directives(MAX_DIRECTIVES + 1), too_many("directives", MAX_DIRECTIVES)),
        (root_fields(MAX_ROOT_FIELDS + 1), too_many("root fields", MAX_ROOT_FIELDS)),
        (selections(MAX_SELECTIONS + 1), too_many("selections", MAX_SELECTIONS)),
        (
            "{ caller { " + "id " * (MAX_REPEATS + 2) + "} }",
            too_many("repeated fields", MAX_REPEATS),
        ),
        (
            "{ caller" + " " * (MAX_LENGTH - 8) + "}",
            f"A document may have {MAX_LENGTH} characters.",
        ),
        (
            "{ " + "a " * MAX_TOKENS + "}",
            f"Syntax Error: Document contains more than {MAX_TOKENS} tokens. Parsing aborted.",
        ),
    ],
    ids=["depth", "aliases", "directives", "root", "selections", "repeats", "length", "tokens"],
)
def test_one_more_is_refused(document: str, message: str) -> None:
    assert refusal(document) == message


def test_directives_on_the_operation_count_too() -> None:
    document = f"query {'@a ' * MAX_DIRECTIVES} {{ caller @skip(if: false) }}"
    assert refusal(document) == too_many("directives", MAX_DIRECTIVES)


def test_fragments_count_as_often_as_they_are_spread() -> None:
    fragment = "fragment F on Book { " + " ".join(f"x{n}: id" for n in range(8)) + " }"
    assert not parse_bounded(f"{{ a {{ ...F }} }} {fragment}").introspects
    said = refusal(f"{{ a {{ ...F }} b {{ ...F }} }} {fragment}")
    assert said == too_many("aliases", MAX_ALIASES)


def test_a_fragment_cannot_hide_how_deep_it_is() -> None:
    levels = MAX_DEPTH
    document = "{ a { ...F0 } }" + "".join(
        f"fragment F{n} on Book {{ a {{ ...F{n + 1} }} }}" for n in range(levels)
    )
    assert refusal(document + f"fragment F{levels} on Book {{ id }}") == TOO_DEEP


def test_inline_fragments_add_no_level_and_hide_none() -> None:
    inline = "{ ... on Query { a"
    assert not parse_bounded(inline * MAX_DEPTH + "}}" * MAX_DEPTH).introspects
    assert refusal(inline * (MAX_DEPTH + 1) + "}}" * (MAX_DEPTH + 1)) == TOO_DEEP


def test_all_operations_of_a_document_count_together() -> None:
    half = " ".join(f"x{number}: id" for number in range(8))
    document = f"query A {{ a {{ {half} }} }} query B {{ b {{ {half} }} }}"
    assert refusal(document) == too_many("aliases", MAX_ALIASES)


def test_introspection_may_be_deep_and_is_noted() -> None:
    found = parse_bounded("{ caller __schema" + "{a" * 20 + "}" * 21)
    assert found.introspects is True
    assert parse_bounded("{ t: __type(name: 1) { name } }").introspects is True
    assert parse_bounded("{ __typename }").introspects is False


@pytest.mark.parametrize("document", [CYCLE, UNUSED_CYCLE, CYCLE + " { ...A }"])
def test_a_fragment_that_contains_itself_is_refused(document: str) -> None:
    assert refusal(document) == "The fragment A contains itself."


def test_what_is_no_document_is_left_to_the_parser() -> None:
    for text in ("", "{", "}", "\0", "query", "fragment A on B { ...A"):
        assert refusal(text).startswith("Syntax Error: ")

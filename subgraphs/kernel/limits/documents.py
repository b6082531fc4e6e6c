"""Limits on the shape of a document, checked once a document and before its validation."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

MAX_LENGTH = 100_000
MAX_TOKENS = 4_000
MAX_DEPTH = 10
MAX_ALIASES = 15
MAX_DIRECTIVES = 10
MAX_ROOT_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a selection with its fragments written out."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0


def parse_bounded(query: str) -> DocumentNode:
    """Parse `query`, refusing what is too large before and too complex after.

    Raises:
        GraphQLError: With the code GRAPHQL_PARSE_FAILED or GRAPHQL_VALIDATION_FAILED.
    """
    if len(query) > MAX_LENGTH:
        raise _refusal(f"A document may have {MAX_LENGTH} characters.")
    document = parse(query, max_tokens=MAX_TOKENS, no_location=False)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    measured: dict[str, Shape] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            shape = _measure(node.selection_set, fragments, measured, ())
            _check(shape, roots=len(node.selection_set.selections), own=len(node.directives or ()))
    return document


def _check(shape: Shape, *, roots: int, own: int) -> None:
    for value, limit, what in (
        (shape.depth, MAX_DEPTH, "levels deep"),
        (shape.aliases, MAX_ALIASES, "aliases"),
        (shape.directives + own, MAX_DIRECTIVES, "directives"),
        (roots, MAX_ROOT_FIELDS, "root fields"),
    ):
        if value > limit:
            raise _refusal(f"An operation may have {limit} {what}, this one has {value}.")


def _measure(
    selection: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Shape],
    path: tuple[str, ...],
) -> Shape:
    depth = aliases = directives = fields = 0
    node: Any
    for node in selection.selections:
        directives += len(node.directives or ())
        below = 0
        if isinstance(node, FragmentSpreadNode):
            inner = _fragment(node.name.value, fragments, measured, path)
        elif node.selection_set:
            inner = _measure(node.selection_set, fragments, measured, path)
            below = isinstance(node, FieldNode)
        else:
            inner = Shape()
            below = isinstance(node, FieldNode)
        if isinstance(node, FieldNode):
            fields += 1
            aliases += node.alias is not None
        depth = max(depth, inner.depth + below)
        aliases += inner.aliases
        directives += inner.directives
        fields += inner.fields
    return Shape(depth, aliases, directives, fields)


def _fragment(
    name: str,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, Shape],
    path: tuple[str, ...],
) -> Shape:
    """Measure a fragment once, however often it is spread: a bomb of them stays cheap."""
    if name in path:
        raise _refusal(f"The fragment {name} contains itself.")
    if name not in measured:
        if name not in fragments:
            return Shape()  # validation will say so
        measured[name] = _measure(fragments[name].selection_set, fragments, measured, (*path, name))
    return measured[name]


def _refusal(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "GRAPHQL_VALIDATION_FAILED"})

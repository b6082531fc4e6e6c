"""Limits on the shape of a document, checked once a document and before its validation.

Sizes are those of the operation with its fragments written out. The walk ends at the first limit
that is exceeded, so a bomb of fragments costs no more than a document that is just too large.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

MAX_LENGTH = 100_000
MAX_TOKENS = 2_000
MAX_DEPTH = 10
MAX_ALIASES = 15
MAX_DIRECTIVES = 10
MAX_ROOT_FIELDS = 10
MAX_SELECTIONS = 1_000
MAX_REPEATS = 100
"""Fields that merge with an earlier one; validation compares each pair of them."""

INTROSPECTION = {"__schema", "__type"}


@dataclass(frozen=True, slots=True)
class Bounded:
    """A document within the limits."""

    document: DocumentNode
    introspects: bool = False
    """It asks for `__schema` or `__type`, whose depth is not limited: they are for developers."""


def parse_bounded(query: str) -> Bounded:
    """Parse `query`, refusing what is too large before and too complex after.

    Raises:
        GraphQLError: With the code GRAPHQL_PARSE_FAILED or GRAPHQL_VALIDATION_FAILED.
    """
    if len(query) > MAX_LENGTH:
        raise _refusal(f"A document may have {MAX_LENGTH} characters.")
    document = parse(query, max_tokens=MAX_TOKENS)
    walk = _Walk(document)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            walk.through(node.selection_set, directives=len(node.directives or ()))
    for name, fragment in walk.fragments.items():
        if name not in walk.spread:  # validation would read it all the same
            walk.through(fragment.selection_set, roots=False)
    return Bounded(document, introspects=walk.introspects)


@dataclass(frozen=True, slots=True)
class _Level:
    """A selection yet to be walked through."""

    selection: SelectionSetNode
    depth: int
    siblings: dict[str, Any]
    """What was selected here already, as a tree of response names."""
    inside: frozenset[str]
    """The fragments that it is part of."""


class _Walk:
    """Counts over all operations of a document, as validation works through all of them."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self.spread: set[str] = set()
        self.introspects = False
        self._counts: Counter[str] = Counter()

    def through(
        self, selection: SelectionSetNode, *, directives: int = 0, roots: bool = True
    ) -> None:
        """Walk without recursion: how deep fragments nest is up to the client."""
        self._count("directives", directives, MAX_DIRECTIVES)
        stack = [_Level(selection, 1 if roots else 2, {}, frozenset())]
        while stack:
            level = stack.pop()
            for node in level.selection.selections:
                self._count("selections", 1, MAX_SELECTIONS)
                self._count("directives", len(node.directives or ()), MAX_DIRECTIVES)
                if isinstance(node, FieldNode):
                    below = self._field(node, level)
                elif isinstance(node, FragmentSpreadNode):
                    below = self._spread(node, level)
                else:
                    assert isinstance(node, InlineFragmentNode)
                    below = replace(level, selection=node.selection_set)
                if below:
                    stack.append(below)

    def _field(self, node: FieldNode, level: "_Level") -> "_Level | None":
        if level.depth > MAX_DEPTH:
            raise _refusal(f"An operation may be {MAX_DEPTH} levels deep.")
        key = (node.alias or node.name).value
        self._count("root fields", level.depth == 1, MAX_ROOT_FIELDS)
        self._count("aliases", node.alias is not None, MAX_ALIASES)
        self._count("repeated fields", key in level.siblings, MAX_REPEATS)
        children: dict[str, Any] = level.siblings.setdefault(key, {})
        if node.name.value in INTROSPECTION:
            self.introspects = True
            return None
        if node.selection_set is None:
            return None
        return _Level(node.selection_set, level.depth + 1, children, level.inside)

    def _spread(self, node: FragmentSpreadNode, level: "_Level") -> "_Level | None":
        name = node.name.value
        if name in level.inside:
            raise _refusal(f"The fragment {name} contains itself.")
        if name not in self.fragments:
            return None  # validation will say so
        self.spread.add(name)
        selection = self.fragments[name].selection_set
        return replace(level, selection=selection, inside=level.inside | {name})

    def _count(self, what: str, more: int, limit: int) -> None:
        self._counts[what] += more
        if self._counts[what] > limit:
            raise _refusal(f"An operation may have {limit} {what}.")


def _refusal(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "GRAPHQL_VALIDATION_FAILED"})

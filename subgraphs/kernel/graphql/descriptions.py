"""Public descriptions come from docstrings: of classes, of resolvers, and below attributes."""

import ast
import inspect
import textwrap
from enum import EnumType
from functools import cache
from itertools import pairwise
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

DEFINITION = "strawberry-definition"
GIVEN = {"UUID", "FieldSet"}
"""Scalars that come with Strawberry and with federation."""

ROOTS = {
    "Query": "What can be asked.",
    "Mutation": "What can be done; each answers with its success, or with why it was refused.",
    "Subscription": "What can be followed live.",
}
"""Root types are put together from all subgraphs, so they share their words."""


def describe(schema: GraphQLSchema) -> None:
    """Copy docstrings into every type, field and enum value that has no description yet."""
    for graphql_type in schema.type_map.values():
        definition = (graphql_type.extensions or {}).get(DEFINITION)
        if definition is None or graphql_type.name.startswith("_"):
            continue
        if isinstance(graphql_type, GraphQLEnumType):
            _describe_enum(graphql_type, definition.wrapped_cls)
        elif isinstance(
            graphql_type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
        ):
            _describe_object(graphql_type, definition.origin)


def undescribed(schema: GraphQLSchema) -> list[str]:
    """List what a client would find without a word of explanation."""
    found = []
    for name, graphql_type in schema.type_map.items():
        own = (graphql_type.extensions or {}).get(DEFINITION)
        if own is None or name in GIVEN or name.startswith(("_", "link__")):
            continue
        if isinstance(graphql_type, GraphQLUnionType):
            continue
        if not graphql_type.description:
            found.append(name)
        members: dict[str, Any] = getattr(graphql_type, "fields", {})
        members = members or getattr(graphql_type, "values", {})
        found += [
            f"{name}.{member}"
            for member, field in members.items()
            if not field.description and not member.startswith("_")
        ]
    return found


def _describe_enum(graphql_type: GraphQLEnumType, enum: EnumType) -> None:
    graphql_type.description = graphql_type.description or inspect.getdoc(enum)
    told = _attribute_docstrings(enum)
    for name, value in graphql_type.values.items():
        value.description = value.description or told.get(name)


def _describe_object(graphql_type: Any, origin: type) -> None:
    described = graphql_type.description or ROOTS.get(graphql_type.name)
    graphql_type.description = described or _own_doc(origin)
    told: dict[str, str] = {}
    for base in reversed(origin.__mro__):
        if base is not object and "__strawberry_definition__" in vars(base):
            told |= _attribute_docstrings(base)
    for field in graphql_type.fields.values():
        definition = (field.extensions or {}).get(DEFINITION)
        if field.description or definition is None:
            continue
        resolver = getattr(definition, "base_resolver", None)
        doc = inspect.getdoc(resolver.wrapped_func) if resolver else None
        field.description = doc or told.get(definition.python_name)


def _own_doc(origin: type) -> str | None:
    """The docstring a person wrote; dataclasses make one of their own."""
    for base in origin.__mro__[:-1]:
        doc = vars(base).get("__doc__")
        if doc and not doc.startswith(f"{base.__name__}("):
            return inspect.cleandoc(doc)
    return None


@cache
def _attribute_docstrings(cls: type) -> dict[str, str]:
    """Find the strings that stand below the attributes of a class."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for statement, after in pairwise(body):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    found[name] = inspect.cleandoc(str(after.value.value))
    return found

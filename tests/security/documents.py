"""Operations generated from the public schema, so that no field is forgotten."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_union_type,
)

from infra.bootstrap.parts import ROOT

Values = Callable[[str, Any], Any]
"""Gives a value for an argument or input field of a name and type."""

SCHEMA: GraphQLSchema = build_schema((ROOT / "router" / "schema.graphql").read_text())


def roots(kind: str) -> dict[str, GraphQLField]:
    """The fields of `Query`, `Mutation` or `Subscription`."""
    found = SCHEMA.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    fields: dict[str, GraphQLField] = found.fields
    return fields


def selection(type_: Any, depth: int) -> str:
    """Select what of a type needs no argument, `depth` levels of objects deep."""
    of = get_named_type(type_)
    if is_leaf_type(of):
        return ""
    if is_union_type(of):
        success, *_ = (member for member in of.types if member.name.endswith("Success"))
        refusal = "... on UserError { code message }"
        return f"{{ __typename {refusal} ... on {success.name} {selection(success, depth)} }}"
    fields = [
        name
        if is_leaf_type(get_named_type(field.type))
        else f"{name} {selection(field.type, depth - 1)}"
        for name, field in of.fields.items()
        if (is_leaf_type(get_named_type(field.type)) or depth > 0)
        and not any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
    ]
    return "{ __typename " + " ".join(fields) + " }"


def value_of(name: str, type_: Any, values: Values, wanted: tuple[str, ...] = ()) -> Any:
    """Build a value that fits a type, leaf by leaf from `values`.

    Of optional input fields only the one on the path `wanted` is there.
    """
    if isinstance(type_, GraphQLNonNull):
        return value_of(name, type_.of_type, values, wanted)
    if isinstance(type_, GraphQLList):
        return [value_of(name, type_.of_type, values, wanted)]
    if isinstance(type_, GraphQLInputObjectType):
        return {
            key: value_of(key, field.type, values, wanted[1:])
            for key, field in type_.fields.items()
            if isinstance(field.type, GraphQLNonNull) or key in wanted[:1]
        }
    return values(name, type_)


def operation(
    kind: str, name: str, values: Values, wanted: tuple[str, ...] = (), depth: int = 0
) -> dict[str, Any]:
    """One operation on a root field with what it requires and the argument that is `wanted`."""
    field = roots(kind)[name]
    arguments = {
        key: argument
        for key, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull) or key in wanted[:1]
    }
    declared = ", ".join(f"${key}: {argument.type}" for key, argument in arguments.items())
    passed = ", ".join(f"{key}: ${key}" for key in arguments)
    head = f"{kind.lower()} ({declared})" if declared else kind.lower()
    call = f"{name}({passed})" if passed else name
    return {
        "query": f"{head} {{ {call} {selection(field.type, depth)} }}",
        "variables": {
            key: value_of(key, argument.type, values, wanted[1:])
            for key, argument in arguments.items()
        },
    }


def strings(type_: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all text inside an argument's type."""
    of = get_named_type(type_)
    if isinstance(of, GraphQLInputObjectType):
        for name, field in of.fields.items():
            yield from strings(field.type, (*path, name))
    elif of.name in ("String", "ID"):
        yield path

"""What a schema promises: judged on the schema itself, as a router gets it."""

from collections.abc import Iterator
from itertools import product

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from subgraphs.kernel.graphql.descriptions import DEFINITION, undescribed
from subgraphs.kernel.limits.cost import LIST_SIZE

PAGING = {"first", "after", "last", "before"}
GIVEN = {"UUID", "FieldSet"}
"""Scalars that come with Strawberry and with federation."""

OWN = {"nodes", "edges"}
"""Lists of a connection: as long as the page that was asked for."""

SENSITIVE = """
    role roles scope scopes permissions isOperator isAdmin isActive isVerified emailVerified status
    price amount currency discount total balance isFree isPreview
    userId ownerId authorId learnerId createdBy tenantId
    percentComplete completedAt enrolledAt publishedAt createdAt updatedAt version passwordHash
"""
"""What a caller may not set in passing: rights, money, owners, history."""

ON_PURPOSE = {
    # Mutations whose purpose is the value; each asks for the right to set it.
    "InviteMemberInput": {"role"},
    "SetMemberRoleInput": {"role", "userId"},
    "DeactivateUserInput": {"userId"},
    "ReactivateUserInput": {"userId"},
    "CreateApiClientInput": {"scopes"},
    "ClientTokenInput": {"scope"},
    # An instructor decides which course costs nothing and which lesson may be tried.
    "CreateCourseInput": {"isFree"},
    "UpdateCourseInput": {"isFree"},
    "AddLessonInput": {"isPreview"},
    "UpdateLessonInput": {"isPreview"},
}


def described(schema: GraphQLSchema) -> list[str]:
    """Every public type, field and value explains itself."""
    return [
        name for name in undescribed(schema) if name not in GIVEN and not name.startswith("link__")
    ]


def one_input(schema: GraphQLSchema) -> list[str]:
    """A mutation takes one argument, `input`, or nothing at all."""
    found = []
    for name, field in _mutations(schema):
        if not field.args:
            continue
        wanted = f"{_pascal(name)}Input"
        argument = field.args.get("input")
        if list(field.args) != ["input"] or argument is None:
            found.append(f"{name} takes {', '.join(field.args)}")
        elif not is_non_null_type(argument.type) or get_named_type(argument.type).name != wanted:
            found.append(f"{name} takes {argument.type}, not {wanted}!")
    return found


def results(schema: GraphQLSchema) -> list[str]:
    """A mutation returns `<Mutation>Result`: its success first, then refusals."""
    found = []
    for name, field in _mutations(schema):
        union = get_named_type(field.type)
        if not isinstance(union, GraphQLUnionType) or not isinstance(field.type, GraphQLNonNull):
            found.append(f"{name} returns {field.type}")
            continue
        if union.name != f"{_pascal(name)}Result":
            found.append(f"{name} returns {union.name}")
        success, *refusals = union.types
        if success.name != f"{_pascal(name)}Success":
            found.append(f"{name} succeeds with {success.name}")
        if not refusals:
            found.append(f"{name} can never be refused")
        found += [
            f"{name} is refused with {refusal.name}, which is no UserError"
            for refusal in refusals
            if not _implements(refusal, "UserError")
        ]
    return found


def bounded_lists(schema: GraphQLSchema) -> list[str]:
    """Every list is a connection, or says how long it can be."""
    found = []
    for parent, name, field in _fields(schema):
        if not _is_list(field) or (parent.name.endswith("Connection") and name in OWN):
            continue
        definition = (field.extensions or {}).get(DEFINITION)
        if LIST_SIZE not in getattr(definition, "metadata", {}):
            found.append(f"{parent.name}.{name} is a list without a bound")
    return found


def paged_connections(schema: GraphQLSchema) -> list[str]:
    """Every connection takes first, after, last and before."""
    return [
        f"{parent.name}.{name} lacks {', '.join(sorted(PAGING - set(field.args)))}"
        for parent, name, field in _fields(schema)
        if get_named_type(field.type).name.endswith("Connection") and PAGING - set(field.args)
    ]


def modest_inputs(schema: GraphQLSchema) -> list[str]:
    """An input has no field by which a caller takes rights, money or another's name."""
    return [
        f"{name}.{field}"
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLInputObjectType) and name.endswith("Input")
        for field in type_.fields
        if field in set(SENSITIVE.split()) - ON_PURPOSE.get(name, set())
    ]


def resumable_streams(schema: GraphQLSchema) -> list[str]:
    """A subscription takes `after`, and every event says its `cursor` and whether some are gone."""
    found: list[str] = []
    if schema.subscription_type is None:
        return found
    for name, field in schema.subscription_type.fields.items():
        event = get_named_type(field.type)
        fields = event.fields if isinstance(event, GraphQLObjectType) else {}
        found += [f"{name}: no {it}" for it in ("after",) if it not in field.args]
        found += [f"{name}: no {it}" for it in ("cursor", "resync") if it not in fields]
    return found


def no_secrets(schema: GraphQLSchema) -> list[str]:
    """No type that a query can reach shows a password or a secret."""
    words = ("password", "secret", "privateKey", "tokenHash")
    roots = ("Query", "Mutation", "Subscription")
    return [
        f"{parent.name}.{name}"
        for (parent, name, _), word in product(_fields(schema), words)
        if word.lower() in name.lower() and not parent.name.endswith(("Success", *roots))
    ]


def _mutations(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField]]:
    if schema.mutation_type is not None:
        yield from schema.mutation_type.fields.items()


def _fields(
    schema: GraphQLSchema,
) -> Iterator[tuple[GraphQLObjectType | GraphQLInterfaceType, str, GraphQLField]]:
    for type_name, type_ in schema.type_map.items():
        if type_name.startswith("_") or not isinstance(
            type_, GraphQLObjectType | GraphQLInterfaceType
        ):
            continue
        for name, field in type_.fields.items():
            if not name.startswith("_"):
                yield type_, name, field


def _is_list(field: GraphQLField) -> bool:
    type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    return is_list_type(type_)


def _implements(type_: GraphQLObjectType, interface: str) -> bool:
    return any(it.name == interface for it in type_.interfaces)


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


RULES = (
    described,
    one_input,
    results,
    bounded_lists,
    paged_connections,
    modest_inputs,
    resumable_streams,
    no_secrets,
)

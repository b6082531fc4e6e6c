"""Where one subgraph's answer ends and another's begins: judged on the supergraph."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    StringValueNode,
    TypeNode,
    print_ast,
)

Types = Mapping[str, ObjectTypeDefinitionNode]


@dataclass(frozen=True)
class Field:
    """A field as one subgraph answers it."""

    subgraph: str
    parent: str
    name: str
    type: TypeNode

    def __str__(self) -> str:
        return f"{self.parent}.{self.name}: {print_ast(self.type)}"


def contributions(supergraph: DocumentNode) -> list[str]:
    """What a subgraph adds to another's entity is nullable, so that its outage costs no more."""
    owners = _owners(_types(supergraph))
    return [
        f"{field} comes from {field.subgraph}, the rest of it from {owners[field.parent]}"
        for field in _fields(_types(supergraph))
        if owners.get(field.parent, field.subgraph) != field.subgraph
        if isinstance(field.type, NonNullTypeNode)
    ]


def references(supergraph: DocumentNode) -> list[str]:
    """A reference to another subgraph's entity is nullable, in a list each item."""
    owners = _owners(_types(supergraph))
    return [
        f"{field} is answered by {owners[_name(field.type)]}"
        for field in _fields(_types(supergraph))
        if owners.get(_name(field.type), field.subgraph) != field.subgraph
        if isinstance(_item(field.type), NonNullTypeNode)
    ]


def _types(supergraph: DocumentNode) -> Types:
    return {
        node.name.value: node
        for node in supergraph.definitions
        if isinstance(node, ObjectTypeDefinitionNode)
    }


def _owners(types: Types) -> dict[str, str]:
    """The home of each entity: the subgraph that knows most of its plain values."""
    owners = {}
    for name, node in types.items():
        joins = _directives(node, "join__type")
        if not any("key" in join for join in joins):
            continue
        homes = Counter(join["graph"] for join in joins)
        homes.update(
            field.subgraph for field in _fields({name: node}) if _name(field.type) not in types
        )
        owners[name] = homes.most_common(1)[0][0]
    return owners


def _fields(types: Types) -> Iterator[Field]:
    """Every field that not all subgraphs of its type answer alike, as a key is."""
    for name, node in types.items():
        graphs = [join["graph"] for join in _directives(node, "join__type")]
        keys = {word for join in _directives(node, "join__type") for word in _key(join)}
        for field in node.fields or ():
            if field.name.value in keys:
                continue
            own = [join["graph"] for join in _directives(field, "join__field") if "graph" in join]
            for graph in own or graphs:
                yield Field(graph, name, field.name.value, field.type)


def _key(join: Mapping[str, str]) -> list[str]:
    return join.get("key", "").split()


def _directives(
    node: ObjectTypeDefinitionNode | FieldDefinitionNode, name: str
) -> list[dict[str, str]]:
    return [_arguments(it) for it in node.directives or () if it.name.value == name]


def _arguments(directive: DirectiveNode) -> dict[str, str]:
    return {
        it.name.value: it.value.value
        if isinstance(it.value, StringValueNode)
        else print_ast(it.value)
        for it in directive.arguments or ()
    }


def _item(type_: TypeNode) -> TypeNode:
    """What may be missing: the items of a list, or the value."""
    bare = type_.type if isinstance(type_, NonNullTypeNode) else type_
    return bare.type if isinstance(bare, ListTypeNode) else type_


def _name(type_: TypeNode) -> str:
    while not isinstance(type_, NamedTypeNode):
        assert isinstance(type_, NonNullTypeNode | ListTypeNode)
        type_ = type_.type
    return type_.name.value


RULES = (contributions, references)

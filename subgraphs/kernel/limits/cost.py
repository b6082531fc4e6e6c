"""What an operation may cost at most: objects it can return, lists multiplied."""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)
from graphql.type import GraphQLNonNull, GraphQLOutputType

MAX_COST = 1_000
MAX_REPRESENTATIONS = 200
DEFAULT_PAGE = 20
DEFAULT_LIST = 10
MUTATION_COST = 10
CACHED_PRICES = 200
"""Of one document; its variables may be chosen by a client."""

LIST_SIZE = "list_size"
"""Key of a field's metadata: how many items its list has at most, or usually."""


def check_representations(variables: dict[str, Any] | None) -> None:
    """Refuse more entity references than a gateway ever batches for one page."""
    for value in (variables or {}).values():
        if isinstance(value, list):
            _check_size(len(value))


def _check_size(values: int) -> None:
    if values > MAX_REPRESENTATIONS:
        raise GraphQLError(
            f"At most {MAX_REPRESENTATIONS} values may be passed at once, not {values}.",
            extensions={"code": "TOO_MANY_REPRESENTATIONS"},
        )


class CostModel:
    """Prices the operations of one document against one schema."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._operations = [
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._prices: dict[tuple[Any, ...], int] = {}

    def price(self, operation_name: str | None, variables: dict[str, Any] | None) -> int:
        """Tell the cost of an operation; of its variables, only sizes matter.

        Raises:
            GraphQLError: TOO_MANY_REPRESENTATIONS.
        """
        operation = next(
            node
            for node in self._operations
            if operation_name is None or (node.name and node.name.value == operation_name)
        )
        sizes = _sizes(operation, variables or {})
        key = (operation_name, *sizes.items())
        if (known := self._prices.get(key)) is not None:
            return known
        root = self._schema.get_root_type(operation.operation)
        assert root is not None
        cost = self._selection(operation.selection_set, root, sizes, {})
        if len(self._prices) < CACHED_PRICES:
            self._prices[key] = cost
        return cost

    def _selection(
        self,
        selection: SelectionSetNode,
        parent: Any,
        variables: dict[str, int],
        seen: dict[tuple[str, str, int | None], int],
        page: int | None = None,
    ) -> int:
        cost = 0
        node: Any
        for node in selection.selections:
            if isinstance(node, FieldNode):
                cost += self._field(node, parent, variables, seen, page)
                cost += MUTATION_COST if parent is self._schema.mutation_type else 0
                continue
            if node.kind == "inline_fragment":
                condition = node.type_condition
                of = self._schema.get_type(condition.name.value) if condition else parent
                cost += self._selection(node.selection_set, of, variables, seen, page)
                continue
            fragment = self._fragments.get(node.name.value)
            if fragment is None:
                continue
            of = self._schema.get_type(fragment.type_condition.name.value)
            key = (node.name.value, getattr(of, "name", ""), page)
            if key not in seen:
                seen[key] = self._selection(fragment.selection_set, of, variables, seen, page)
            cost += seen[key]
        return cost

    def _field(
        self,
        node: FieldNode,
        parent: Any,
        variables: dict[str, int],
        seen: dict[tuple[str, str, int | None], int],
        page: int | None,
    ) -> int:
        name = node.name.value
        field = _definition(parent, name)
        if field is None or name.startswith("__") or node.selection_set is None:
            return 0
        of = get_named_type(field.type)
        if not is_composite_type(of):
            return 0
        if "pageInfo" in getattr(of, "fields", {}):  # a connection: its edges are the list
            size = self._argument(node, ("first", "last"), variables, DEFAULT_PAGE)
            return self._selection(node.selection_set, of, variables, seen, page=size)
        times = 1
        if _is_list(field.type):
            times = self._list_size(node, field, variables) if page is None else page
        own = 0 if name == "edges" else 1
        return times * (own + self._selection(node.selection_set, of, variables, seen))

    def _list_size(self, node: FieldNode, field: GraphQLField, variables: dict[str, int]) -> int:
        if node.name.value == "_entities":
            size = self._argument(node, ("representations",), variables, 1)
            _check_size(size)
            return size
        definition = (field.extensions or {}).get("strawberry-definition")
        declared = getattr(definition, "metadata", {}).get(LIST_SIZE, DEFAULT_LIST)
        return self._argument(node, ("first",), variables, int(declared))

    def _argument(
        self, node: FieldNode, names: tuple[str, ...], variables: dict[str, int], default: int
    ) -> int:
        sizes = [
            variables.get(argument.value.name.value)
            if isinstance(argument.value, VariableNode)
            else _literal_size(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in names
        ]
        return max((size for size in sizes if size is not None), default=default)


def _sizes(operation: OperationDefinitionNode, variables: dict[str, Any]) -> dict[str, int]:
    """Find what each variable of the operation would make of the list that it sizes."""
    found = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        size = (
            _size(variables[name]) if name in variables else _literal_size(definition.default_value)
        )
        if size is not None:
            found[name] = size
    return found


def _definition(parent: Any, name: str) -> GraphQLField | None:
    fields: dict[str, GraphQLField] = getattr(parent, "fields", {})  # a union has none
    return fields.get(name)


def _is_list(type_: GraphQLOutputType) -> bool:
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)


def _literal_size(node: ValueNode | None) -> int | None:
    if isinstance(node, ListValueNode):
        return len(node.values)
    return _size(int(node.value)) if isinstance(node, IntValueNode) else None


def _size(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else None

"""A refusal reaches the caller as the member of a union, never as an accident."""

import ast
from collections.abc import Iterator, Mapping

from tests.architecture.rules.code import INSIDE, Code
from tests.architecture.source import Function, Source, Tree, dotted

IN_QUERIES = ("queries", "types", "loaders", "subscriptions")
ASKS = {
    "require_user": {"NotAuthenticatedError"},
    "require_role": {"NotAuthenticatedError", "ForbiddenError"},
    "require_scope": {"ForbiddenError"},
}
"""What the viewer's own questions raise."""

_OWN = {"UserNotFoundError": "the row is the viewer's own, and users are never deleted"}
IMPOSSIBLE: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("users", "register"): {"InvalidCredentialsError": "whoever logs in was made a line above"},
    ("users", "update_profile"): _OWN,
    ("users", "change_password"): _OWN,
    ("users", "create_organization"): _OWN,
    ("users", "logout_everywhere"): _OWN,
    ("users", "accept_invitation"): _OWN
    | {"OrganizationNotFoundError": "an invitation refers to its organization by foreign key"},
    ("users", "set_member_role"): {"UserNotFoundError": "a membership refers to its user"},
    ("users", "revoke_api_client"): {
        "OrganizationNotFoundError": "a client refers to its organization by foreign key"
    },
}
"""Refusals that cannot come out of a mutation although its code might raise them, and why."""


def exposed(tree: Tree) -> list[str]:
    """Every refusal of a subgraph is a member of some union, or raised by a query."""
    found = []
    for name in tree.subgraphs:
        unions = _union_members(tree, name)
        asked = _words(tree, name, IN_QUERIES)
        for source, error in _errors(tree, name):
            if error.name not in unions and error.name not in asked:
                found.append(source.at(error, f"{error.name} reaches nobody"))
    return found


def raised(tree: Tree) -> list[str]:
    """Every refusal of a subgraph is raised somewhere."""
    found = []
    for name in tree.subgraphs:
        words = _words(tree, name, (*INSIDE, *IN_QUERIES))
        for source, error in _errors(tree, name):
            if error.name not in words and not _has_children(tree, name, error.name):
                found.append(source.at(error, f"{error.name} is never raised"))
    return found


def complete_unions(tree: Tree) -> list[str]:
    """What the service function of a mutation raises is in that mutation's union."""
    found = []
    for name in tree.subgraphs:
        code = Code.of(tree, name)
        unions = _unions(tree, name)
        known = {error.name for _, error in _errors(tree, name)} | _asked()
        for source in tree.layers("mutations"):
            if source.subgraph != name:
                continue
            for function in source.functions():
                result = _result(function)
                if result not in unions:
                    continue
                missing = (_raises(source, function, code, set()) & known) - unions[result]
                found += [
                    source.at(function, f"{function.name}: {error} is not in {result}")
                    for error in sorted(missing)
                    if error not in IMPOSSIBLE.get((name, function.name), {})
                ]
    return found


def _asked() -> set[str]:
    return {"NotAuthenticatedError", "ForbiddenError", "InvalidInputError"}


def _errors(tree: Tree, subgraph: str) -> Iterator[tuple[Source, ast.ClassDef]]:
    for source in tree.layers("errors"):
        if source.subgraph == subgraph:
            for node in source.classes():
                if node.name.endswith("Error"):
                    yield source, node


def _has_children(tree: Tree, subgraph: str, name: str) -> bool:
    return any(
        name in [dotted(base).rpartition(".")[2] for base in error.bases]
        for _, error in _errors(tree, subgraph)
    )


def _words(tree: Tree, subgraph: str, layers: tuple[str, ...]) -> set[str]:
    """Names of errors that are used (not only imported) in these layers."""
    return {
        dotted(node).rpartition(".")[2]
        for source in tree.layers(*layers)
        if source.subgraph == subgraph
        for node in source.nodes
        if isinstance(node, ast.Name | ast.Attribute)
    }


def _unions(tree: Tree, subgraph: str) -> Mapping[str, set[str]]:
    """Each `XResult = Annotated[Success | Error | …, strawberry.union(…)]` and its members.

    An alias that is used inside one, for errors that many share, is written out.
    """
    assigned = {
        target.id: node.value
        for source in tree.python("subgraphs")
        if source.subgraph == subgraph
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def members(node: ast.AST, depth: int = 3) -> set[str]:
        names = {
            dotted(it).rpartition(".")[2]
            for it in ast.walk(node)
            if isinstance(it, ast.Name | ast.Attribute)
        }
        aliases = [assigned[it] for it in names if it in assigned and depth]
        return names.union(*(members(it, depth - 1) for it in aliases))

    return {
        name: members(value)
        for name, value in assigned.items()
        if isinstance(value, ast.Subscript) and name.endswith("Result")
    }


def _union_members(tree: Tree, subgraph: str) -> set[str]:
    return set().union(*_unions(tree, subgraph).values())


def _result(function: Function) -> str:
    """The name of the union that a resolver returns."""
    return ast.unparse(function.returns).strip("'\"").rpartition(".")[2] if function.returns else ""


def _raises(source: Source, function: Function, code: Code, seen: set[Function]) -> set[str]:
    """Errors that a function may raise, itself or through what it calls or hands on."""
    if function in seen:
        return set()
    seen.add(function)
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised_ = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found.add(dotted(raised_).rpartition(".")[2])
        if isinstance(node, ast.Attribute):
            found |= ASKS.get(node.attr, set())
        for inner_source, inner in code.meant(source, node):
            found |= _raises(inner_source, inner, code, seen)
    return found - _caught(function)


def _caught(function: Function) -> set[str]:
    return {
        dotted(it).rpartition(".")[2]
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
        for it in ast.walk(node.type)
        if isinstance(it, ast.Name | ast.Attribute)
    }


RULES = (exposed, raised, complete_unions)

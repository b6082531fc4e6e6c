"""What a viewer may not see does not exist, whatever path leads there."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.architecture.source import Function, Source, Tree, calls, decorators, dotted

READERS = ("queries", "types", "loaders", "subscriptions")
"""Who reads on behalf of a caller. Mutations write, through the service, which asks for roles."""

SCOPE = re.compile(r"[a-z]+:(read|write)")
ENTITY = "strawberry.federation.type"
SHOWN: Mapping[str, Mapping[str, str]] = {
    "users": {"open_sessions": "asked only by `User.sessions`, and only for the viewer's own"},
    "courses": {
        "descriptions": "of courses whose row the viewer was shown: keys come from visible rows",
        "outlines": "of versions that the viewer's visible row of the course names",
        "snippets": "of courses that a search over visible courses has found",
        "categories": "the same for everyone",
    },
}
"""Reads that start elsewhere, by subgraph, each with the reason why that is safe."""


def caller_facing_reads(tree: Tree) -> list[str]:
    """What is read for a caller starts from a `visible_…` select, or is the viewer's own."""
    found = []
    for name in tree.subgraphs:
        repository = _repository(tree, name)
        shown = SHOWN.get(name, {})
        for source in tree.layers(*READERS):
            if source.subgraph != name:
                continue
            found += [
                source.at(node, f"{function} does not start from visible_…")
                for node, function in _reads(source, repository)
                if not _asks_for_own(source.parents[node]) and function not in shown
                if not _is_scoped(function, repository, set())
            ]
    return found


def _reads(source: Source, repository: Mapping[str, Function]) -> Iterator[tuple[ast.AST, str]]:
    """Where a function of the repository that reads is called, or handed on."""
    for node in source.nodes:
        module, _, function = dotted(node).rpartition(".")
        known = repository.get(function)
        if (
            isinstance(node, ast.Name | ast.Attribute)
            and known is not None
            and {"session", "db"} & _parameters(known)
            and _means_repository(source, module, function)
        ):
            yield node, function


def _repository(tree: Tree, subgraph: str) -> Mapping[str, Function]:
    return {
        function.name: function
        for source in tree.layers("repository")
        if source.subgraph == subgraph
        for function in source.functions()
    }


def _returns_select(function: Function) -> bool:
    """By its annotation: a select (`Query` is an alias of one), or a condition to put on one."""
    returns = ast.unparse(function.returns) if function.returns else ""
    return returns.startswith(("Select", "Query", "ColumnElement"))


def _means_repository(source: Source, module: str, function: str) -> bool:
    """Is `module.function`, or the bare name, the repository's, judged by the imports?"""
    wanted = module.rpartition(".")[2] or function
    for node in source.nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        inside = ".repository" in f".{node.module}"
        if any(
            (it.asname or it.name) == wanted and (inside or it.name == "repository")
            for it in node.names
        ):
            return True
    return False


def _is_scoped(name: str, repository: Mapping[str, Function], seen: set[str]) -> bool:
    """Does the function build on a select that takes the viewer, itself or through another?"""
    function = repository.get(name)
    if function is None or name in seen:
        return False
    if name.startswith("visible_") or _is_scoped_select(function):
        return True
    seen.add(name)
    return any(
        _is_scoped(called.rpartition(".")[2], repository, seen) for _, called in calls(function)
    )


def _is_scoped_select(function: Function) -> bool:
    return "viewer" in _parameters(function) and _returns_select(function)


def _parameters(function: Function) -> set[str]:
    return {it.arg.lstrip("_") for it in [*function.args.args, *function.args.kwonlyargs]}


def _asks_for_own(call: ast.AST) -> bool:
    if not isinstance(call, ast.Call):
        return False
    given = [*call.args, *(word.value for word in call.keywords)]
    return any(
        ast.unparse(it).endswith(("viewer.person_id", "viewer.require_person()")) for it in given
    )


def scoped_selects(tree: Tree) -> list[str]:
    """A `visible_…` function takes the viewer and returns a select to build on."""
    found = []
    for source in tree.layers("repository"):
        found += [
            source.at(function, f"{function.name} is no select of a viewer")
            for function in source.functions()
            if function.name.startswith("visible_") and not _is_scoped_select(function)
        ]
    return found


def scoped_listings(tree: Tree) -> list[str]:
    """A list below many objects is made of a `visible_…` select, too."""
    return [
        source.at(function, f"{function.name} does not start from visible_…")
        for name in tree.subgraphs
        for source in tree.layers("repository")
        if source.subgraph == name
        for function in source.functions()
        if ast.unparse(function.returns or ast.Constant(None)) == "Listing"
        if not _is_scoped(function.name, _repository(tree, name), set())
    ]


def references(tree: Tree) -> list[str]:
    """An entity is resolved through a loader, or carries nothing but its key."""
    found = []
    for source, entity in _entities(tree):
        resolve = _method(entity, "resolve_reference")
        if resolve is None:
            if not _only_refers(entity):
                found.append(source.at(entity, f"{entity.name} cannot be referred to"))
        elif not _loads(resolve, entity) and _data(entity) - _keys(entity):
            found.append(source.at(resolve, f"{entity.name} is resolved without a loader"))
    return found


def _entities(tree: Tree) -> Iterator[tuple[Source, ast.ClassDef]]:
    for source in tree.layers("types", "queries"):
        for node in source.classes():
            if ENTITY in decorators(node) and _keys_argument(node) is not None:
                yield source, node


def _keys_argument(entity: ast.ClassDef) -> ast.AST | None:
    for decorator in entity.decorator_list:
        for word in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if word.arg == "keys":
                return word.value
    return None


def _only_refers(entity: ast.ClassDef) -> bool:
    return "resolvable=False" in ast.unparse(_keys_argument(entity) or entity)


def _keys(entity: ast.ClassDef) -> set[str]:
    argument = _keys_argument(entity)
    strings = (
        [it.value for it in ast.walk(argument) if isinstance(it, ast.Constant)] if argument else []
    )
    return {word for text in strings if isinstance(text, str) for word in text.split()}


def _data(entity: ast.ClassDef) -> set[str]:
    """What the entity carries, as opposed to what its resolvers look up."""
    return {
        it.target.id
        for it in entity.body
        if isinstance(it, ast.AnnAssign)
        and isinstance(it.target, ast.Name)
        and "Private" not in ast.unparse(it.annotation)
        and "ClassVar" not in ast.unparse(it.annotation)
        and not (isinstance(it.value, ast.Call) and "resolver" in ast.unparse(it.value))
    }


def _method(entity: ast.ClassDef, name: str) -> Function | None:
    for node in entity.body:
        if isinstance(node, Function) and node.name == name:
            return node
    return None


def _loads(function: Function, entity: ast.ClassDef, depth: int = 3) -> bool:
    """Does the function reach for `info.context.loaders`, itself or through another method?"""
    if any(isinstance(it, ast.Attribute) and it.attr == "loaders" for it in ast.walk(function)):
        return True
    if depth == 0:
        return False
    names = {name.rpartition(".")[2] for _, name in calls(function)}
    methods = [_method(entity, name) for name in names]
    return any(_loads(it, entity, depth - 1) for it in methods if it is not None)


def loaders_are_scoped(tree: Tree) -> list[str]:
    """A loader gets the viewer, so that what it loads is what that viewer may see."""
    found = []
    for source in tree.layers("loaders"):
        found += [
            source.at(function, "build forgets the viewer")
            for function in source.functions()
            if function.name == "build" and "viewer" not in _names(function)
        ]
    return found


def scopes(tree: Tree) -> list[str]:
    """Every scope that API clients are offered is asked for somewhere, and none besides."""
    offered: dict[str, tuple[Source, ast.AST]] = {}
    asked: dict[str, tuple[Source, ast.AST]] = {}
    for source in tree.python("subgraphs"):
        for node in source.nodes:
            if isinstance(node, ast.Constant) and SCOPE.fullmatch(str(node.value)):
                known = offered if _is_offer(source, node) else asked
                known.setdefault(str(node.value), (source, node))
    return [
        *(_at(offered[it], f"{it} is never asked for") for it in sorted({*offered} - {*asked})),
        *(_at(asked[it], f"{it} is never offered") for it in sorted({*asked} - {*offered})),
    ]


def _is_offer(source: Source, node: ast.AST) -> bool:
    return any(
        isinstance(outer, ast.Assign) and ast.unparse(outer.targets[0]) == "SCOPES"
        for outer in source.around(node)
    )


def _at(place: tuple[Source, ast.AST], message: str) -> str:
    return place[0].at(place[1], message)


def _names(function: Function) -> set[str]:
    """Names that the body of a function uses."""
    nodes = (node for statement in function.body for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


RULES = (
    caller_facing_reads,
    scoped_selects,
    scoped_listings,
    references,
    loaders_are_scoped,
    scopes,
)

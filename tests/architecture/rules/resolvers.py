"""The GraphQL edge stays thin, and transactions stay in one place."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Function, Source, Tree, calls, decorators, dotted

EDGE = ("queries", "mutations", "subscriptions", "types")
RESOLVERS = {
    "strawberry.field",
    "strawberry.mutation",
    "strawberry.subscription",
    "strawberry.federation.field",
    "strawberry.federation.mutation",
    "graphql.list_field",
    "graphql.shared_field",
}
MAX_STATEMENTS = {"queries": 10, "mutations": 5, "subscriptions": 15, "types": 10}
"""A mutation asks who it is, calls a service function, wraps its row. Lists name their page."""

ENGINES = {"create_async_engine", "create_engine", "async_sessionmaker", "sessionmaker"}
LASTING = ENGINES | {
    "DataLoader",
    "AsyncSession",
    "Redis.from_url",
    "Redis",
    "httpx.AsyncClient",
    "httpx.Client",
    "Bus.open",
    "open_database",
}

MAKES_ENGINES = tuple(f"subgraphs/kernel/{it}.py" for it in ("db", "migrate", "events_cli"))


def resolvers(tree: Tree, *layers: str) -> Iterator[tuple[Source, Function]]:
    """Every function that answers a GraphQL field."""
    for source in tree.layers(*(layers or EDGE)):
        for function in source.functions():
            if function.name == "resolve_reference" or RESOLVERS & set(decorators(function)):
                yield source, function


def thin(tree: Tree) -> list[str]:
    """A resolver takes its arguments, calls one thing and wraps what comes back."""
    found = []
    for source, function in resolvers(tree):
        size = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
        size -= ast.get_docstring(function) is not None
        most = MAX_STATEMENTS[str(source.layer)]
        if size > most:
            found.append(source.at(function, f"{function.name} has {size} statements, not {most}"))
    return found


def one_transaction(tree: Tree) -> list[str]:
    """A mutation is one transaction: rows and events commit together, or nothing does."""
    return [
        source.at(function, f"{function.name} is {count} transactions")
        for source, function in resolvers(tree, "mutations")
        if (count := sum(name.endswith(".transact") for _, name in calls(function))) > 1
    ]


def no_sql_at_the_edge(tree: Tree) -> list[str]:
    """Resolvers hand a session on; they never use it."""
    return [
        source.at(call, f"{name}()")
        for source in tree.layers(*EDGE)
        for call, name in source.calls
        if name.startswith("session.") or name in ("select", "insert", "update", "delete")
    ]


def commits(tree: Tree) -> list[str]:
    """Nobody but `kernel.db` ends a transaction."""
    return [
        source.at(call, f"{name}()")
        for source in tree.python("subgraphs")
        if source.path != "subgraphs/kernel/db.py"
        for call, name in source.calls
        if name.endswith((".commit", ".rollback"))
    ]


def sessions_in_contexts(tree: Tree) -> list[str]:
    """Contexts and loaders hold no session: resolvers run side by side, a session must not."""
    found = []
    for source in tree.python("subgraphs"):
        if source.layer != "loaders" and source.name != "context.py":
            continue
        for holder in source.classes():
            found += [
                source.at(node, f"{holder.name}.{ast.unparse(node.target)} is a session")
                for node in holder.body
                if isinstance(node, ast.AnnAssign)
                and dotted(node.annotation).endswith(("AsyncSession", "Session"))
            ]
    return found


def nothing_at_import(tree: Tree) -> list[str]:
    """Importing opens nothing: no loader, engine or client lives in a module or a class."""
    return [
        source.at(call, f"{name}() at import")
        for source in tree.python("subgraphs")
        for call, name in source.calls
        if name in LASTING and not _inside_function(source, call)
    ]


def _inside_function(source: Source, node: ast.AST) -> bool:
    return any(isinstance(outer, Function | ast.Lambda) for outer in source.around(node))


def one_engine(tree: Tree) -> list[str]:
    """Only `kernel.db` makes engines and sessionmakers; commands have a passing one."""
    return [
        source.at(call, f"{name}()")
        for source in tree.python("subgraphs")
        if source.path not in MAKES_ENGINES
        for call, name in source.calls
        if name.rpartition(".")[2] in ENGINES
    ]


def loaders_ask_once(tree: Tree) -> list[str]:
    """A loader asks one question for all keys: nothing is awaited in a loop."""
    loops = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.DictComp, ast.SetComp)
    return [
        source.at(node, "awaits in a loop")
        for source in tree.layers("loaders")
        for node in source.nodes
        if isinstance(node, ast.Await)
        and any(
            isinstance(outer, loops) and not _iterates(outer, node) for outer in _near(source, node)
        )
    ]


def _near(source: Source, node: ast.AST) -> Iterator[ast.AST]:
    """What stands around `node` inside its function."""
    for outer in source.around(node):
        if isinstance(outer, Function):
            return
        yield outer


def _iterates(loop: ast.AST, node: ast.AST) -> bool:
    """Is `node` what the loop goes through, awaited once?"""
    iterables = [loop.iter] if isinstance(loop, ast.For | ast.AsyncFor) else []
    if isinstance(loop, ast.ListComp | ast.DictComp | ast.SetComp):
        iterables = [loop.generators[0].iter]
    return any(node in ast.walk(iterable) for iterable in iterables)


RULES = (
    thin,
    one_transaction,
    no_sql_at_the_edge,
    commits,
    sessions_in_contexts,
    nothing_at_import,
    one_engine,
    loaders_ask_once,
)

"""A live stream holds nothing while it waits, and can be resumed."""

import ast

from tests.architecture.rules.resolvers import resolvers
from tests.architecture.source import Tree, calls, dotted

HOLDS = (".read()", ".begin()", ".connect()")


def nothing_held(tree: Tree) -> list[str]:
    """No event is yielded while a session is open."""
    return [
        source.at(block, f"{function.name} yields inside {opened}")
        for source, function in resolvers(tree, "subscriptions")
        for block in ast.walk(function)
        if isinstance(block, ast.AsyncWith)
        for opened in (dotted(item.context_expr) for item in block.items)
        if opened.endswith(HOLDS)
        and any(isinstance(it, ast.Yield | ast.YieldFrom) for it in ast.walk(block))
    ]


def no_loaders(tree: Tree) -> list[str]:
    """A subscription uses no loader: it would answer from what was true when it began."""
    return [
        source.at(node, f"{function.name} uses a loader")
        for source, function in resolvers(tree, "subscriptions")
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == "loaders"
    ]


def resumable(tree: Tree) -> list[str]:
    """A subscription takes `after` and closes what it listens to."""
    found = []
    for source, function in resolvers(tree, "subscriptions"):
        names = {it.arg for it in [*function.args.args, *function.args.kwonlyargs]}
        if "after" not in names:
            found.append(source.at(function, f"{function.name} cannot be resumed"))
        called = {name.rpartition(".")[2] for _, name in calls(function)}
        if "listen" in called and "aclosing" not in called:
            found.append(source.at(function, f"{function.name} does not close its stream"))
    return found


RULES = (nothing_held, no_loaders, resumable)

"""Habits of the tests."""

import ast
import re

from tests.architecture.rules.code import imported
from tests.architecture.source import Function, Source, Tree, decorators

SLEEPS = {"time.sleep", "asyncio.sleep", "sleep"}
POLLING = re.compile(r"^_?(eventually|until|wait|poll|repeat)")
PACED = ("load", "faults")
"""Folders whose business is the pace: a load generator thinks between two requests, a device waits
before it comes back, an outage lasts as long as it is told to."""

RESOLVERS = {"strawberry.field", "strawberry.mutation", "strawberry.subscription"}
"""Resolvers of a stand-in are as slow as they are asked to be; no test waits by sleeping there."""


def no_sleep(tree: Tree) -> list[str]:
    """A test never sleeps and hopes: it polls until something is so."""
    return [
        source.at(call, f"{name}()")
        for source in tree.python("tests")
        if source.parts[1] not in PACED
        for call, name in source.calls
        if name in SLEEPS and not _is_yield(call) and not _is_polling(source, call)
    ]


def _is_yield(call: ast.Call) -> bool:
    """`sleep(0)` gives way without waiting."""
    return bool(call.args) and ast.unparse(call.args[0]) == "0"


def _is_polling(source: Source, call: ast.Call) -> bool:
    """`while not ready: sleep`; other loops only in a function that says what they are."""
    looped = False
    for outer in source.around(call):
        if isinstance(outer, ast.While) and not isinstance(outer.test, ast.Constant):
            return True
        looped = looped or isinstance(outer, ast.While | ast.For | ast.AsyncFor)
        if isinstance(outer, Function):
            polls = looped and POLLING.match(outer.name)
            return bool(polls or RESOLVERS & set(decorators(outer)))
    return False


def no_mocks(tree: Tree) -> list[str]:
    """A test never patches our own functions."""
    found = []
    for source in tree.python("tests"):
        found += [
            source.at(node, ast.unparse(node))
            for node in source.nodes
            if isinstance(node, ast.ImportFrom | ast.Import) and "mock" in ast.unparse(node)
        ]
        for call, name in source.calls:
            if name.endswith("monkeypatch.setattr") and _is_ours(source, call):
                found.append(source.at(call, ast.unparse(call)))
    return found


def _is_ours(source: Source, call: ast.Call) -> bool:
    """Constants may be made smaller, and clocks of others turned; our lower-case names are code."""
    match call.args:
        case [ast.Constant(value=str(path)), *_]:
            module, _, name = path.rpartition(".")
        case [ast.Name(id=owner), ast.Constant(value=str(name)), *_]:
            module = imported(source).get(owner, "")
        case _:
            return False
    return module.startswith(("subgraphs", "infra")) and not name.lstrip("_").isupper()


RULES = (no_sleep, no_mocks)

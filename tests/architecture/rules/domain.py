"""The domain decides and writes; whatever leaves the process goes through a gateway or a task."""

import ast
import re

from tests.architecture.source import Tree

DOMAIN = ("service", "repository", "models", "consumers")
OUTSIDE = re.compile(
    r"(redis|stripe|smtplib|httpx|requests|aiohttp|urllib\.request|celery|socket|subprocess)(\.|$)"
)
LATER = (".delay", ".apply_async", ".send_task")
NAIVE = {
    "datetime.utcnow",
    "datetime.datetime.utcnow",
    "datetime.utcfromtimestamp",
    "date.today",
    "datetime.date.today",
    "datetime.today",
}


def no_outside(tree: Tree) -> list[str]:
    """The domain reaches nothing outside: no client of another service, no queue."""
    found = []
    for source in tree.layers(*DOMAIN):
        for node in source.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None)
                names = [module] if module else [it.name for it in node.names]
                found += [source.at(node, f"imports {it}") for it in names if OUTSIDE.match(it)]
        found += [
            source.at(call, f"{name}()") for call, name in source.calls if name.endswith(LATER)
        ]
    return found


def zoned_times(tree: Tree) -> list[str]:
    """No time without its zone."""
    found = []
    for source in tree.python():
        for call, name in source.calls:
            naive_now = name in ("datetime.now", "datetime.datetime.now", "datetime.fromtimestamp")
            given = 1 if name.endswith("fromtimestamp") else 0
            if name in NAIVE or (naive_now and len(call.args) + len(call.keywords) <= given):
                found.append(source.at(call, f"{name}() has no zone"))
    return found


def relationships_raise(tree: Tree) -> list[str]:
    """A relationship never loads by itself."""
    return [
        source.at(call, "a relationship without lazy='raise'")
        for source in tree.python("subgraphs")
        for call, name in source.calls
        if name.rpartition(".")[2] == "relationship"
        and not any(
            word.arg == "lazy" and ast.unparse(word.value) == "'raise'" for word in call.keywords
        )
    ]


RULES = (no_outside, zoned_times, relationships_raise)

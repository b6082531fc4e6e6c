"""Old code runs beside new code during a deploy: expand, backfill, and contract later."""

import ast
import re

from tests.architecture.source import Source, Tree

FILE = re.compile(r"(\d{4})_\w+\.py")
TAKES_AWAY = {"drop_table", "drop_column", "rename_table", "alter_column", "drop_constraint"}
CONTRACT = "Contract: "
KERNEL_TABLES = "create_kernel_tables"


def numbered(tree: Tree) -> list[str]:
    """Migrations are numbered on, one after another; the first makes the kernel's tables."""
    found = []
    for name in tree.subgraphs:
        before: str | None = None
        for source in sorted(_migrations(tree, name), key=lambda it: it.path):
            number = source.name[:4]
            told = _assigned(source)
            if not FILE.fullmatch(source.name) or told.get("revision") != number:
                found.append(f"{source.path}: revision {told.get('revision')}")
            if told.get("down_revision") != before:
                found.append(f"{source.path}: comes after {told.get('down_revision')}")
            if before is None and KERNEL_TABLES not in source.text:
                found.append(f"{source.path}: does not call {KERNEL_TABLES}")
            before = number
    return found


def _migrations(tree: Tree, subgraph: str) -> list[Source]:
    return [it for it in tree.layers("migrations") if it.subgraph == subgraph]


def _assigned(source: Source) -> dict[str, object]:
    return {
        target.id: node.value.value
        for node in source.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def contractions(tree: Tree) -> list[str]:
    """A migration that takes something away says in its docstring since when nobody needs it."""
    return [
        source.at(call, f"{called}() without a docstring that begins with {CONTRACT!r}")
        for source in tree.layers("migrations")
        if not (ast.get_docstring(source.tree) or "").startswith(CONTRACT)
        for call, called in source.calls
        if called.rpartition(".")[2] in TAKES_AWAY
    ]


RULES = (numbered, contractions)

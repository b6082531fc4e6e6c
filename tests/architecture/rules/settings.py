"""Settings: read in one place a process. That each is documented, `tests/infra` checks."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Source, Tree, dotted

ENTRY_POINTS = {"app", "worker", "tasks"}
"""A task is one: it begins in a process that was told its name and no more."""

MAY_INSTANTIATE = (
    "subgraphs/__main__.py",
    "subgraphs/kernel/events_cli.py",
)
SECRET = re.compile(r"(^|_)(password|secret|token|key|credential|dsn)s?(_|$)")
READS = ("os.environ", "os.getenv", "environ", "getenv")
MAY_READ = ("subgraphs/kernel/failpoints.py",)
"""Failpoints are no setting: they exist for tests and are armed before anything is imported."""


def no_default_secrets(tree: Tree) -> list[str]:
    """A secret has no default, and is a `SecretStr`."""
    found = []
    for source, holder, field in _fields(tree):
        name = str(dotted(field.target))
        hidden = "SecretStr" in ast.unparse(field.annotation)
        if hidden and _has_default(field):
            found.append(source.at(field, f"{holder}.{name} has a default"))
        if SECRET.search(name) and not hidden:
            found.append(source.at(field, f"{holder}.{name} is no SecretStr"))
    return found


def _fields(tree: Tree) -> Iterator[tuple[Source, str, ast.AnnAssign]]:
    for source in tree.python("subgraphs"):
        if source.name != "settings.py":
            continue
        for holder in source.classes():
            for node in holder.body:
                if isinstance(node, ast.AnnAssign):
                    yield source, holder.name, node


def _has_default(field: ast.AnnAssign) -> bool:
    match field.value:
        case None:
            return False
        case ast.Call(args=args, keywords=keywords):
            return bool(args) or any(it.arg in ("default", "default_factory") for it in keywords)
        case _:
            return True


def read_at_the_entrance(tree: Tree) -> list[str]:
    """Settings are read where a process begins, and handed on from there."""
    return [
        source.at(call, f"{name}()")
        for source in tree.python("subgraphs")
        if source.layer not in ENTRY_POINTS and source.path not in MAY_INSTANTIATE
        if 'if __name__ == "__main__":' not in source.text
        for call, name in source.calls
        if re.fullmatch(r"(\w+\.)*\w*Settings", name)
    ]


def no_hidden_settings(tree: Tree) -> list[str]:
    """Nobody reads the environment beside the settings."""
    return [
        source.at(node, dotted(node))
        for source in tree.python("subgraphs")
        if source.path not in MAY_READ and source.name != "settings.py"
        for node in source.nodes
        if isinstance(node, ast.Attribute | ast.Name)
        and dotted(node) in READS
        and not isinstance(source.parents.get(node), ast.alias)
    ]


RULES = (no_default_secrets, read_at_the_entrance, no_hidden_settings)

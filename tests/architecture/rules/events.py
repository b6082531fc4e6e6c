"""Events are facts; what was published once is never taken back."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from subgraphs.kernel.events import Event
from tests.architecture.source import Source, Tree

IRREGULAR = {
    "Set",
    "Sent",
    "Paid",
    "Lost",
    "Begun",
    "Built",
    "Made",
    "Met",
    "Kept",
    "Won",
    "Withdrawn",
}
Payloads = Mapping[str, Mapping[str, Any]]
"""`<type> v<version>` to the JSON schema of its payload."""


def declared(tree: Tree) -> Iterator[tuple[Source, ast.ClassDef]]:
    """Every event class of a subgraph."""
    for source in tree.layers("events"):
        for node in source.classes():
            if any(ast.unparse(base).endswith("Event") for base in node.bases):
                yield source, node


def names(tree: Tree) -> list[str]:
    """An event is named in the past tense, typed after its name and subgraph, and versioned."""
    found = []
    for source, node in declared(tree):
        words = {word.arg: word.value for word in node.keywords}
        name, _, second = node.name.partition("V")
        name = name if second.isdigit() else node.name
        last = re.findall(r"[A-Z][a-z]*", name)[-1]
        if not last.endswith("ed") and last not in IRREGULAR:
            found.append(source.at(node, f"{node.name} is not in the past tense"))
        if "version" not in words:
            found.append(source.at(node, f"{node.name} has no version"))
        fact = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        expected = f"'{source.subgraph}.{fact}'"
        if "type" not in words or ast.unparse(words["type"]) != expected:
            found.append(source.at(node, f"{node.name} has not the type {expected}"))
    return found


def payloads(events: list[type[Event]]) -> dict[str, dict[str, Any]]:
    """What each version of each event carries, without the words that explain it."""
    return {
        f"{event.type} v{event.version}": _bare(event.model_json_schema(by_alias=True))
        for event in sorted(events, key=lambda it: (it.type, it.version))
    }


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
        # A property may be called `title`: names of properties are kept, whatever they are.
        return {
            key: {name: _bare(it) for name, it in value.items()}
            if key in ("properties", "$defs")
            else _bare(value)
            for key, value in kept.items()
        }
    return [_bare(it) for it in schema] if isinstance(schema, list) else schema


def changes(published: Payloads, now: Payloads) -> list[str]:
    """What was published stays as it was: a change is a new version beside it."""
    return [
        f"{name} is gone" if name not in now else f"{name} has changed"
        for name, payload in published.items()
        if now.get(name) != payload
    ]


def unpublished(published: Payloads, now: Payloads) -> list[str]:
    """Every event is in the record of what was published."""
    return [f"{name} is not recorded" for name in now if name not in published]


RULES = (names,)

"""Who calls whom inside a subgraph, as far as names and imports tell."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tests.architecture.source import Function, Source, Tree

INSIDE = ("service", "repository", "models", "gateways", "locks", "progress", "mutations")
Found = tuple[Source, Function]


@dataclass(frozen=True, eq=False)
class Code:
    """The functions of a subgraph's domain: by module, and methods by their name."""

    functions: Mapping[str, Mapping[str, Found]]
    methods: Mapping[str, list[Found]]

    @classmethod
    def of(cls, tree: Tree, subgraph: str) -> "Code":
        functions: dict[str, dict[str, Found]] = {}
        methods: dict[str, list[Found]] = {}
        for source in tree.layers(*INSIDE):
            if source.subgraph != subgraph:
                continue
            own = functions.setdefault(_module(source), {})
            for function in source.functions():
                if isinstance(source.parents[function], ast.ClassDef):
                    methods.setdefault(function.name, []).append((source, function))
                else:
                    own[function.name] = (source, function)
        return cls(functions, methods)

    def meant(self, source: Source, node: ast.AST) -> Iterator[Found]:
        """The functions that `node` may stand for: called, or handed to someone who calls them."""
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                if found := self.functions.get(_module(source), {}).get(name):
                    yield found
                elif name in (names := imported(source)):
                    module, _, function = names[name].rpartition(".")
                    yield from self._below(module, function)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in imported(source):
                yield from self._below(imported(source)[name], attr)
            case ast.Call(func=ast.Attribute(attr=attr)):
                yield from self.methods.get(attr, ())

    def _below(self, package: str, function: str) -> Iterator[Found]:
        """A function of a module, or one that a package takes from its modules."""
        for module, own in self.functions.items():
            if f"{module}.".startswith(f"{package}.") and function in own:
                yield own[function]


def _module(source: Source) -> str:
    return ".".join(source.parts).removesuffix(".py").removesuffix(".__init__")


@cache
def imported(source: Source) -> Mapping[str, str]:
    """What each imported name stands for: `service` for `subgraphs.zoo.service`."""
    return {
        it.asname or it.name: f"{node.module}.{it.name}"
        for node in source.nodes
        if isinstance(node, ast.ImportFrom)
        for it in node.names
    }

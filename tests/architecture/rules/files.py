"""Which files there are, how they are called, how long they are."""

import ast
import re
import tomllib
from collections.abc import Iterable

from tests.architecture.source import Tree

MAX_LINES = 300
CODE = (".py", ".ts", ".tsx")
REQUIRED = {
    "__init__",
    "app",
    "worker",
    "schema",
    "queries",
    "mutations",
    "types",
    "loaders",
    "service",
    "repository",
    "models",
    "events",
    "errors",
    "settings",
    "schema.graphql",
    "migrations",
}
EMPTY_NAMES = re.compile(r"(^|_)(utils?|common|helpers?|managers?|misc)(_|$)")


def anatomy(tree: Tree) -> list[str]:
    """Every subgraph has the same file names: know one, know all."""
    allowed = _layers(tree) | REQUIRED
    found = []
    for name in tree.subgraphs:
        names = {it.parts[2].removesuffix(".py") for it in tree.files() if it.subgraph == name}
        found += [f"subgraphs/{name}: {it} is missing" for it in sorted(REQUIRED - names)]
        found += [f"subgraphs/{name}: {it} is no layer" for it in sorted(names - allowed)]
    return found


def _layers(tree: Tree) -> set[str]:
    """The modules that a subgraph may have: the layers of the import contract."""
    if (project := tree.sources.get("pyproject.toml")) is None:
        return set()
    layers = _contract(project.text, "layers")["layers"]
    return {name for layer in layers for name in re.findall(r"\w+", layer)}


def _contract(project: str, id: str) -> dict[str, list[str]]:
    contracts = tomllib.loads(project)["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["id"] == id)


def contracts(tree: Tree) -> list[str]:
    """The import contracts name every subgraph."""
    project = tree.sources["pyproject.toml"].text
    packages = {f"subgraphs.{name}" for name in tree.subgraphs}
    return [
        f"pyproject.toml: the contract {id} does not name {package}"
        for id, key in (
            ("layers", "containers"),
            ("independence", "modules"),
            ("kernel", "forbidden_modules"),
        )
        for package in sorted(packages - set(_contract(project, id)[key]))
    ]


def introductions(tree: Tree) -> list[str]:
    """A subgraph's package says in its docstring what it owns."""
    return [
        f"{source.path}: what does {source.subgraph} own?"
        for source in tree.python("subgraphs")
        if source.layer == "__init__" and not ast.get_docstring(source.tree)
    ]


def lengths(tree: Tree) -> list[str]:
    """A module has at most 300 lines."""
    return [
        f"{source.path}: {lines} lines"
        for source in tree.files()
        if source.name.endswith(CODE) and (lines := source.text.count("\n")) > MAX_LINES
    ]


def telling_names(tree: Tree) -> list[str]:
    """No file, class or function is called utils, common, helper or manager."""
    found = []
    for source in tree.files():
        if not source.name.endswith(CODE):
            continue
        found += [
            f"{source.path}: {part} says nothing"
            for part in source.parts
            if EMPTY_NAMES.search(part.partition(".")[0].lower())
        ]
        if source.name.endswith(".py"):
            found += _definitions(source.path, [*source.functions(), *source.classes()])
    return found


def _definitions(
    path: str, nodes: Iterable[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]
) -> list[str]:
    return [
        f"{path}:{node.lineno}: {node.name} says nothing"
        for node in nodes
        if EMPTY_NAMES.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name).lower())
    ]


def lone_bases(tree: Tree) -> list[str]:
    """No abstract base has fewer than two implementations."""
    classes = [(source, node) for source in tree.python() for node in source.classes()]
    bases = [ast.unparse(base) for _, node in classes for base in node.bases]
    found = []
    for source, node in classes:
        own = {ast.unparse(base) for base in node.bases} | {
            ast.unparse(word.value) for word in node.keywords if word.arg == "metaclass"
        }
        abstract = own & {"ABC", "abc.ABC", "ABCMeta", "abc.ABCMeta"}
        made = sum(re.split(r"[.\[]", base)[-1] == node.name for base in bases)
        if abstract and made <= 1:
            found.append(source.at(node, f"{node.name} has {made} implementation(s)"))
    return found


def language(tree: Tree) -> list[str]:
    """Python 3.11 can read every file."""
    return [
        f"{source.path}:{flaw.lineno}: {flaw.msg}"
        for source in tree.python()
        if (flaw := source.flaw) is not None
    ]


RULES = (anatomy, contracts, introductions, lengths, telling_names, lone_bases, language)

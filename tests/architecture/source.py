"""The tree as the rules see it: text files by path, parsed once."""

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Source:
    """One text file; `path` is relative to the root, with slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python 3.11 reads it; empty where it cannot."""
        return self._parsed if isinstance(self._parsed, ast.Module) else ast.Module([], [])

    @property
    def flaw(self) -> SyntaxError | None:
        """Why Python 3.11 cannot read it."""
        return self._parsed if isinstance(self._parsed, SyntaxError) else None

    @cached_property
    def _parsed(self) -> ast.Module | SyntaxError:
        try:
            return ast.parse(self.text, self.path, feature_version=(3, 11))
        except SyntaxError as error:
            return error

    @cached_property
    def calls(self) -> "list[tuple[ast.Call, str]]":
        return list(calls(self.tree))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return sorted(ast.walk(self.tree), key=_place)

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def subgraph(self) -> str | None:
        """The subgraph that this file belongs to; None for the kernel and everything else."""
        if self.parts[0] != "subgraphs" or len(self.parts) < 3 or self.parts[1] == "kernel":
            return None
        return self.parts[1]

    @property
    def layer(self) -> str | None:
        """Its place in the subgraph: `service` for `service.py` and for all of `service/`."""
        return self.parts[2].removesuffix(".py") if self.subgraph else None

    @property
    def is_kernel(self) -> bool:
        return self.parts[:2] == ("subgraphs", "kernel")

    def at(self, node: ast.AST, message: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {message}"

    def functions(self) -> Iterator[Function]:
        for node in self.nodes:
            if isinstance(node, Function):
                yield node

    def classes(self) -> Iterator[ast.ClassDef]:
        for node in self.nodes:
            if isinstance(node, ast.ClassDef):
                yield node

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """What `node` stands in, from the inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent


@dataclass(frozen=True)
class Tree:
    """Files by path; a bad sample is a small tree of its own."""

    sources: Mapping[str, Source]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "Tree":
        return cls({path: Source(path, text) for path, text in files.items()})

    def python(self, *folders: str) -> Iterator[Source]:
        """The Python files below `folders`, or all."""
        for source in self.files(*folders):
            if source.name.endswith(".py"):
                yield source

    def files(self, *folders: str) -> Iterator[Source]:
        for source in self.sources.values():
            if not folders or source.parts[0] in folders:
                yield source

    def layers(self, *names: str) -> Iterator[Source]:
        """The Python files of these layers, in every subgraph."""
        for source in self.python("subgraphs"):
            if source.layer in names:
                yield source

    @property
    def subgraphs(self) -> list[str]:
        return sorted({source.subgraph for source in self.sources.values() if source.subgraph})


@cache
def real_tree() -> Tree:
    """Every text file of this repository that git would commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = {}
    for path in sorted(filter(None, listed.stdout.decode().split("\0"))):
        try:
            files[path] = (ROOT / path).read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            continue  # deleted but not yet committed, or no text
    return Tree.of(files)


def dotted(node: ast.AST) -> str:
    """Spell a name or attribute as it stands: `info.context.read`; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case ast.Call(func=func):
            return f"{dotted(func)}()"
        case _:
            return ""


def calls(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call below `node`, with the name of what is called, as they stand in the file."""
    for inner in sorted(ast.walk(node), key=_place):
        if isinstance(inner, ast.Call):
            yield inner, dotted(inner.func)


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def decorators(node: Function | ast.ClassDef) -> list[str]:
    """The decorators' names, called or not."""
    return [dotted(it).removesuffix("()") for it in node.decorator_list]

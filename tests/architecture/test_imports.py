"""The import contracts of `pyproject.toml` catch what they forbid; the gate checks the tree."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from subgraphs.__main__ import NAMES
from tests.architecture.source import ROOT

LINT = "from importlinter.cli import lint_imports_command as lint; lint()"
LAYERS = (
    *("app", "worker", "schema", "queries", "mutations", "consumers", "types", "loaders"),
    *("service", "gateways", "repository", "models", "events", "errors", "settings"),
    *("locks", "progress", "markdown"),
)
GOOD = (
    ("subgraphs.learning.consumers", "subgraphs.courses.events"),
    ("subgraphs.learning.service", "subgraphs.learning.repository"),
    ("subgraphs.users.types", "strawberry"),
    ("infra.seed", "subgraphs.users.models"),
)
BAD = {  # by the contract that refuses it
    "layers": ("subgraphs.users.models", "subgraphs.users.service"),
    "independence": ("subgraphs.users.queries", "subgraphs.courses.queries"),
    "kernel": ("subgraphs.kernel.graphql", "subgraphs.users.events"),
    "kernel-cycles": ("subgraphs.kernel.bus", "subgraphs.kernel.outbox"),
    "graphql-edge": ("subgraphs.users.repository", "strawberry"),
    "no-way-back": ("subgraphs.users.app", "infra.stack"),
    "installation": ("infra.stack", "subgraphs.users.events"),
}
CIRCLE = ("subgraphs.kernel.outbox", "subgraphs.kernel.bus")
Import = tuple[str, str]


def names_of_contracts() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {it["id"]: it["name"] for it in project["tool"]["importlinter"]["contracts"]}


def broken(folder: Path, pairs: Iterable[Import]) -> set[str]:
    """The ids of the contracts that a tree with these imports, and no others, breaks."""
    imports = dict(pairs)
    for name in NAMES:
        for layer in LAYERS:
            _module(folder, f"subgraphs.{name}.{layer}", imports)
    for module in (
        *("subgraphs.kernel.bus", "subgraphs.kernel.outbox", "subgraphs.kernel.graphql"),
        *("infra.stack", "infra.seed", "tests"),
    ):
        _module(folder, module, imports)
    shutil.copy(ROOT / "pyproject.toml", folder)
    report = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "300", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    told = dict(re.findall(r"^(.+) (KEPT|BROKEN)", report, re.MULTILINE))
    names = names_of_contracts()
    assert set(told) == set(names.values()), report
    return {id for id, name in names.items() if told[name] == "BROKEN"}


def _module(folder: Path, name: str, imports: dict[str, str]) -> None:
    *packages, module = name.split(".")
    place = folder.joinpath(*packages)
    place.mkdir(parents=True, exist_ok=True)
    for depth in range(1, len(packages) + 1):
        folder.joinpath(*packages[:depth], "__init__.py").touch()
    text = f"import {imports[name]}\n" if name in imports else ""
    (place / f"{module}.py").write_text(text)


def test_a_good_tree_keeps_every_contract(tmp_path: Path) -> None:
    assert broken(tmp_path, GOOD) == set()


def test_every_contract_catches_its_bad_sample(tmp_path: Path) -> None:
    assert broken(tmp_path, [*BAD.values(), CIRCLE]) == set(names_of_contracts())


def test_every_contract_has_a_bad_sample() -> None:
    assert set(names_of_contracts()) == set(BAD)

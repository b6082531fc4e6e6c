"""Write each subgraph's schema and the supergraph; or check that they are up to date."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from infra.bootstrap.parts import ROOT
from infra.stack import binaries
from infra.stack.credentials import SUBGRAPHS
from infra.stack.environment import base
from infra.terminal import Failure, fail, say

AT_ONCE = 2
PUBLIC_SCHEMA = "router/schema.graphql"
COMPOSE = ROOT / "router" / "compose.ts"


def run(options: argparse.Namespace) -> int:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        right = pool.map(lambda name: _write_schema(name, check=options.check), SUBGRAPHS)
        stale = [name for name, is_right in zip(SUBGRAPHS, right, strict=True) if not is_right]
    for name in stale:
        fail(f"subgraphs/{name}/schema.graphql is stale; run: python3 -m infra compose")
    with _schema_of(options.base) as before:
        words = ["--check"] * options.check + (["--base", before] if before else [])
        command = [str(binaries.node()), str(COMPOSE), *words]
        composed = subprocess.run(command, cwd=ROOT, env=base(), check=False)  # noqa: S603
    return composed.returncode or int(bool(stale))


@contextmanager
def _schema_of(commit: str | None) -> Iterator[str | None]:
    """A file with the public schema of another commit, if that commit had one."""
    if commit is None:
        yield None
        return
    git = shutil.which("git") or "git"
    show = subprocess.run(  # noqa: S603, our own command
        [git, "show", f"{commit}:{PUBLIC_SCHEMA}"], cwd=ROOT, capture_output=True, check=False
    )
    known = subprocess.run(  # noqa: S603, our own command
        [git, "rev-parse", "--verify", f"{commit}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if known.returncode:
        raise Failure(f"There is no commit {commit!r} to compare with.")
    if show.returncode:
        say(f"{commit} has no {PUBLIC_SCHEMA}; nothing to compare with.")
        yield None
        return
    with tempfile.NamedTemporaryFile(suffix=".graphql") as file:
        file.write(show.stdout)
        file.flush()
        yield file.name


def _write_schema(name: str, *, check: bool) -> bool:
    """Print a subgraph's schema into its file; tell whether the file was right already."""
    command = [sys.executable, "-m", "subgraphs", "schema", name]
    result = subprocess.run(  # noqa: S603, our own command
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        reason = (result.stderr.strip() or "no reason given").splitlines()[-1]
        raise Failure(f"The schema of {name} cannot be printed: {reason}")
    file = ROOT / "subgraphs" / name / "schema.graphql"
    same = file.exists() and file.read_text() == result.stdout
    if not check and not same:
        file.write_text(result.stdout)
        say(f"Wrote {file.relative_to(ROOT)}.")
    return same or not check

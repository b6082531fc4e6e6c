"""Write each subgraph's schema and the supergraph; or check that they are up to date."""

import argparse
import subprocess
import sys

from infra.bootstrap.node import with_node
from infra.bootstrap.parts import ROOT
from infra.stack import binaries
from infra.stack.credentials import SUBGRAPHS
from infra.stack.environment import base
from infra.terminal import Failure, fail, say

COMPOSE = ROOT / "router" / "compose.ts"


def run(options: argparse.Namespace) -> int:
    stale = [name for name in SUBGRAPHS if not _write_schema(name, check=options.check)]
    for name in stale:
        fail(f"subgraphs/{name}/schema.graphql is stale; run: python3 -m infra compose")
    words = ["--check"] * options.check + (["--base", options.base] if options.base else [])
    command = [str(binaries.node()), str(COMPOSE), *words]
    composed = subprocess.run(command, cwd=ROOT, env=with_node(base()), check=False)  # noqa: S603
    return composed.returncode or int(bool(stale))


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

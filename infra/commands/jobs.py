"""Commands that hand over to a module of the project, in the environment of its servers."""

import argparse
import os
import subprocess
import sys

from infra.bootstrap.parts import ROOT
from infra.stack import Stack, credentials, folder, state, topology
from infra.stack.credentials import SUBGRAPHS
from infra.stack.environment import Layout, of_servers


def migrate(options: argparse.Namespace) -> int:
    """Bring every database to the newest schema."""
    return _with_servers(options, ["subgraphs", "migrate", *SUBGRAPHS, *options.arguments])


def seed(options: argparse.Namespace) -> int:
    """Fill the databases with real courses and generated people."""
    home = folder.prepare(options.data)
    code = migrate(argparse.Namespace(data=options.data, arguments=[]))
    code = code or _with_servers(options, topology.seed_words(home, options.size))
    if not code:
        home.seeded.write_text(options.size)
    return code


def events(options: argparse.Namespace) -> int:
    """Show lag and dead letters of the events, or replay them."""
    return _with_servers(options, ["subgraphs", "events", *options.arguments])


def import_course(options: argparse.Namespace) -> int:
    """Import a folder of Markdown lessons with a `course.toml`."""
    words = ["subgraphs.courses.importer", str(options.folder.resolve())]
    words += ["--organization", options.organization, *options.arguments]
    return _with_servers(options, words)


def rotate_keys(options: argparse.Namespace) -> int:
    """Make a new signing key for access tokens; the old one stays valid for what it signed."""
    return _with_servers(options, ["subgraphs.users.keys", "rotate", *options.arguments])


def bench(options: argparse.Namespace) -> int:
    """Measure requests a second, latency and CPU; `bench faults` runs the great experiment."""
    module, words = "tests.load", options.arguments
    if words[:1] == ["faults"]:
        module, words = "tests.faults", words[1:]
    return _run([module, *words], dict(os.environ))


def _with_servers(options: argparse.Namespace, words: list[str]) -> int:
    """Use the servers that run, or start the two stores for as long as it takes."""
    home = folder.prepare(options.data)
    if folder.owner(home) is not None:
        return _run(words, _running_environment(home))
    with Stack(home.root, only=topology.STORES) as stack:
        return _run(words, stack.environment)


def _running_environment(home: folder.Folder) -> dict[str, str]:
    now = state.read(home)
    layout = Layout(now.public_port, now.host, now.ports)
    return of_servers(home, credentials.load(home), layout)


def _run(words: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603

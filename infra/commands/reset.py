"""Delete all data of this stack."""

import argparse

from infra.stack import folder, process, state
from infra.terminal import fail, say


def run(options: argparse.Namespace) -> int:
    home = folder.find(options.data)
    if not options.yes:
        fail(f"This deletes all data in {home.root}. Repeat it with --yes.")
        return 2
    with folder.owned(home):
        process.end_orphans(state.read(home).orphans())
        folder.erase(home)
    say(f"Deleted all data in {home.root}.")
    return 0

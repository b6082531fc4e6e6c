"""`python -m tests.faults`: the great experiment at any size, on a stack of its own."""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from infra.stack import Stack
from infra.terminal import Failure, fail, say
from tests.faults import experiment, figures


def main() -> int:
    """0 if nothing was lost, doubled or out of order; the figures go to the terminal as JSON."""
    plan = _parse()
    with tempfile.TemporaryDirectory(prefix="polynode-faults-") as folder:
        try:
            with Stack(Path(folder), separate=True) as stack:
                outcome = asyncio.run(experiment.run(stack, plan))
        except Failure as failure:
            return fail(str(failure))
    figures.write("exactly once", outcome.as_json())
    say(json.dumps(outcome.as_json(), indent=2))
    return 0 if outcome.is_flawless and outcome.completions >= plan.completions else 1


def _parse() -> experiment.Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    full = experiment.FULL
    add = parser.add_argument
    add("--completions", type=int, default=full.completions, help=f"({full.completions})")
    add("--seed", type=int, default=full.seed, help="of the kills (always the same)")
    add("--every", type=int, nargs=2, default=full.every, help="completions between two kills")
    add("--failpoints", default=full.failpoints, help=f"of the worker ({full.failpoints})")
    options = parser.parse_args()
    return replace(full, **{**vars(options), "every": tuple(options.every)})


if __name__ == "__main__":
    sys.exit(main())

"""From the user's Python into the project's: the environment first, then the command."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from infra import bootstrap, cli
from infra.terminal import Failure, fail

INTERRUPTED = 130
HANDED_OVER = "POLYNODE_HANDED_OVER"


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; an expected failure is one line on stderr."""
    if sys.platform == "win32":
        return fail("Windows is not supported; use the Linux of WSL.")
    options = cli.parse(arguments)
    try:
        bootstrap.ensure()
        if Path(sys.prefix) != bootstrap.ENVIRONMENT:
            _hand_over(arguments)
        os.environ.pop(HANDED_OVER, None)  # it is about this process, not about its children
        # Where it is set, every process would compile everything anew, which takes seconds each.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        return cli.run(options)
    except Failure as failure:
        return fail(str(failure))
    except KeyboardInterrupt:
        fail("Interrupted. Run the same command again to go on.")
        return INTERRUPTED


def _hand_over(arguments: list[str]) -> NoReturn:
    """Become the same command in the environment; only once, or a damaged one would loop."""
    if os.environ.get(HANDED_OVER):
        raise Failure("The environment in .venv is damaged. Delete .venv and try again.")
    python = str(bootstrap.PYTHON)
    environment = os.environ | {HANDED_OVER: "1"}
    os.execve(python, [python, "-m", "infra", *arguments], environment)  # noqa: S606, no shell wanted

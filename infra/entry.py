"""From the user's Python into the project's: the environment first, then the command."""

import os
import sys
from pathlib import Path

from infra import bootstrap, cli
from infra.terminal import Failure, fail

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; an expected failure is one line on stderr."""
    if sys.platform == "win32":
        return fail("Windows is not supported; use the Linux of WSL.")
    options = cli.parse(arguments)
    try:
        bootstrap.ensure()
        if Path(sys.prefix) != bootstrap.ENVIRONMENT:
            python = str(bootstrap.PYTHON)
            os.execv(python, [python, "-m", "infra", *arguments])  # noqa: S606, no shell wanted
        return cli.run(options)
    except Failure as failure:
        return fail(str(failure))
    except KeyboardInterrupt:
        fail("Interrupted. Run the same command again to go on.")
        return INTERRUPTED

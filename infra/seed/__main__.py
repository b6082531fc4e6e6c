"""`python -m infra.seed`: one command, run by `infra up` on new data and by `infra seed`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from infra.seed import run
from infra.seed.sizes import SIZES
from infra.terminal import Failure, fail


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.seed", description=__doc__)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--data", type=Path, required=True, help="keeps fetched packages")
    parser.add_argument("--demo", type=Path, required=True, help="file for the demo logins")
    options = parser.parse_args()
    urls = {name: os.environ.get(f"{name.upper()}_DATABASE_URL", "") for name in run.DATABASES}
    if missing := [name for name, url in urls.items() if not url]:
        return fail(f"{missing[0].upper()}_DATABASE_URL is not set. Use: python3 -m infra seed")
    try:
        asyncio.run(run.seed(SIZES[options.size], urls, options.data, options.demo))
    except Failure as failure:
        return fail(str(failure))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python3 -m infra`: any Python 3 can read this file, so an old one gets a sentence."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036, an old Python runs this
    sys.stderr.write(
        "polynode: Python 3.11 or newer is needed; this is {}.{}. Try python3.11\n".format(
            *sys.version_info[:2]
        )
    )
    sys.exit(2)

from infra.entry import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

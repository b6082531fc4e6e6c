"""Places where a test may end the process, to prove that what was acknowledged survives."""

import os
import random

_armed = dict(
    point.partition("=")[::2] for point in os.environ.get("POLYNODE_FAILPOINTS", "").split(",")
)


def reach(name: str) -> None:
    """End the process without clean-up, if `POLYNODE_FAILPOINTS` says `name=probability`."""
    if name in _armed and random.random() < float(_armed[name]):  # noqa: S311, no secret
        os._exit(75)

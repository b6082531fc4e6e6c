"""The record of what was published: `python -m tests.architecture.published` adds what is new.

It never changes or forgets a payload. To change one, publish a new version beside it: a subclass
of `Event` with `version=2`.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from subgraphs.__main__ import NAMES
from subgraphs.kernel.auth import TokensRevoked
from subgraphs.kernel.events import Event
from tests.architecture.rules.events import changes, payloads

RECORD = Path(__file__).with_name("events.json")


def recorded() -> dict[str, Any]:
    """What each version of each event has carried since it was first published."""
    found: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return found


def current() -> dict[str, Any]:
    """What the code says now."""
    modules = [import_module(f"subgraphs.{name}.events") for name in NAMES]
    own = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Event)
        and value.__module__ == module.__name__
    ]
    return payloads([TokensRevoked, *own])


def main() -> int:
    now, before = current(), recorded()
    if broken := changes(before, now):
        sys.stderr.write("".join(f"{line}: publish a new version instead.\n" for line in broken))
        return 1
    RECORD.write_text(json.dumps(dict(sorted(now.items())), indent=2, sort_keys=True) + "\n")
    sys.stdout.write(f"{len(now) - len(before)} added.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

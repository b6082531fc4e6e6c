"""The environment, made from the lock files with nothing but the standard library.

Each part carries a stamp, written last: the hash of what it was made from. A part whose stamp is
missing was interrupted and is made anew; one whose stamp matches costs a few milliseconds.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.bootstrap import node, python
from infra.bootstrap.parts import HELD, ROOT, Part
from infra.terminal import Failure, Progress, say

ENVIRONMENT = python.ENVIRONMENT
PYTHON = python.PYTHON
LOCK = ROOT / ".polynode" / "bootstrap.lock"
PARTS: tuple[Callable[[], list[Part]], ...] = (python.parts, node.parts)


def ensure() -> None:
    """Make what is missing or stale; raise `Failure` with one line when that is impossible."""
    if all(part.is_fresh() for find in PARTS for part in find()):
        return
    with _alone():
        progress = Progress()
        for find in PARTS:  # asked again: another process may just have made them
            for part in find():
                if not part.is_fresh():
                    part.make(progress)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the one bootstrap lock, until this process and every command it runs have ended."""
    try:
        LOCK.parent.mkdir(exist_ok=True)
        file = LOCK.open("a+")
    except OSError as error:
        raise Failure(f"Cannot write into {ROOT}: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"Another bootstrap is running (process {file.read() or '?'}); waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        HELD.add(file.fileno())
        try:
            yield
        finally:
            HELD.discard(file.fileno())

"""CPU and memory of the servers, by the part of the stack they belong to."""

from collections.abc import Mapping
from contextlib import suppress

import psutil

PARTS = ("edge", "gateway", "subgraphs", "worker", "postgres", "valkey")
_PART_OF = {
    "users": "subgraphs",
    "courses": "subgraphs",
    "learning": "subgraphs",
    "tasks": "worker",
}


def part_of(process: str) -> str:
    """The part that a process of the stack counts for, such as `subgraphs` for `subgraphs-2`."""
    return "subgraphs" if process.startswith("subgraphs-") else _PART_OF.get(process, process)


class Meter:
    """Reads the process trees below the pids it was given, by their names."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._roots = [(part_of(name), psutil.Process(pid)) for name, pid in pids.items()]

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU so far, by part.

        Children that have ended count as well: Postgres ends a backend with its connection.
        """
        found: dict[str, float] = {}
        for part, root in self._roots:
            ended = root.cpu_times()
            seconds = ended.children_user + ended.children_system
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    seconds += times.user + times.system
            found[part] = found.get(part, 0.0) + seconds
        return found

    def memory(self) -> dict[str, int]:
        """Resident bytes now, by part; what processes share is counted in each."""
        found: dict[str, int] = {}
        for part, root in self._roots:
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    found[part] = found.get(part, 0) + process.memory_info().rss
        return found


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds between two readings."""
    return {part: after[part] - before.get(part, 0.0) for part in after}

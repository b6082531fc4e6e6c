"""One process of the stack, described: nothing here runs anything."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Probe = Callable[[], Awaitable[bool]]


async def _always() -> bool:
    return True


@dataclass(frozen=True)
class Part:
    """`needs` are ready before it starts, and are stopped after it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    probe: Probe = _always  # is it ready to serve?
    port: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    user: tuple[int, int] | None = None  # drop from root to this uid and gid
    search: bool = False  # that user may walk through root's closed folders
    once: bool = False  # a job: it is ready when it has ended with 0
    done: bool = False  # a job that an earlier start has done


def stop_order(parts: Mapping[str, Part]) -> list[list[str]]:
    """Names in groups that may stop together: whoever needs a part is in an earlier group."""
    left = dict(parts)
    groups = []
    while left:
        needed = {need for part in left.values() for need in part.needs}
        groups.append([name for name in left if name not in needed])
        for name in groups[-1]:
            del left[name]
    return groups

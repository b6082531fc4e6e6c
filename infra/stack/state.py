"""What the last start left on disk: its ports, and who its children are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.stack.folder import Folder, write_json
from infra.stack.process import Identity


@dataclass(frozen=True)
class State:
    """`children` are process identities with the signal that ends each."""

    supervisor: int = 0
    ready: bool = False
    host: str = "127.0.0.1"
    public_port: int = 0
    ports: Mapping[str, int] = field(default_factory=dict)
    children: Mapping[str, tuple[int, float, int]] = field(default_factory=dict)

    def orphans(self) -> list[tuple[Identity, int]]:
        return [(Identity(pid, created), number) for pid, created, number in self.children.values()]


def read(folder: Folder) -> State:
    """The last state; an absent or torn file counts as none."""
    try:
        stored: dict[str, Any] = json.loads(folder.state.read_text())
        return State(**stored)
    except (OSError, ValueError, TypeError):
        return State()


def write(folder: Folder, state: State) -> None:
    write_json(folder.state, state.__dict__)

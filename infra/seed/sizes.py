"""How much is made, and the random numbers and ids that make a run repeatable."""

import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)


@dataclass(frozen=True)
class Size:
    """Totals; `courses` includes the imported ones."""

    name: str
    organizations: int
    users: int
    courses: int
    enrollments: int
    completions: int


SIZES = {
    size.name: size
    for size in (
        Size("small", 3, 200, 30, 1_600, 12_000),
        Size("large", 40, 20_000, 2_000, 200_000, 2_000_000),
    )
}


def chance(*purpose: object) -> random.Random:
    """Random numbers of their own for each purpose: more of one thing changes no other."""
    return random.Random(":".join(map(str, purpose)))  # noqa: S311, repeatable on purpose


def new_id(moment: datetime, numbers: random.Random) -> UUID:
    """Make a UUIDv7 of a moment, as the product's own ids are, but repeatable."""
    milliseconds = int(moment.timestamp() * 1_000)
    low = numbers.getrandbits(74)
    tail = ((low >> 62) << 64) | (low & (1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | _VERSION_AND_VARIANT | tail)

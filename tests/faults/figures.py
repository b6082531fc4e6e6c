"""What the tests of faults measure, as JSON lines for whoever reports them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

FILE = "POLYNODE_FIGURES"
Figure = Callable[..., None]


def write(row: str, figures: dict[str, object]) -> None:
    """Append the figures of a row of the fault table to the file that `POLYNODE_FIGURES` names."""
    if name := os.environ.get(FILE):
        with Path(name).open("a") as file:
            file.write(json.dumps({"row": row, **figures}) + "\n")


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

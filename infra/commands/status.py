"""Show each process: pid, port, uptime, restarts, health."""

import argparse
import json
from typing import Any

from infra.stack import control, folder, state
from infra.terminal import paint, say

COLUMNS = ("PROCESS", "PID", "PORT", "UPTIME", "RESTARTS", "CPU", "MEMORY", "HEALTH")
MINUTE, HOUR = 60, 3600
COLOURS = {"ok": "green", "done": "dim", "stopped": "yellow"}


def run(options: argparse.Namespace) -> int:
    """0 when all is well, 3 when a process is not, 1 when nothing runs."""
    home = folder.find(options.data)
    rows = control.ask(home, "status")
    now = state.read(home)
    if options.json:
        url = f"http://localhost:{now.public_port}"
        say(json.dumps({"url": url, "ready": now.ready, "processes": rows}, indent=2))
    else:
        _table([COLUMNS, *map(_row, rows)])
    return 0 if all(row["health"] in {"ok", "done", "stopped"} for row in rows) else 3


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    alive = row["pid"] is not None
    return (
        row["name"],
        str(row["pid"] or "-"),
        str(row["port"] or "-"),
        _duration(row["uptime_seconds"]) if alive else "-",
        str(row["restarts"]),
        f"{row['cpu_seconds']:.1f} s" if alive else "-",
        f"{row['memory_bytes'] / 1e6:.0f} MB" if alive else "-",
        row["health"],
    )


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        health = paint(row[-1], COLOURS.get(row[-1], "bold" if row is rows[0] else "red"))
        say("  ".join([*cells[:-1], health]))


def _duration(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"

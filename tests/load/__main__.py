"""`python -m tests.load`, which `python3 -m infra bench` runs."""

import argparse
import asyncio
import json
import os
import platform
import sys
from pathlib import Path

from infra.stack import Stack
from infra.terminal import Failure, fail, say
from tests.load import bench, realtime, report
from tests.load.bench import Load
from tests.load.scenarios import SCENARIOS
from tests.load.servers import Servers, data_folder, running_stack, serving

REALTIME = "realtime"


def main() -> int:
    options = _parse()
    data = options.data or data_folder(options.size)
    try:
        with running_stack(data, options.size, options.processes) as stack:
            rows, live = asyncio.run(_run(stack, options))
    except Failure as failure:
        return fail(str(failure))
    target = options.json or data / "bench.json"
    target.write_text(json.dumps(_document(options, rows, live), indent=2) + "\n")
    say(f"\nAll figures: {target}")
    failed = any(row.product.errors or row.baseline.errors for row in rows)
    return 1 if failed or (live and (live.heard.missing or live.heard.doubled)) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra bench", description=__doc__)
    add = parser.add_argument
    names = [*SCENARIOS, REALTIME]
    add("--size", choices=("small", "large"), default="small", help="of the seed (small)")
    add("--users", type=_numbers, default=[16, 64, 1_000], help="at once (16,64,1000)")
    add("--rate", type=float, default=170, help="requests a second of the steady load (170; 0: no)")
    add("--rate-users", type=int, default=1_000, help="who share the steady load (1000)")
    add("--seconds", type=float, default=10, help="of each measurement (10)")
    add("--scenario", action="append", choices=names, help="only this one; may be repeated")
    add("--sockets", type=int, default=1_000, help=f"of the scenario {REALTIME} (1000)")
    add("--changes", type=float, default=50, help="completions a second that they hear of (50)")
    add("--processes", type=int, default=0, help="that host the subgraphs (one a core)")
    add("--data", type=Path, help="data folder (.polynode/bench-SIZE)")
    add("--json", type=Path, help="file for the figures (bench.json in the data folder)")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",") if word]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from None


async def _run(
    stack: Stack, options: argparse.Namespace
) -> tuple[list[report.Row], realtime.Live | None]:
    chosen = options.scenario or [*SCENARIOS, REALTIME]
    async with serving(stack) as servers:
        rows = await _requests(servers, [name for name in chosen if name != REALTIME], options)
        if REALTIME not in chosen:
            return rows, None
        live = await realtime.measure(servers, options.sockets, options.changes, options.seconds)
    for text in realtime.lines(live):
        say(text)
    return rows, live


async def _requests(
    servers: Servers, names: list[str], options: argparse.Namespace
) -> list[report.Row]:
    loads = [Load(users) for users in options.users]
    loads += [Load(options.rate_users, options.rate)] if options.rate else []
    rows: list[report.Row] = []
    scenarios = [SCENARIOS[name] for name in names]
    async for row in bench.run(servers, scenarios, loads, options.seconds):
        if not rows or rows[-1].scenario != row.scenario:
            for text in report.heading(row.scenario):
                say(text)
        say(report.line(row))
        rows.append(row)
    return rows


def _document(
    options: argparse.Namespace, rows: list[report.Row], live: realtime.Live | None
) -> dict[str, object]:
    return {
        "size": options.size,
        "seconds": options.seconds,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "rows": [report.as_json(row) for row in rows],
        "realtime": live and realtime.as_json(live),
    }


if __name__ == "__main__":
    sys.exit(main())

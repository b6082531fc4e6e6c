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
from tests.load import bench, report
from tests.load.bench import Load
from tests.load.scenarios import SCENARIOS
from tests.load.servers import data_folder, running_stack, serving


def main() -> int:
    options = _parse()
    data = options.data or data_folder(options.size)
    try:
        with running_stack(data, options.size, options.processes) as stack:
            rows = asyncio.run(_http(stack, options))
    except Failure as failure:
        return fail(str(failure))
    target = options.json or data / "bench.json"
    target.write_text(json.dumps(_document(options, rows), indent=2) + "\n")
    say(f"\nAll figures: {target}")
    return 1 if any(row.product.errors or row.baseline.errors for row in rows) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra bench", description=__doc__)
    add = parser.add_argument
    add("--size", choices=("small", "large"), default="small", help="of the seed (small)")
    add("--users", type=_numbers, default=[16, 64, 1_000], help="at once (16,64,1000)")
    add(
        "--rate", type=float, default=170, help="requests a second of the steady load (170; 0: off)"
    )
    add("--rate-users", type=int, default=1_000, help="who share the steady load (1000)")
    add("--seconds", type=float, default=10, help="of each measurement (10)")
    add("--scenario", action="append", choices=[*SCENARIOS], help="only this one; may be repeated")
    add("--processes", type=int, default=0, help="that host the subgraphs (one a core)")
    add("--data", type=Path, help="data folder (.polynode/bench-SIZE)")
    add("--json", type=Path, help="file for the figures (bench.json in the data folder)")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",") if word]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from None


async def _http(stack: Stack, options: argparse.Namespace) -> list[report.Row]:
    loads = [Load(users) for users in options.users]
    loads += [Load(options.rate_users, options.rate)] if options.rate else []
    scenarios = [SCENARIOS[name] for name in options.scenario or SCENARIOS]
    rows: list[report.Row] = []
    async with serving(stack) as servers:
        async for row in bench.run(servers, scenarios, loads, options.seconds):
            for text in list(report.table([*rows, row]))[len(list(report.table(rows))) :]:
                say(text)
            rows.append(row)
    return rows


def _document(options: argparse.Namespace, rows: list[report.Row]) -> dict[str, object]:
    return {
        "size": options.size,
        "seconds": options.seconds,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "rows": [report.as_json(row) for row in rows],
    }


if __name__ == "__main__":
    sys.exit(main())

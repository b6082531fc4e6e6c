"""Show the logs, of one process or of all."""

import argparse

from infra.stack import folder, logs
from infra.terminal import Failure, say


def run(options: argparse.Namespace) -> int:
    home = folder.find(options.data)
    known = logs.names(home)
    if options.name and options.name not in known:
        raise Failure(f"There is no log {options.name!r}; there are: {', '.join(known) or 'none'}.")
    chosen = [options.name] if options.name else known
    ends = {}
    for name in chosen:
        lines, ends[logs.path(home, name)] = logs.tail_and_end(logs.path(home, name), options.lines)
        for line in lines:
            _show(name, line, alone=len(chosen) == 1)
    if options.follow:
        for file, line in logs.follow(ends):
            _show(file.stem, line, alone=len(chosen) == 1)
    return 0


def _show(name: str, line: str, *, alone: bool) -> None:
    say(line if alone else f"{name:<12} {line}")

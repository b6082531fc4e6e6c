"""A log a process, bounded in size; old lines move to one older file."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from infra.stack.folder import Folder

LARGEST_BYTES = 10_000_000
FOLLOW_SECONDS = 0.1
TAIL_BYTES = 64_000


def path(folder: Folder, name: str) -> Path:
    return folder.logs / f"{name}.log"


def names(folder: Folder) -> list[str]:
    return sorted(file.stem for file in folder.logs.glob("*.log"))


def rotate(folder: Folder) -> None:
    """Cut every log that has grown too large; its writer appends, and so goes on at the start."""
    for file in folder.logs.glob("*.log"):
        if file.stat().st_size > LARGEST_BYTES:
            shutil.copyfile(file, file.with_suffix(".log.1"))
            with file.open("r+") as log:
                log.truncate(0)


def tail(file: Path, count: int) -> list[str]:
    """The last lines."""
    lines, _ = tail_and_end(file, count)
    return lines


def tail_and_end(file: Path, count: int) -> tuple[list[str], int]:
    """The last whole lines, and the position behind them, from which `follow` goes on."""
    try:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read()
            end = log.tell()
    except FileNotFoundError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    lines = whole.decode(errors="replace").splitlines()
    return lines[len(lines) - min(count, len(lines)) :], end - len(text) + len(whole)


def follow(positions: Mapping[Path, int]) -> Iterator[tuple[Path, str]]:
    """Yield whole lines as they are written, from a position in each file; never ends."""
    with ExitStack() as stack:
        logs: dict[Path, IO[bytes]] = {}
        for file, position in positions.items():
            logs[file] = stack.enter_context(file.open("rb"))
            logs[file].seek(position)
        while True:
            quiet = True
            for file, log in logs.items():
                if file.stat().st_size < log.tell():
                    log.seek(0)  # it was rotated
                while (line := log.readline()).endswith(b"\n"):
                    quiet = False
                    yield file, line.decode(errors="replace").rstrip("\n")
                log.seek(-len(line), 1)  # a line half written is read again
            if quiet:
                time.sleep(FOLLOW_SECONDS)

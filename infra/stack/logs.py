"""A log a process, bounded in size; old lines move to one older file."""

import shutil
import time
from collections.abc import Iterable, Iterator
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
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def follow(files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yield whole lines as they are written, and `""` lines of no file's while nothing comes."""
    with ExitStack() as stack:
        logs: dict[Path, IO[str]] = {}
        for file in files:
            logs[file] = stack.enter_context(file.open(errors="replace"))
            logs[file].seek(0, 2)
        while True:
            quiet = True
            for file, log in logs.items():
                if file.stat().st_size < log.tell():
                    log.seek(0)  # it was rotated
                while line := log.readline():
                    quiet = False
                    yield file, line.rstrip("\n")
            if quiet:
                time.sleep(FOLLOW_SECONDS)

"""The command line as a person uses it: real processes, and what they print."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra.bootstrap.parts import ROOT
from infra.stack import folder, state

SECONDS = 100
STORES = ("--only", "postgres", "--only", "valkey", "--postgres", "fsync=off")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Infra = Callable[..., Outcome]


def infra(*words: str, environment: Mapping[str, str] | None = None, prefix: list[str]) -> Outcome:
    result = subprocess.run(  # noqa: S603, ourselves
        [*prefix, sys.executable, "-m", "infra", *words],
        cwd=ROOT,
        env=os.environ | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Outcome(result.returncode, result.stdout, result.stderr)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A scratch data folder; whatever a failed test left running on it is ended."""
    path = tmp_path / "data"
    yield path
    left = state.read(folder.Folder(path.resolve()))
    for pid in (left.supervisor, *(child[0] for child in left.children.values())):
        with suppress(psutil.NoSuchProcess, ValueError):
            process = psutil.Process(pid)
            if str(path) in " ".join(process.cmdline()):
                process.send_signal(signal.SIGKILL)


@pytest.fixture
def run(data: Path) -> Infra:
    """Run a command on the scratch folder."""

    def command(
        name: str,
        *words: str,
        environment: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> Outcome:
        words = (name, *words, "--data", str(data))
        return infra(*words, environment=environment, prefix=list(prefix))

    return command


@pytest.fixture
def stores(run: Infra) -> Iterator[Infra]:
    """The same, with Postgres and Valkey up."""
    started = run("up", "--detach", *STORES)
    assert started.code == 0, started.err
    yield run
    run("down")

"""Terminals that close, logs that cannot be cut, deaths at a bad moment, awkward paths."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from infra.bootstrap.parts import ROOT
from infra.stack import Stack, folder, logs
from infra.terminal import Failure
from tests.infra.conftest import STORES, Infra
from tests.support.stack import HASTE, MakeStack

SECONDS = 60


def start(data: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603, ourselves
        [sys.executable, "-m", "infra", "up", "--data", str(data), *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_part_comes_back_though_nobody_can_be_told(data: Path) -> None:
    stack = Stack(data, only=("valkey",))
    with start(data, "--only", "valkey", "--port", "0") as up:
        assert up.stdout
        for line in up.stdout:
            if line.startswith("Ready: "):
                break
        up.stdout.close()
        pids = [stack.wait("valkey")]
        for _ in range(2):
            killed = stack.kill("valkey")
            pids.append(stack.wait("valkey", other_than=killed))
        up.terminate()

    assert len(set(pids)) == 3


def test_logs_are_cut_again_once_they_can_be(make_stack: MakeStack) -> None:
    stack = make_stack(only=("valkey",))
    broken, large = (logs.path(stack.folder, name) for name in ("broken", "large"))
    broken.symlink_to("/nowhere/at-all")
    deadline = time.monotonic() + SECONDS
    while "A log cannot be cut: " not in stack.log("up"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    broken.unlink()
    large.write_bytes(b"x" * (logs.LARGEST_BYTES + 1))
    while large.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reset_right_after_a_kill_waits_for_what_is_left(run: Infra, data: Path) -> None:
    stack = Stack(data, only=("postgres",), postgres=HASTE)
    stack.up()
    stack.kill_supervisor()
    told = run("reset", "--yes")

    assert (told.code, told.err) == (0, "")
    assert [path.name for path in data.iterdir()] == ["lock"]


def test_an_interrupted_detach_leaves_nothing_running(data: Path) -> None:
    home = folder.Folder(data.resolve())
    deadline = time.monotonic() + SECONDS
    with start(data, "--detach", *STORES) as up:
        while folder.owner(home) in {None, 0, up.pid}:  # the child goes on to make databases
            assert time.monotonic() < deadline
            time.sleep(0.01)
        up.send_signal(signal.SIGINT)
        said, _ = up.communicate()

    assert up.returncode == 130, said
    assert folder.owner(home) is None


async def test_a_data_folder_with_a_space_and_a_plus_in_its_name(tmp_path: Path) -> None:
    home = tmp_path / "a b+c"
    with Stack(home, only=("postgres",), postgres=HASTE) as stack:
        assert stack.folder.sockets == home / "run"
        url = stack.database_url("users")
        connection = await asyncpg.connect(  # type: ignore[no-untyped-call]
            url.replace("+asyncpg", "")
        )
        name = await connection.fetchval("SELECT current_database()")
        await connection.close()

    assert name == "users"
    assert make_url(url).query["host"] == str(home / "run" / "postgres")


def test_what_cannot_be_deleted_is_one_line(tmp_path: Path) -> None:
    home = folder.prepare(tmp_path / "data")
    home.marker.unlink()

    with pytest.raises(Failure, match=f"^Cannot delete {home.marker}: No such file or directory"):
        folder.erase(home)

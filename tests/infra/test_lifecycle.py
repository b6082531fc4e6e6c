"""Up, down, killed, up again: with the two stores, the parts that have something to lose."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from infra.bootstrap.parts import ROOT
from infra.commands.status import COLUMNS
from infra.stack import Stack, credentials, folder, logs, state
from tests.infra.conftest import STORES, Infra
from tests.support.stack import MakeStack

STORE_PARTS = ("postgres", "valkey")


async def connect(url: str) -> Any:
    return await asyncpg.connect(url.replace("+asyncpg", ""))  # type: ignore[no-untyped-call]


async def remember(stack: Stack, word: str) -> None:
    connection = await connect(stack.database_url("users"))
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()


async def remembered(stack: Stack) -> list[str]:
    connection = await connect(stack.database_url("users"))
    rows = await connection.fetch("SELECT word FROM words ORDER BY word")
    await connection.close()
    return [row["word"] for row in rows]


def test_up_status_and_down(run: Infra, data: Path) -> None:
    up = run("up", "--detach", *STORES)
    status = run("status", "--json")
    table = run("status")
    down = run("down")
    after = run("status")

    assert up.code == 0
    assert "Ready: postgres, valkey" in up.out
    rows = json.loads(status.out)["processes"]
    assert [(row["name"], row["health"], row["restarts"]) for row in rows] == [
        ("postgres", "ok", 0),
        ("valkey", "ok", 0),
    ]
    assert table.out.split()[:8] == list(COLUMNS)
    assert down.code == 0
    assert not any(psutil.pid_exists(row["pid"]) for row in rows)
    assert (after.code, after.err) == (1, f"polynode: Nothing is running on {data}.\n")


def test_the_second_up_on_a_data_folder_is_refused(stores: Infra, data: Path) -> None:
    owner = state.read(folder.find(data)).supervisor

    second = stores("up", *STORES)

    assert second.code == 1
    assert second.err == (
        f"polynode: The data folder {data} is in use by process {owner}. "
        "Stop it (infra down) or choose another with --data.\n"
    )
    assert stores("status").code == 0  # the first one did not notice


def test_a_taken_port_is_replaced_and_the_replacement_told(run: Infra) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = run("up", "--detach", "--port", str(port), *STORES)
        run("down")

    assert up.code == 0
    assert f"Port {port} is taken; using {port + 1}." in up.out


def test_a_second_start_keeps_ports_and_secrets(run: Infra, data: Path) -> None:
    run("up", "--detach", *STORES)
    first = state.read(folder.find(data)).ports, credentials.load(folder.find(data))
    run("down")
    run("up", "--detach", *STORES)
    second = state.read(folder.find(data)).ports, credentials.load(folder.find(data))
    run("down")

    assert first == second


@pytest.mark.usefixtures("stores")
def test_secrets_and_logs_are_for_their_owner_only(data: Path) -> None:
    modes = {
        name: (data / name).stat().st_mode & 0o077
        for name in ("secrets.json", "state.json", "logs", "valkey", "run/control.sock")
    }

    assert set(modes.values()) == {0}


async def test_a_killed_supervisor_takes_its_children_along_and_data_is_kept(
    make_stack: MakeStack,
) -> None:
    stack = make_stack(only=STORE_PARTS)
    await remember(stack, "before")
    children = [psutil.Process(row["pid"]) for row in stack.status().values()]

    stack.kill_supervisor()
    gone, alive = psutil.wait_procs(children, timeout=10)
    stack.up()
    await remember(stack, "after")

    assert (len(gone), alive) == (2, [])
    assert await remembered(stack) == ["after", "before"]


async def test_orphans_of_a_killed_start_are_ended_by_the_next(make_stack: MakeStack) -> None:
    """As on a system without death signals: a child that lives on, known by pid and start time."""
    stack = make_stack(only=STORE_PARTS)
    orphan = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    stack.kill_supervisor()
    known = state.read(stack.folder)
    created = psutil.Process(orphan.pid).create_time()
    children = {**known.children, "worker": (orphan.pid, created, int(signal.SIGTERM))}
    state.write(stack.folder, state.State(**{**vars(known), "children": children}))

    stack.up()

    assert await orphan.wait() == -signal.SIGTERM
    ended = f"Ended process {orphan.pid}, left over from a start that was killed."
    assert ended in stack.log("up")


async def test_a_stranger_with_an_orphans_pid_is_left_alone(make_stack: MakeStack) -> None:
    stack = make_stack(only=STORE_PARTS)
    stranger = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    stack.kill_supervisor()
    known = state.read(stack.folder)
    long_ago = psutil.Process(stranger.pid).create_time() - 1000
    children = {**known.children, "worker": (stranger.pid, long_ago, int(signal.SIGTERM))}
    state.write(stack.folder, state.State(**{**vars(known), "children": children}))
    # Postgres, too, would take this process for its own former self.
    pid_file = stack.folder.postgres / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{stack.folder.postgres}\n0\n5432\n\n\n\n")

    stack.up()

    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


@pytest.mark.parametrize("name", STORE_PARTS)
async def test_a_part_that_dies_comes_back_and_a_notice_says_so(
    make_stack: MakeStack, name: str
) -> None:
    stack = make_stack(only=STORE_PARTS)
    await remember(stack, "before")

    killed = stack.kill(name)
    successor = stack.wait(name, other_than=killed)

    log = stack.log("up")
    assert f"{name} (process {killed}) was killed by SIGKILL; restart in 0.2 s." in log
    assert f"{name} runs again as process {successor}." in log
    assert stack.status()[name]["restarts"] == 1
    assert await remembered(stack) == ["before"]


def test_a_part_stopped_on_purpose_stays_down_until_it_is_started(make_stack: MakeStack) -> None:
    stack = make_stack(only=STORE_PARTS)

    stack.stop("valkey")
    stopped = stack.status()["valkey"]
    stack.start("valkey")
    started = stack.status()["valkey"]

    assert (stopped["health"], stopped["pid"]) == ("stopped", None)
    assert (started["health"], started["restarts"]) == ("ok", 0)


def test_each_role_reaches_only_its_own_database(make_stack: MakeStack) -> None:
    stack = make_stack(only=("postgres",))

    async def verdict(role: str, database: str) -> str:
        own = stack.database_url(role)
        try:
            connection = await connect(own.replace(f"/{role}?", f"/{database}?"))
        except asyncpg.InsufficientPrivilegeError:
            return "refused"
        await connection.close()
        return "connected"

    names = ("users", "courses", "learning", "postgres")
    verdicts = {
        (role, database): asyncio.run(verdict(role, database))
        for role in names[:3]
        for database in names
    }

    assert {pair for pair, verdict in verdicts.items() if verdict == "connected"} == {
        (name, name) for name in names[:3]
    }


def test_reset_deletes_everything_but_only_when_meant(run: Infra, data: Path) -> None:
    run("up", "--detach", *STORES)
    running = run("reset", "--yes")
    run("down")
    unsure = run("reset")
    sure = run("reset", "--yes")

    assert running.code == 1
    assert "is in use by process" in running.err
    assert unsure.code == 2
    assert unsure.err == (f"polynode: This deletes all data in {data}. Repeat it with --yes.\n")
    assert sure.code == 0
    assert [path.name for path in data.iterdir()] == ["lock"]


def test_logs_of_a_process_and_of_one_that_is_not_there(stores: Infra) -> None:
    known = stores("logs", "postgres", "-n", "500")
    unknown = stores("logs", "nginx")

    assert "database system is ready to accept connections" in known.out
    assert unknown.code == 1
    assert unknown.err == ("polynode: There is no log 'nginx'; there are: postgres, up, valkey.\n")


def test_a_log_that_is_followed_shows_what_comes(make_stack: MakeStack) -> None:
    stack = make_stack(only=("valkey",))
    words = ["logs", "valkey", "--follow", "--data", str(stack.folder.root)]
    ready = 0
    with subprocess.Popen(  # noqa: S603, ourselves
        [sys.executable, "-m", "infra", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout
        for line in follower.stdout:
            ready += "Ready to accept connections" in line
            if "Ready to accept connections" in line and ready == 1:
                stack.restart("valkey")
            if ready == 2:
                break
        follower.terminate()


def test_a_log_grows_no_further_than_its_limit(tmp_path: Path) -> None:
    home = folder.prepare(tmp_path / "data")
    file = logs.path(home, "chatty")
    with file.open("a") as writer:
        writer.write("x" * (logs.LARGEST_BYTES + 1))
        writer.flush()
        logs.rotate(home)
        writer.write("next\n")

    assert file.read_text() == "next\n"
    assert file.with_suffix(".log.1").stat().st_size == logs.LARGEST_BYTES + 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become someone else")
def test_an_ordinary_user_runs_it_as_well(run: Infra, data: Path) -> None:
    data.mkdir()
    os.chown(data, 65_534, 65_534)
    launcher = Path(folder.__file__).with_name("launch.py")
    # `nobody`, who may walk through folders of root's to reach the checkout.
    user = ("--parent", str(os.getpid()), "--signal", "15", "--user", "65534:65534", "--search")
    nobody = (sys.executable, "-I", "-S", str(launcher), *user, "--")
    # Who may not write into the checkout cannot leave measurements there either.
    unmeasured = {"COVERAGE_PROCESS_START": ""}
    up = run("up", "--detach", *STORES, environment=unmeasured, prefix=nobody)
    children = state.read(folder.find(data)).children.values()
    owners = {psutil.Process(pid).uids().real for pid, _, _ in children}
    down = run("down", environment=unmeasured, prefix=nobody)

    assert (up.code, up.err) == (0, "")
    assert owners == {65_534}
    assert down.code == 0

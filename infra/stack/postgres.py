"""Postgres 18: one server, and in it a database and a login role for each subgraph."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil
from asyncpg.exceptions import PostgresError

from infra.stack import binaries
from infra.stack.credentials import SUBGRAPHS, Credentials
from infra.stack.folder import Folder
from infra.stack.part import Part
from infra.stack.process import launcher
from infra.terminal import Failure

SYSTEM_USER = "polynode"
CONNECT_SECONDS = 2.0
ENCODING = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
SETTINGS = {
    "listen_addresses": "",  # the socket only
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # a large seed would otherwise be one checkpoint after another
    "wal_compression": "on",
    "random_page_cost": "1.1",  # solid state
    "jit": "off",  # queries here are short; compiling one costs more than running it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "log_min_duration_statement": "1s",
    "idle_in_transaction_session_timeout": "60s",
}


def part(folder: Folder, credentials: Credentials, settings: Mapping[str, str]) -> Part:
    """Postgres over a cluster that `create` has made."""
    sockets = {"unix_socket_directories": str(folder.postgres_socket)}
    chosen = {**SETTINGS, **sockets, **settings}
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    user = _user_of(folder)
    if user:
        os.chown(folder.postgres_socket, *user)
    return Part(
        name="postgres",
        command=(str(binaries.postgres("postgres")), "-D", str(folder.postgres), *options),
        environment={"TZ": "UTC"},
        probe=partial(_accepts, folder, credentials),
        stop_signal=signal.SIGINT,  # "fast": end the sessions, write everything, stop
        stop_seconds=30,
        user=user,
        search=_needs_search(user, folder),
    )


def create(folder: Folder, credentials: Credentials, *, durable: bool = True) -> None:
    """Make the cluster; an interrupted attempt leaves nothing that counts."""
    user = _system_user() if os.getuid() == 0 else None
    draft = folder.root / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", prefix="polynode-") as password:
        password.write(credentials.postgres_password)
        password.flush()
        if user:
            os.chown(draft, *user)
            os.chown(password.name, *user)
        template = Part("initdb", (), user=user, search=_needs_search(user, folder))
        command = [*launcher(signal.SIGTERM, template), str(binaries.postgres("initdb"))]
        command += ["-D", str(draft), "-U", "postgres", "--auth=scram-sha-256", *ENCODING]
        command += [f"--pwfile={password.name}", "--no-instructions"]
        command += [] if durable else ["--no-sync"]
        result = subprocess.run(  # noqa: S603, our own command
            command, capture_output=True, text=True, check=False, cwd=folder.root
        )
    if result.returncode:
        reason = (result.stderr.strip() or "no reason given").splitlines()[-1]
        raise Failure(f"Postgres could not make its data folder: {reason}")
    draft.rename(folder.postgres)


def dsn(folder: Folder, role: str, password: str) -> str:
    """Where a role finds its database, as libpq and asyncpg read it."""
    return f"postgresql://{role}:{password}@/{role}?host={quote(str(folder.postgres_socket))}"


async def create_databases(folder: Folder, credentials: Credentials) -> None:
    """Give each subgraph a role that may connect to its own database and to no other."""
    admin = await _connect(folder, credentials)
    try:
        known = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        made = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
        await admin.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        for name in SUBGRAPHS:
            if name not in known:
                password = credentials.database_passwords[name]
                await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
            if name not in made:
                await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
            await admin.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC")
    finally:
        await admin.close()


async def _connect(folder: Folder, credentials: Credentials) -> Any:
    where = dsn(folder, "postgres", credentials.postgres_password)
    return await asyncpg.connect(where, timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]


async def _accepts(folder: Folder, credentials: Credentials) -> bool:
    with suppress(OSError, TimeoutError, PostgresError):
        await (await _connect(folder, credentials)).close()
        return True
    return False


def forget_stale_pid(folder: Folder) -> None:
    """Postgres refuses to start when the pid of its last life is now someone else's."""
    file = folder.postgres / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(file.read_text().splitlines()[0])
        with suppress(psutil.NoSuchProcess):
            if str(folder.postgres) in psutil.Process(pid).cmdline():
                return
        file.unlink()


def _user_of(folder: Folder) -> tuple[int, int] | None:
    """Root may not run Postgres: whoever owns the cluster does."""
    if os.getuid() != 0:
        return None
    status = folder.postgres.stat()
    return status.st_uid, status.st_gid


def _system_user() -> tuple[int, int]:
    """A user without rights; made on first use, or `nobody` where that is not possible."""
    for name in (SYSTEM_USER, "nobody"):
        if name == SYSTEM_USER and not _exists(name) and (useradd := shutil.which("useradd")):
            command = (
                useradd,
                "--system",
                "--no-create-home",
                "--shell",
                "/usr/sbin/nologin",
                name,
            )
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603, as above
        if _exists(name):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise Failure("Root may not run Postgres, and this system has no user to drop to.")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _needs_search(user: tuple[int, int] | None, folder: Folder) -> bool:
    """Does a folder on the way to the programs or the data shut this user out?"""
    if user is None:
        return False
    ways = (binaries.postgres("postgres"), folder.root / "postgres", folder.sockets)
    above = {parent for way in ways for parent in way.parents}
    return any(not _may_enter(parent, user) for parent in above)


def _may_enter(path: Path, user: tuple[int, int]) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == user[0] else 3 if status.st_gid == user[1] else 0
    return bool(status.st_mode >> shift & 0o1)

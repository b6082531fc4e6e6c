"""The whole stack as a Python object, for tests and benchmarks: real processes, like `infra up`.

with Stack(folder, separate=True) as stack:
    httpx.post(f"{stack.url}/graphql", json={"query": "{ viewer { id } }"})
    stack.kill("learning", signal.SIGKILL)
    stack.wait("learning")
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from infra.bootstrap.parts import ROOT
from infra.stack import control, credentials, folder, logs, state
from infra.stack import postgres as postgres_server
from infra.stack.environment import Layout, database_url, of_gateway, of_servers
from infra.stack.process import launcher
from infra.terminal import Failure

READY_SECONDS = 120
SEED_SECONDS = 900
POLL_SECONDS = 0.05


class Stack:
    """A stack on free ports; it ends with the process that made it, its data folder stays."""

    def __init__(
        self,
        data: Path,
        *,
        separate: bool = False,
        processes: int = 0,
        router: str = "hive",
        seed: str | None = None,
        only: Sequence[str] = (),
        postgres: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        """`only` names parts to start with what they need; `environment` adds to all of them."""
        self.folder = folder.prepare(data)
        self._environment = dict(environment or {})
        self._ready_seconds = SEED_SECONDS if seed else READY_SECONDS
        flags = ["--port", str(port), "--router", router, "--processes", str(processes)]
        flags += ["--size", seed] if seed else ["--no-seed"]
        flags += ["--separate"] * separate
        flags += [word for part in only for word in ("--only", part)]
        flags += [
            word
            for name, value in (postgres or {}).items()
            for word in ("--postgres", f"{name}={value}")
        ]
        self._command = [
            sys.executable,
            "-m",
            "infra",
            "up",
            "--data",
            str(self.folder.root),
            *flags,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exception: object) -> None:
        self.down()

    def up(self) -> None:
        """Start everything; return when it is ready, raise `Failure` with the reason if not."""
        log = logs.path(self.folder, "up")
        with log.open("w") as output:
            process = self._process = subprocess.Popen(  # noqa: S603, ourselves
                [*launcher(signal.SIGTERM), *self._command],
                cwd=ROOT,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._ready_seconds
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                raise Failure("\n".join(logs.tail(log, 5)))
            if time.monotonic() > deadline:
                self.down()
                raise Failure(f"The stack was not ready in {self._ready_seconds} s (log: {log}).")
            time.sleep(POLL_SECONDS)

    def down(self) -> None:
        """Stop everything; the data stays."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def kill_supervisor(self) -> None:
        """`kill -9` the supervisor; `up` starts again on what it leaves behind."""
        assert self._process, "the stack is not up"
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def url(self) -> str:
        """The public origin, at the edge."""
        return self.layout.url

    @property
    def layout(self) -> Layout:
        now = state.read(self.folder)
        return Layout(now.public_port, now.host, now.ports)

    @property
    def environment(self) -> dict[str, str]:
        """What the Python processes of this stack have in their environment."""
        secrets = credentials.load(self.folder)
        return of_servers(self.folder, secrets, self.layout) | self._environment

    @property
    def gateway_environment(self) -> dict[str, str]:
        return of_gateway(credentials.load(self.folder), self.layout) | self._environment

    def database_url(self, subgraph: str) -> str:
        """As SQLAlchemy reads it; asyncpg wants it without `+asyncpg`."""
        return database_url(self.folder, credentials.load(self.folder), subgraph)

    @property
    def admin_url(self) -> str:
        """The superuser's database, as asyncpg reads it; it can make further databases."""
        password = credentials.load(self.folder).postgres_password
        return postgres_server.dsn(self.folder, "postgres", password)

    @property
    def valkey_url(self) -> str:
        return self.environment["POLYNODE_VALKEY_URL"]

    def port(self, name: str) -> int:
        """The internal port of a part, such as `valkey`, `gateway`, `worker`, `learning`."""
        return self.layout.ports[name]

    def status(self) -> dict[str, dict[str, Any]]:
        """What `infra status --json` shows, by name: pid, health, cpu_seconds, memory_bytes."""
        return {row["name"]: row for row in control.ask(self.folder, "status")}

    def pid(self, name: str) -> int:
        """The pid of a running part; `Failure` when it is down."""
        pid = self._part(name)["pid"]
        if pid is None:
            raise Failure(f"{name} is not running.")
        return int(pid)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a part, return its pid; the supervisor brings back what dies."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def stop(self, name: str) -> None:
        """Stop a part cleanly; it stays down until `start`."""
        control.ask(self.folder, "stop", name=name)

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a stopped part, with variables replaced until the next start; wait until ready."""
        control.ask(self.folder, "start", name=name, environment=dict(environment or {}))

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stop and start a part, for instance to point the gateway at a slow proxy."""
        control.ask(self.folder, "restart", name=name, environment=dict(environment or {}))

    def wait(self, name: str, *, other_than: int | None = None, seconds: float = 60) -> int:
        """Wait until a part is healthy (as a process other than the one killed); its pid."""
        deadline = time.monotonic() + seconds
        while True:
            row = self._part(name)
            if row["health"] == "ok" and row["pid"] != other_than:
                return int(row["pid"])
            if time.monotonic() > deadline:
                raise Failure(f"{name} was not healthy in {seconds} s: {row['health']}.")
            time.sleep(POLL_SECONDS)

    def metrics(self, name: str) -> dict[str, float]:
        """The Prometheus samples of a part: `name{labels}` → value."""
        port = self._part(name)["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {sample: float(value) for sample, _, value in samples}

    def log(self, name: str) -> str:
        """The log of a part; `up` is what a person would have seen on the terminal."""
        return logs.path(self.folder, name).read_text(errors="replace")

    def _part(self, name: str) -> dict[str, Any]:
        rows = self.status()
        if name not in rows:
            raise Failure(f"There is no process {name!r}; there are: {', '.join(rows)}.")
        return rows[name]

    def _is_ready(self, pid: int) -> bool:
        now = state.read(self.folder)
        return now.ready and now.supervisor == pid

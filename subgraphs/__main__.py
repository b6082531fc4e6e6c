"""`python -m subgraphs`: serve, work, run tasks, migrate, print a schema."""

import argparse
import asyncio
import socket
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn

from subgraphs.kernel import app, events_cli, migrate, telemetry, worker
from subgraphs.kernel.settings import SharedSettings

NAMES = ("users", "courses", "learning")
IDLE_SECONDS = 75
"""Above the idle time of the gateways' pools: it is they who close a connection."""

DRAIN_SECONDS = 10
FAREWELL_SECONDS = 0.5
"""For gateways to come once more on each of their connections and be told that it ends."""


def main() -> int:
    """Run one command; wrong arguments end with status 2 and a line that says why."""
    parser = argparse.ArgumentParser(prog="python -m subgraphs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, help_text in (
        ("serve", "host subgraphs in this process"),
        ("work", "relay their events and consume those of others"),
        ("tasks", "run their Celery tasks, on schedule too"),
        ("migrate", "bring their databases to the newest version"),
        ("schema", "print the SDL of one"),
    ):
        sub = commands.add_parser(command, help=help_text)
        sub.add_argument("names", nargs="+", choices=NAMES, metavar="NAME")
        if command in ("serve", "work"):
            sub.add_argument("--port", type=int, required=True)
            sub.add_argument("--host", default="127.0.0.1")
        if command == "migrate":
            sub.add_argument("--check", action="store_true", help="fail if models have moved on")
    events_cli.add_command(commands, NAMES)
    arguments = parser.parse_args()
    return int(globals()[f"_{arguments.command}"](arguments) or 0)


def _configure(kind: str, names: list[str]) -> None:
    settings = SharedSettings()
    telemetry.configure(
        process=f"{kind}:{'+'.join(names)}",
        level=settings.log_level,
        otlp_endpoint=settings.otlp_endpoint,
    )


def _serve(arguments: argparse.Namespace) -> None:
    _configure("serve", arguments.names)
    apps = {name: import_module(f"subgraphs.{name}.app").create_app() for name in arguments.names}
    _run(app.Host(apps), arguments.host, arguments.port)


def _work(arguments: argparse.Namespace) -> None:
    _configure("work", arguments.names)
    _run(worker.create_app(_workers(arguments.names)), arguments.host, arguments.port)


def _workers(names: list[str]) -> list[worker.Worker]:
    return [import_module(f"subgraphs.{name}.worker").create_worker() for name in names]


class _Server(uvicorn.Server):
    """Lets nobody down when it goes: it says so first.

    A connection that is closed while a request is on its way costs that request, and a mutation
    is not sent again.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        self.server_state.default_headers = [(b"connection", b"close")]
        await asyncio.sleep(FAREWELL_SECONDS)
        await super().shutdown(sockets)


def _run(application: Any, host: str, port: int) -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Several processes may share the port; the kernel of the machine spreads connections.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    server = _Server(
        uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            ws_max_size=1_048_576,
            ws_per_message_deflate=False,
        )
    )
    server.run(sockets=[listener])


def _tasks(arguments: argparse.Namespace) -> None:
    _configure("tasks", arguments.names)
    celery = worker.create_celery(_workers(arguments.names))
    with tempfile.TemporaryDirectory() as folder:
        celery.Worker(
            beat=True,
            schedule_filename=str(Path(folder) / "beat"),
            pool="threads",
            concurrency=2,
            without_mingle=True,
            without_gossip=True,
            loglevel="INFO",
        ).start()


def _migrate(arguments: argparse.Namespace) -> None:
    for name in arguments.names:
        settings = import_module(f"subgraphs.{name}.settings").Settings()
        url = settings.database_url.get_secret_value()
        asyncio.run((migrate.check if arguments.check else migrate.upgrade)(name, url))
        sys.stdout.write(f"{name}: {'no drift' if arguments.check else 'at head'}\n")


def _schema(arguments: argparse.Namespace) -> None:
    for name in arguments.names:
        sys.stdout.write(import_module(f"subgraphs.{name}.schema").schema.as_str() + "\n")


def _events(arguments: argparse.Namespace) -> int:
    return asyncio.run(events_cli.run(arguments))


if __name__ == "__main__":
    sys.exit(main())

"""Questions and orders to a running supervisor: one JSON line each way over a Unix socket."""

import asyncio
import json
import socket
import time
from contextlib import suppress
from typing import Any

from infra.stack import process
from infra.stack.folder import Folder
from infra.stack.supervisor import Running, Supervisor
from infra.terminal import Failure

ANSWER_SECONDS = 120  # starting a part may take that long


async def serve(supervisor: Supervisor, folder: Folder) -> asyncio.Server:
    folder.control.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                reply = await _obey(supervisor, json.loads(await reader.readline()))
            except Failure as failure:
                reply = {"failure": str(failure)}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, folder.control)
    folder.control.chmod(0o600)
    return server


def ask(folder: Folder, order: str, **details: Any) -> Any:
    """Send one order and return the answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(folder.control))
            connection.sendall(json.dumps({"order": order, **details}).encode() + b"\n")
            reply = json.loads(connection.makefile().readline() or "{}")
    except OSError as error:
        raise Failure(f"Nothing is running on {folder.root}.") from error
    if "failure" in reply:
        raise Failure(reply["failure"])
    return reply.get("answer")


async def _obey(supervisor: Supervisor, message: dict[str, Any]) -> dict[str, Any]:
    order, name = message["order"], message.get("name", "")
    if order == "status":
        rows = supervisor.running.values()
        return {"answer": await asyncio.gather(*map(_describe, rows))}
    if name not in supervisor.running:
        known = ", ".join(supervisor.running)
        raise Failure(f"There is no process {name!r}; there are: {known}.")
    if order in {"stop", "restart"}:
        await supervisor.stop(name)
    if order in {"start", "restart"}:
        await supervisor.start(name, message.get("environment", {}))
    return {"answer": await _describe(supervisor.running[name])}


async def _describe(running: Running) -> dict[str, Any]:
    part = running.part
    living = running.identity.find() if running.identity else None
    return {
        "name": part.name,
        "pid": living.pid if living else None,
        "port": part.port,
        "uptime_seconds": round(time.monotonic() - running.started, 1) if living else None,
        "restarts": running.restarts,
        "health": await _health(running, alive=living is not None),
        **(process.usage(living.pid) if living else {}),
    }


async def _health(running: Running, *, alive: bool) -> str:
    if running.part.once:
        return "running" if alive else "done" if running.ready.is_set() else "waiting"
    if not running.wanted:
        return "stopped"
    if not alive:
        return "dead" if running.process else "waiting"
    return "ok" if await running.part.probe() else "not ready"

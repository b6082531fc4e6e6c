"""Is a server ready? Questions that cost little and never raise."""

import asyncio
from contextlib import suppress
from functools import partial

from infra.stack.part import Probe

SECONDS = 2.0
OWN_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104, one to reach each wildcard by
UNREADY = (OSError, TimeoutError, EOFError, ValueError, asyncio.IncompleteReadError)


async def fetch(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    """GET by HTTP/1.0, for which no client library needs to be loaded; status and body."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace")


def http(port: int, path: str) -> Probe:
    return partial(_http, port, path)


async def _http(port: int, path: str) -> bool:
    with suppress(*UNREADY, IndexError):
        status, _ = await fetch(port, path)
        return status == 200  # noqa: PLR2004, OK
    return False


def valkey(port: int, password: str) -> Probe:
    return partial(_valkey, port, password)


async def _valkey(port: int, password: str) -> bool:
    with suppress(*UNREADY):
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                return [await reader.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]
            finally:
                writer.close()
    return False


async def healthy(port: int, host: str) -> bool:
    """The whole way in: through the edge to the gateway."""
    with suppress(*UNREADY, IndexError):
        status, _ = await fetch(port, "/health", OWN_ADDRESS.get(host, host))
        return status == 200  # noqa: PLR2004, OK
    return False

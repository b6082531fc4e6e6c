"""Valkey 9: streams, limits, broker. What it holds survives being killed, up to the last second."""

import os

from infra.stack import binaries, probes
from infra.stack.folder import Folder
from infra.stack.part import Part


def part(folder: Folder, port: int, password: str) -> Part:
    configuration = folder.valkey / "valkey.conf"
    lines = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": f'"{folder.valkey}"',
        "requirepass": password,  # in a file, as command lines are public
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',  # the append-only file is enough
        "maxmemory-policy": "noeviction",  # an event dropped silently is worse than an error
        "aof-load-truncated": "yes",  # a kill may cut the last entry short
    }
    with os.fdopen(os.open(configuration, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
        f.writelines(f"{key} {value}\n" for key, value in lines.items())
    return Part(
        name="valkey",
        command=(str(binaries.valkey()), str(configuration)),
        probe=probes.valkey(port, password),
        port=port,
    )

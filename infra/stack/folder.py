"""The data folder: everything the stack keeps, one owner at a time."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from infra.terminal import Failure

MARKER = "polynode-data"
# What the bootstrap may have left in the default folder before the stack first used it.
NOT_DATA = {"bootstrap.lock", "bootstrap.log"}
GLANCE_SECONDS = 0.2  # for as long may `owner` of another process hold the lock to look at it
SOCKET_PATH_BYTES = 100  # the system allows 107 on Linux and 103 on macOS


@dataclass(frozen=True)
class Folder:
    """Where things are; nothing here touches the disk."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def state(self) -> Path:
        """Ports and processes of the last start, see `infra.stack.state`."""
        return self.root / "state.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def edge(self) -> Path:
        return self.root / "edge"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def demo(self) -> Path:
        """The demo logins, a list of `{label, email, password}`, written by the seed."""
        return self.edge / "demo.json"

    @property
    def migrated(self) -> Path:
        """The fingerprint of the migrations that were applied, see `infra.stack.migrations`."""
        return self.root / "migrated"

    @property
    def seeded(self) -> Path:
        """Exists once the seed has run to its end; holds its size."""
        return self.root / "seeded"

    @property
    def sockets(self) -> Path:
        """Unix sockets; beside the data unless that path is too long for one."""
        beside = self.root / "run"
        if len(os.fsencode(beside / "postgres" / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES:
            return beside
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"polynode-{os.getuid()}-{name}"

    @property
    def postgres_socket(self) -> Path:
        """The folder of Postgres' socket, a folder of its own because another user may own it."""
        return self.sockets / "postgres"

    @property
    def control(self) -> Path:
        return self.sockets / "control.sock"


def prepare(path: Path) -> Folder:
    """Make the data folder, or check that it is one of ours."""
    folder = Folder(path.expanduser().resolve())
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        if not folder.marker.exists():
            if {entry.name for entry in folder.root.iterdir()} - NOT_DATA:
                raise Failure(f"The folder {folder.root} is not empty and holds no Polynode data.")
            # Postgres, as another user, must be able to walk through a folder of root's.
            folder.root.chmod(0o711 if os.getuid() == 0 else 0o700)
            folder.marker.write_text("1\n")
        for part in (folder.valkey, folder.logs, folder.edge):
            part.mkdir(mode=0o700, exist_ok=True)
        _make_sockets(folder.sockets)
    except OSError as error:
        raise Failure(f"Cannot use the data folder {folder.root}: {error.strerror}.") from error
    return folder


def _make_sockets(sockets: Path) -> None:
    sockets.mkdir(mode=0o711, exist_ok=True)
    if sockets.is_symlink() or sockets.stat().st_uid != os.getuid():
        raise Failure(f"The folder for sockets, {sockets}, belongs to someone else.")
    (sockets / "postgres").mkdir(mode=0o755, exist_ok=True)


def find(path: Path) -> Folder:
    """The data folder of a stack that was started before."""
    folder = Folder(path.expanduser().resolve())
    if not folder.marker.exists():
        raise Failure(
            f"There is no Polynode data in {folder.root}. Start with: python3 -m infra up"
        )
    return folder


@contextmanager
def owned(folder: Folder) -> Iterator[None]:
    """Own the folder; the kernel lets go of it when this process dies, however it dies."""
    with folder.lock.open("a+") as file:
        deadline = time.monotonic() + GLANCE_SECONDS
        while not _try_lock(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Failure(
                    f"The data folder {folder.root} is in use by process {owner(folder)}. "
                    "Stop it (infra down) or choose another with --data."
                )
            time.sleep(GLANCE_SECONDS / 10)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def owner(folder: Folder) -> int | None:
    """The process that owns the folder now, if any."""
    try:
        with folder.lock.open("r+") as file:
            if not _try_lock(file, fcntl.LOCK_SH):
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def erase(folder: Folder) -> None:
    """Delete all data of a folder that is owned; last the marker, so it can be repeated."""
    keep = NOT_DATA | {MARKER, folder.lock.name}
    try:
        for entry in folder.root.iterdir():
            if entry.name in keep:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        shutil.rmtree(folder.sockets, ignore_errors=True)
        folder.marker.unlink()
    except OSError as error:
        raise Failure(
            f"Cannot delete {error.filename}: {error.strerror}. What is left goes with another "
            "reset."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Replace a small file as a whole, readable by its owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

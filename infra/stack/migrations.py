"""Have the databases the newest schema? Told without loading the subgraphs, which takes seconds."""

import hashlib

from infra.bootstrap.parts import ROOT
from infra.stack.folder import Folder


def are_current(folder: Folder) -> bool:
    """Whether these very files were applied to the end the last time."""
    return folder.migrated.exists() and folder.migrated.read_text() == _fingerprint()


def remember(folder: Folder) -> None:
    folder.migrated.write_text(_fingerprint())


def _fingerprint() -> str:
    """Hash every migration, and the kernel's part in them."""
    subgraphs = ROOT / "subgraphs"
    kernel = subgraphs / "kernel"
    files = [*subgraphs.glob("*/migrations/**/*.py"), kernel / "migrate.py", kernel / "tables.py"]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()

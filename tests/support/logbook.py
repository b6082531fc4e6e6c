"""What processes write, wherever the rotation of their logs puts it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from infra.stack import logs
from infra.stack.folder import Folder


def everything(folder: Folder) -> dict[str, str]:
    """All that is left of every log, the rotated part before the current one."""
    files = {name: logs.path(folder, name) for name in logs.names(folder)}
    return {name: _read(_older(file)) + _read(file) for name, file in files.items()}


class Logbook:
    """The logs of a stack from now on; a rotation of each is read past, a second one is noticed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._places = {name: self._place(name) for name in logs.names(folder)}

    def text(self, name: str) -> str:
        """What a process has written since."""
        position, rotated = self._places.get(name, (0, None))
        file = logs.path(self._folder, name)
        if self._place(name)[1] == rotated:
            return _read(file, position)
        assert _older(file).stat().st_size >= position, f"The log of {name} was rotated twice."
        return _read(_older(file), position) + _read(file)

    def texts(self) -> dict[str, str]:
        return {name: self.text(name) for name in logs.names(self._folder)}

    def shows(self, name: str, words: str) -> Callable[[], Awaitable[bool]]:
        """An attempt for `eventually`: has a process written these words since?"""

        async def attempt() -> bool:
            return words in self.text(name)

        return attempt

    def _place(self, name: str) -> tuple[int, int | None]:
        """How long a log is, and when it was rotated last."""
        file = logs.path(self._folder, name)
        rotated = _older(file).stat().st_mtime_ns if _older(file).exists() else None
        return file.stat().st_size if file.exists() else 0, rotated


def _older(file: Path) -> Path:
    """Where lines go when a log has grown too large."""
    return file.with_suffix(".log.1")


def _read(file: Path, position: int = 0) -> str:
    """The text of a file from a position in bytes; a file that is not there has none."""
    return file.read_bytes()[position:].decode(errors="replace") if file.exists() else ""

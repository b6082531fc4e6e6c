"""A part of the environment: what it is made from, how, and the proof that it is whole."""

import hashlib
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.terminal import Failure, Progress

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / ".polynode" / "bootstrap.log"
HELD: set[int] = set()
"""Descriptors of the bootstrap lock. Commands hold them too: killed, we may be outlived by one."""


@dataclass(frozen=True)
class Part:
    """`build` makes what `stamp` vouches for, out of `sources`; it is nothing without `needs`."""

    label: str
    stamp: Path
    sources: tuple[Path, ...]
    build: Callable[[Callable[[str], None]], None]
    needs: tuple[Path, ...] = ()

    def is_fresh(self) -> bool:
        try:
            is_whole = all(path.exists() for path in self.needs)
            return is_whole and self.stamp.read_text() == self._hash()
        except OSError:
            return False

    def make(self, progress: Progress) -> None:
        """Build; the stamp goes first and comes back last, so an interruption is noticed."""
        made_from = self._hash()
        self.stamp.unlink(missing_ok=True)
        with progress.step(self.label) as step:

            def note(text: str) -> None:
                step.note = text

            self.build(note)
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text(made_from)

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        return digest.hexdigest()


def run(
    command: Iterable[str | Path],
    *,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    each_line: Callable[[str], None] | None = None,
) -> None:
    """Run a command, its output in the bootstrap log; fail with the line that says why."""
    arguments = [str(argument) for argument in command]
    errors: list[str] = []
    with (
        LOG.open("a") as log,
        subprocess.Popen(  # noqa: S603, our own commands
            arguments,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=tuple(HELD),
        ) as process,
    ):
        log.write(f"\n$ {' '.join(arguments)}\n")
        assert process.stdout
        for line in process.stdout:
            log.write(line)
            if each_line:
                each_line(line)
            if "error" in line.lower():
                errors.append(line.strip())
    if process.returncode:
        reason = errors[-1] if errors else f"it ended with {process.returncode}"
        name = Path(arguments[0]).name
        raise Failure(f"{name} failed: {reason} (the whole output: {LOG.relative_to(ROOT)})")

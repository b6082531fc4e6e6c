"""What a person sees: a line a step with its time; colour and movement only on a terminal."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS = 0.1
NEWS_SECONDS = 15  # where nothing moves, a long step says at this interval that it is alive
COLOURS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}


class Failure(Exception):  # noqa: N818, it is no defect: it is the one line the user reads
    """An expected end: its text is one clear line, the exit code is not zero."""


def say(line: str = "", stream: TextIO | None = None) -> None:
    """Write one line at once, to stdout unless told otherwise."""
    out = stream or sys.stdout
    out.write(line + "\n")
    out.flush()


def fail(line: str) -> int:
    """Write the last line of a command that failed; return its exit code."""
    say(f"{paint('polynode:', 'red', sys.stderr)} {line}", sys.stderr)
    return 1


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Colour `text` when the stream is a terminal."""
    if not (stream or sys.stdout).isatty():
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


@dataclass
class Step:
    """A piece of work under way; `note` is where it stands, such as `12 of 130`."""

    label: str
    started: float = field(default_factory=time.monotonic)
    note: str = ""
    failed: bool = False  # known to the one who works, where no exception says so

    def __str__(self) -> str:
        note = f" {self.note}" if self.note else ""
        return f"{self.label}{note} ({time.monotonic() - self.started:.1f} s)"


class Progress:
    """The steps under way; several may be at once, each leaves one line when it is done."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._lock = threading.RLock()
        self._moving = sys.stdout.isatty()
        self._ticker: threading.Thread | None = None

    @contextmanager
    def step(self, label: str) -> Iterator[Step]:
        """Show `label` with a running clock, then its time or its failure."""
        step = Step(label)
        with self._lock:
            self._steps.append(step)
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
        mark = paint("✗", "red")
        try:
            yield step
            mark = paint("✗", "red") if step.failed else paint("✓", "green")
        finally:
            with self._lock:
                self._steps.remove(step)
                self.say(f"{mark} {step}")

    def say(self, line: str) -> None:
        """Write a line above the moving one."""
        with self._lock:
            say(("\r\x1b[K" if self._moving else "") + line)
            self._draw()

    def _tick(self) -> None:
        news = time.monotonic() + NEWS_SECONDS
        while self._steps:
            time.sleep(FRAME_SECONDS)
            with self._lock:
                self._draw()
                if not self._moving and self._steps and time.monotonic() > news:
                    say(f"… {self._steps[0]}")
                    news = time.monotonic() + NEWS_SECONDS
        self._ticker = None

    def _draw(self) -> None:
        if not self._moving or not self._steps:
            return
        frame = FRAMES[int(time.monotonic() / FRAME_SECONDS) % len(FRAMES)]
        others = f" and {len(self._steps) - 1} more" if len(self._steps) > 1 else ""
        sys.stdout.write(f"\r\x1b[K{paint(frame, 'yellow')} {self._steps[0]}{others}")
        sys.stdout.flush()


def box(lines: list[str]) -> str:
    """Frame lines of plain text."""
    width = max(map(len, lines))
    body = "\n".join(f"│ {line.ljust(width)} │" for line in lines)
    return f"╭{'─' * (width + 2)}╮\n{body}\n╰{'─' * (width + 2)}╯"

"""A course as a folder: `course.toml` and a Markdown file a lesson.

    title = "JavaScripting"        # the only thing that must be there
    slug = "javascripting"         # summary, description, language, level, category: likewise
    [[modules]]                    # without these: a module a sub-folder, files by name
    title = "Basics"
    lessons = ["introduction.md", "variables.md"]

A file may begin with lines `title:`, `preview: true`, `minutes: 10` between two lines `---`. Its
title is else its first heading, else its name.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from subgraphs.courses.errors import CourseTooLargeError
from subgraphs.courses.models import Level
from subgraphs.courses.service import checks
from subgraphs.courses.service.imports import (
    ImportedCourse,
    ImportedLesson,
    ImportedModule,
    check_size,
)
from subgraphs.kernel.errors import InvalidInputError

MANIFEST = "course.toml"
_KEYS = {"title", "slug", "summary", "description", "language", "level", "category", "modules"}
_FRONT = {"title", "preview", "minutes"}
_LEADING_NUMBER = re.compile(r"^\d+[\s._-]+")


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class FaultyFolderError(Exception):
    """The folder is no course; every reason is listed."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass
class Reader:
    """Reads one folder, and goes on after a fault: all of them are told at once."""

    folder: Path
    faults: list[Fault] = field(default_factory=list)

    def read(self) -> ImportedCourse:
        """Return the course.

        Raises:
            FaultyFolderError: The folder is no course.
        """
        told = self._manifest()
        modules = list(self._modules(told) if "modules" in told else self._derived(told))
        lessons = [lesson for module in modules for lesson in module.lessons]
        if not self.faults and not lessons:
            self._fault("", "There is no lesson.")
        try:
            check_size(modules)
        except CourseTooLargeError as error:
            self._fault("", error.message)
        if self.faults:
            raise FaultyFolderError(self.faults)
        return ImportedCourse(
            slug=told.get("slug") or checks.slug_of(told["title"]),
            title=told["title"],
            summary=told.get("summary", ""),
            description=told.get("description", ""),
            language=told.get("language", "en"),
            level=Level(told["level"]) if "level" in told else None,
            category=told.get("category"),
            modules=modules,
        )

    def _manifest(self) -> dict[str, Any]:
        text = self._text(self.folder / MANIFEST)
        try:
            told = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            last = text.count("\n") + 1 if text else 1
            self._fault("", str(error), line=int(line[1]) if line else last)
            raise FaultyFolderError(self.faults) from error
        if text is None:
            raise FaultyFolderError(self.faults)
        for key in told.keys() - _KEYS:
            self._fault(key, f"The key {key!r} is unknown.")
        for key in told.keys() & (_KEYS - {"modules"}):
            self._check(key, told[key])
        if "title" not in told:
            self._fault("", "The title is missing.")
        return told

    def _check(self, key: str, value: Any) -> None:
        """Check a setting as the service will."""
        if not isinstance(value, str):
            self._fault(key, f"The {key} is text in quotes.")
            return
        try:
            match key:
                case "title" | "category":
                    checks.line(key, value)
                case "slug":
                    checks.slug(value)
                case "language":
                    checks.language(value)
                case "summary":
                    checks.text(key, value, at_most=checks.MAX_SUMMARY)
                case "level" if value not in set(Level):
                    self._fault(key, f"A level is one of {', '.join(Level)}.")
        except InvalidInputError as error:
            self._fault(key, error.message)

    def _modules(self, told: Mapping[str, Any]) -> Iterator[ImportedModule]:
        modules = told["modules"]
        if not isinstance(modules, list):
            self._fault("modules", "Modules are written as [[modules]].")
            return
        seen, titles = set[Path](), set[str]()
        for module in modules:
            title = module.get("title") if isinstance(module, dict) else None
            files = module.get("lessons") if isinstance(module, dict) else None
            if not isinstance(title, str) or not title.strip() or not isinstance(files, list):
                self._fault("modules", "A module has a title and a list of lessons.")
                continue
            if (key := " ".join(title.split())) in titles:
                self._fault(title, f"Two modules are called {key!r}.")
            titles.add(key)
            lessons = [lesson for name in files if (lesson := self._listed(name, seen))]
            yield ImportedModule(key=key, title=key, lessons=lessons)

    def _listed(self, name: Any, seen: set[Path]) -> ImportedLesson | None:
        if not isinstance(name, str):
            self._fault("lessons", "A lesson is the name of a file in quotes.")
            return None
        here, path = self.folder.resolve(), (self.folder / name).resolve()
        if not path.is_relative_to(here) or not path.is_file():
            self._fault(name, f"There is no file {name!r} in this folder.")
            return None
        if path in seen:
            self._fault(name, f"The file {name!r} is listed twice.")
            return None
        seen.add(path)
        return self._lesson(self.folder / path.relative_to(here))

    def _derived(self, told: Mapping[str, Any]) -> Iterator[ImportedModule]:
        """Make a module of the files here, and one of each sub-folder."""
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir())
        for folder in (self.folder, *folders):
            files = sorted(path for path in folder.glob("*.md") if path.stem.upper() != "README")
            if not files:
                continue
            here = folder == self.folder
            yield ImportedModule(
                key="." if here else folder.name,
                title=str(told.get("title")) if here else _named(folder.name),
                lessons=[lesson for path in files if (lesson := self._lesson(path))],
            )

    def _lesson(self, path: Path) -> ImportedLesson | None:
        text = self._text(path)
        if text is None:
            return None
        front, body = self._front(path, text)
        heading = re.match(r"\s*#[ \t]+(.+?)[ \t#]*(?:\n|$)", body)
        if heading and "title" not in front:
            body = body[heading.end() :]  # the page shows it already
        minutes = front.get("minutes", "")
        if (minutes and not minutes.isascii()) or (minutes and not minutes.isdigit()):
            self._fault("minutes", "Minutes are a whole number.", path=path)
            minutes = ""
        return ImportedLesson(
            key=path.relative_to(self.folder).as_posix(),
            title=front.get("title") or (heading[1] if heading else _named(path.stem)),
            markdown=body.strip() + "\n",
            is_preview=front.get("preview") == "true",
            duration_minutes=int(minutes) if minutes else None,
        )

    def _front(self, path: Path, text: str) -> tuple[dict[str, str], str]:
        """Split what stands between two lines `---` from the text."""
        found = re.match(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|$)", text, re.DOTALL | re.MULTILINE)
        if not found:
            return {}, text
        values = {}
        for number, line in enumerate(found[1].splitlines(), start=2):
            key, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon or key.strip() not in _FRONT:
                message = f"Only {', '.join(sorted(_FRONT))} may stand here."
                self._fault("", message, path=path, line=number)
                continue
            values[key.strip()] = value.strip().strip("\"'")
        return values, text[found.end() :]

    def _text(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            self._fault("", "This is not UTF-8.", path=path, line=line)
        except OSError as error:
            self._fault("", f"This cannot be read: {error.strerror}.", path=path)
        return None

    def _fault(
        self, near: str, message: str, *, path: Path | None = None, line: int | None = None
    ) -> None:
        """Note a fault, at the first line that has `near` in it unless the line is known."""
        path = path or self.folder / MANIFEST
        if line is None:
            lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
            numbers = (number for number, text in enumerate(lines, start=1) if near in text)
            line = next(numbers, 1) if near else 1
        self.faults.append(Fault(path, line, message))


def _named(name: str) -> str:
    words = re.sub(r"[\s._-]+", " ", _LEADING_NUMBER.sub("", name)).strip()
    return words[:1].upper() + words[1:] or name


def read_folder(folder: Path) -> ImportedCourse:
    """Read the course in `folder`.

    Raises:
        FaultyFolderError: It is none.
    """
    return Reader(folder).read()

"""Two open workshops as courses, read from the packages that carry them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.seed import words
from infra.seed.packages import Package, Unpacked, open_package

ACRONYMS = ("HTTP", "JSON", "API", "I/O", "E/S", "LS", "IF", "FOR")


@dataclass(frozen=True)
class Lesson:
    title: str
    markdown: str


@dataclass(frozen=True)
class Module:
    title: str
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True)
class Workshop:
    """A real course in one language, ready for the importer."""

    slug: str
    title: str
    summary: str
    description: str
    language: str  # a BCP 47 tag
    category: str
    level: str
    modules: tuple[Module, ...]


def read_all(cache: Path) -> list[Workshop]:
    """Every workshop in each of its languages; `Failure` where a package cannot be had."""
    found = []
    for source in words.load("workshops")["workshops"]:
        package = Package(source["package"], source["version"], source["sha512"])
        files = open_package(package, cache)
        found += [_workshop(source, edition, files) for edition in source["editions"]]
    return found


def slug(package: str, language: str) -> str:
    """The slug of an edition; the English one has the bare name."""
    return package if language == "en" else f"{package}-{language.lower()}"


def _workshop(source: dict[str, Any], edition: dict[str, Any], files: Unpacked) -> Workshop:
    name, language = source["package"], edition["language"]
    return Workshop(
        slug=slug(name, language),
        title=edition["title"],
        summary=edition["summary"],
        description=f"{edition['summary']}\n\n*{name}* {source['version']}, MIT.",
        language=language,
        category=source["category"],
        level=source["level"],
        modules=tuple(
            Module(title, tuple(_lessons(exercises, source, edition["suffix"], files)))
            for title, exercises in zip(edition["modules"], source["exercises"], strict=True)
        ),
    )


def _lessons(
    exercises: list[str], source: dict[str, Any], suffix: str, files: Unpacked
) -> Iterator[Lesson]:
    titles = files.json(f"i18n/{suffix.lstrip('._')}.json").get("exercise", {})
    for exercise in exercises:
        spoken = re.findall(r"[a-z]+", exercise.lower().replace("i/o", "io"))
        folder = source["separator"].join(spoken)
        text = files.text(source["path"].format(folder=folder, suffix=suffix))
        title = _sentence_case(titles.get(exercise, exercise))
        yield Lesson(title, _readable(text, source["package"]))


def _sentence_case(title: str) -> str:
    """Calm down the capitals of a terminal menu."""
    lowered = title.capitalize()
    for acronym in ACRONYMS:
        lowered = re.sub(rf"\b{acronym}\b", acronym, lowered, flags=re.IGNORECASE)
    return re.sub(r"[^\W\d_]", lambda first: first[0].upper(), lowered, count=1)


def _readable(text: str, program: str) -> str:
    """Put in what the workshop's terminal program would."""
    text = text.replace("{appname}", program)
    text = re.sub(
        r"\{rootdir:/docs-nodejs/(\w+)\.html\}", r"<https://nodejs.org/api/\1.html>", text
    )
    return re.sub(r"\{rootdir:/[\w-]+/([\w-]+?)(?:\.html)?\}", r"`\1`", text)

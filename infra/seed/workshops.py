"""Two open workshops as courses, read from the packages that carry them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.seed import words
from infra.seed.packages import Package, Unpacked, open_package
from subgraphs.courses.importer import ImportedCourse, ImportedLesson, ImportedModule
from subgraphs.courses.models import Level

MINUTES = 10  # what an exercise takes
ACRONYMS = ("HTTP", "JSON", "API", "I/O", "E/S", "LS", "IF", "FOR")


def read_all(cache: Path) -> list[ImportedCourse]:
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


def _workshop(source: dict[str, Any], edition: dict[str, Any], files: Unpacked) -> ImportedCourse:
    name, language = source["package"], edition["language"]
    categories = dict(words.categories())
    return ImportedCourse(
        slug=slug(name, language),
        title=edition["title"],
        summary=edition["summary"],
        description=f"{edition['summary']}\n\n*{name}* {source['version']}, MIT.",
        language=language,
        level=Level[source["level"]],
        category=categories[source["category"]],
        modules=[
            ImportedModule(
                key=exercises[0].lower(),
                title=title,
                lessons=list(_lessons(exercises, source, edition["suffix"], files)),
            )
            for title, exercises in zip(edition["modules"], source["exercises"], strict=True)
        ],
    )


def _lessons(
    exercises: list[str], source: dict[str, Any], suffix: str, files: Unpacked
) -> Iterator[ImportedLesson]:
    titles = files.json(f"i18n/{suffix.lstrip('._')}.json").get("exercise", {})
    for exercise in exercises:
        spoken = re.findall(r"[a-z]+", exercise.lower().replace("i/o", "io"))
        folder = source["separator"].join(spoken)
        text = files.text(source["path"].format(folder=folder, suffix=suffix))
        yield ImportedLesson(
            key=folder,
            title=_sentence_case(titles.get(exercise, exercise)),
            markdown=_readable(text, source["package"]),
            is_preview=exercise == source["exercises"][0][0],
            duration_minutes=MINUTES,
        )


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

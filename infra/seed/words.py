"""The word lists beside this file, as values."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Name = tuple[str, str]
"""As its owner writes it, and in the letters of an e-mail address."""


@dataclass(frozen=True)
class Culture:
    """A locale and a time zone with names that are usual there."""

    locale: str
    time_zone: str
    given: Sequence[Name]
    family: Sequence[Name]
    family_first: bool = False


@dataclass(frozen=True)
class Subject:
    """Something to learn, with ideas that become its modules and lessons."""

    category: str
    name: str
    ideas: Sequence[str]


@dataclass(frozen=True)
class Tongue:
    """A language to teach in; `{}` in its words is a subject or an idea."""

    language: str
    titles: Sequence[str]
    summary: str
    module: str
    lessons: Sequence[str]
    paragraphs: Sequence[str]
    reviews: Sequence[str]
    subjects: Sequence[Subject]


def load(name: str) -> dict[str, Any]:
    """Read one of the lists."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


@cache
def cultures() -> list[Culture]:
    return [
        Culture(**{**entry, "given": _names(entry["given"]), "family": _names(entry["family"])})
        for entry in load("names")["cultures"]
    ]


@cache
def organizations() -> list[tuple[str, str]]:
    """Names and slugs."""
    return [(entry["name"], entry["slug"]) for entry in load("names")["organizations"]]


@cache
def categories() -> list[tuple[str, str]]:
    """Slugs and names."""
    return [(entry["slug"], entry["name"]) for entry in load("subjects")["categories"]]


@cache
def tongues() -> list[Tongue]:
    return [
        Tongue(**{**entry, "subjects": [Subject(**subject) for subject in entry["subjects"]]})
        for entry in load("subjects")["tongues"]
    ]


def _names(entries: Sequence[str]) -> list[Name]:
    pairs = (entry.partition("/") for entry in entries)
    return [(native, latin or native.lower()) for native, _, latin in pairs]

"""What the schema's types let through, but courses do not."""

import re
import unicodedata
from collections.abc import Sequence
from typing import TypeVar

from subgraphs.kernel.errors import InvalidInputError

T = TypeVar("T")
MAX_TITLE = 200
MAX_SUMMARY = 500
MAX_MARKDOWN = 200_000
MAX_SLUG = 80
MAX_INSTRUCTORS = 20
MAX_PREREQUISITES = 20
MAX_MINUTES = 10_000
MAX_DAYS = 3_650

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"([a-z]{2,3})(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def text(field: str, value: str, *, at_most: int) -> str:
    """Return `value` unless it is too long, or has characters that nobody can see."""
    if len(value) > at_most:
        raise InvalidInputError(field, f"This may have {at_most} characters.")
    if _CONTROL.search(value):
        raise InvalidInputError(field, "This has control characters in it.")
    return value


def line(field: str, value: str, *, at_most: int = MAX_TITLE) -> str:
    """Return one line of text, which is not blank, without the spaces around it."""
    value = " ".join(text(field, value, at_most=at_most).split())
    if not value:
        raise InvalidInputError(field, "This must not be blank.")
    return value


def slug(value: str) -> str:
    if len(value) > MAX_SLUG or not _SLUG.fullmatch(value):
        raise InvalidInputError(
            "slug", f"A slug is made of a-z, 0-9 and single hyphens, at most {MAX_SLUG} of them."
        )
    return value


def slug_of(title: str) -> str:
    """Make a slug of a title; one in another script has none of its own."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "course"


def usual_tag(value: str) -> str | None:
    """Return a BCP 47 tag (language, script, region) in its usual spelling; None if it is none."""
    found = _LANGUAGE.fullmatch(value)
    if not found:
        return None
    tag, script, region, _ = found.groups()
    return tag.lower() + (script or "").title() + (region or "").upper()


def language(value: str) -> str:
    """Return a language's tag as `usual_tag` does, or refuse it."""
    tag = usual_tag(value)
    if tag is None:
        raise InvalidInputError("language", "This is not a language tag such as en or pt-BR.")
    return tag


def number(field: str, value: int | None, *, at_most: int) -> int | None:
    if value is not None and not 0 <= value <= at_most:
        raise InvalidInputError(field, f"This is from 0 to {at_most}.")
    return value


def distinct(field: str, values: Sequence[T], *, at_most: int) -> list[T]:
    """Return the values, each once, in their order."""
    found = list(dict.fromkeys(values))
    if len(found) > at_most:
        raise InvalidInputError(field, f"At most {at_most} are allowed.")
    return found

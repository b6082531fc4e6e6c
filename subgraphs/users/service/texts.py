"""What people type, checked and tidied: refusals name the input field as the schema spells it."""

import re
import unicodedata
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from subgraphs.kernel.errors import InvalidInputError

MAX_NAME = 100
MAX_BIO = 2_000
MAX_URL = 2_000
_LOCALE = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*",
    re.IGNORECASE,
)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def line(field: str, value: str, *, longest: int = MAX_NAME) -> str:
    """One line of text, not empty."""
    tidy = " ".join(_storable(field, value).split())
    if not 1 <= len(tidy) <= longest:
        raise InvalidInputError(field, f"This has 1 to {longest} characters.")
    return tidy


def paragraph(field: str, value: str, *, longest: int = MAX_BIO) -> str:
    """Some lines of text."""
    tidy = _storable(field, value.replace("\r\n", "\n"), allowed="\n\t").strip()
    if len(tidy) > longest:
        raise InvalidInputError(field, f"This has at most {longest} characters.")
    return tidy


def email(field: str, value: str) -> str:
    """An e-mail address in one spelling; whether it can be reached shows when mail is sent."""
    try:
        found = validate_email(value.strip(), check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidInputError(field, "This is not an e-mail address.") from error
    return found.normalized.casefold()


def locale(field: str, value: str) -> str:
    """A BCP 47 language tag, in its customary case: `pt-BR`, `zh-Hant-TW`."""
    if len(value) > 35 or (found := _LOCALE.fullmatch(value)) is None:  # noqa: PLR2004, RFC 5646
        raise InvalidInputError(field, "This is not a language tag such as en or pt-BR.")
    first, *rest = value.split("-")
    cased = [first.lower()]
    for part in rest:
        if part == found["script"]:
            cased.append(part.title())
        elif part == found["region"]:
            cased.append(part.upper())
        else:
            cased.append(part.lower())
    return "-".join(cased)


def time_zone(field: str, value: str) -> str:
    """A name of the IANA time zone database."""
    if value not in _time_zones():
        raise InvalidInputError(field, "This is not a time zone such as Europe/Berlin.")
    return value


def https_url(field: str, value: str) -> str:
    """An https address of a host, without a password in it."""
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" and parts.hostname and parts.username is None
    except ValueError:
        good = False
    if (
        not good
        or len(value) > MAX_URL
        or not value.isascii()
        or re.search(r"[\s<>\"\\\x00-\x20]", value)
    ):
        raise InvalidInputError(field, "This is not an https address.")
    return value


def slug(field: str, value: str) -> str:
    """The part of an address that names something."""
    if not 3 <= len(value) <= 60 or not _SLUG.fullmatch(value):  # noqa: PLR2004, said in the text
        raise InvalidInputError(
            field, "A slug has 3 to 60 lower-case letters, digits and single hyphens."
        )
    return value


def _storable(field: str, value: str, allowed: str = "") -> str:
    """Refuse control characters, and halves of characters, which no database takes."""
    composed = unicodedata.normalize("NFC", value)
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in composed):
        raise InvalidInputError(field, "This contains characters that cannot be shown.")
    return composed


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())

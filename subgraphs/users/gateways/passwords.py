"""Passwords: which are good enough, and the slow hash that protects them."""

import asyncio
import re
import threading
import unicodedata
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from subgraphs.users.errors import TooManyAttemptsError, WeakPasswordError

P = ParamSpec("P")
T = TypeVar("T")

MIN_LENGTH = 10
MAX_LENGTH = 128
"""Hashing time grows with the length: a megabyte of password would be an attack."""

MEMORY = 19_456
"""KiB that a hash takes: OWASP's minimum for argon2id with two passes; about 30 ms of a core."""

MIN_SCORE = 3
JUDGED_LENGTH = 64
"""What zxcvbn takes grows with the square of the length; a strong beginning is strong enough."""

MAX_WAITING = 64
"""Callers that wait for their turn, a second or two; more are sent away."""

MAX_NEWCOMERS = MAX_WAITING // 2
"""Of these with a new password: a flood of registrations keeps nobody from logging in."""

_words = re.compile(r"[\W_]+")
_judging = threading.Lock()  # zxcvbn keeps what it is told about the user in a global


class Passwords:
    """Hashes in threads, since argon2 lets go of the interpreter, and only a few at a time."""

    def __init__(self, threads: int, *, memory: int = MEMORY) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=memory, parallelism=1)
        self._turns = asyncio.Semaphore(threads)
        self._waiting = 0
        self._decoy = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Hash a password that `require_strong` has let through."""
        return await self._run(MAX_NEWCOMERS, self._hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password is the one hashed.

        Without a hash the answer is no, and takes as long: time must not tell who is registered.
        """
        password_hash_or_decoy = password_hash or self._decoy
        matches = await self._run(MAX_WAITING, self._verify, password, password_hash_or_decoy)
        return matches and password_hash is not None

    async def require_strong(self, password: str, *, about: Collection[str]) -> None:
        """Refuse a password that is common, leaked or guessed from `about`, its owner's own words.

        Raises:
            WeakPasswordError: With suggestions, where there are any.
        """
        if len(password) < MIN_LENGTH:
            raise WeakPasswordError(f"A password has at least {MIN_LENGTH} characters.")
        if len(password) > MAX_LENGTH:
            raise WeakPasswordError(f"A password has at most {MAX_LENGTH} characters.")
        await self._run(MAX_NEWCOMERS, _require_unguessable, password, about)

    async def _run(self, most: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= most:
            raise TooManyAttemptsError(retry_after=2)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_normalised(password))

    def _verify(self, password: str, password_hash: str) -> bool:
        # A password that could never have been set costs what others cost, but no more.
        try:
            self._hasher.verify(password_hash, _normalised(password[:MAX_LENGTH]))
        except (VerifyMismatchError, InvalidHashError):
            return False
        return len(password) <= MAX_LENGTH


def _normalised(password: str) -> bytes:
    """One text, one hash, whichever way a keyboard composes its letters."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")


def _require_unguessable(password: str, about: Collection[str]) -> None:
    inputs = ["polynode", *about, *(word for text in about for word in _words.split(text) if word)]
    with _judging:
        verdict = zxcvbn(password[:JUDGED_LENGTH], user_inputs=inputs)  # type: ignore[no-untyped-call]
    if verdict["score"] < MIN_SCORE:
        feedback = verdict["feedback"]
        warning = feedback["warning"] or "This password is too easy to guess."
        raise WeakPasswordError(warning, feedback["suggestions"])

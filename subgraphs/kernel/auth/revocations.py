"""Revoked tokens: told by event, remembered in every process until the tokens have expired."""

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from subgraphs.kernel.auth.viewer import Viewer
from subgraphs.kernel.bus import Bus, Entry
from subgraphs.kernel.events import Event

logger = structlog.get_logger(__name__)

TOPIC = "auth"
TOKEN_LIFETIME = 600
"""Seconds; a revocation older than this (and the leeway) has nothing left to revoke."""

KEPT = TOKEN_LIFETIME + 120


class TokensRevoked(Event, type="auth.tokens_revoked", version=1):
    """Tokens of `user_id` issued before `issued_before` no longer hold.

    With a `session_id` only those of that session are meant.
    """

    user_id: UUID
    session_id: UUID | None = None
    issued_before: datetime


class Revocations:
    """What was revoked of late; asking costs no round trip."""

    def __init__(self) -> None:
        self._before: dict[UUID, tuple[float, float]] = {}
        self._listeners: set[Callable[[], None]] = set()

    def revoked(self, viewer: Viewer) -> bool:
        """Tell whether the viewer's token has been revoked since it was issued."""
        issued = viewer.issued_at.timestamp() if viewer.issued_at else 0.0
        return any(
            id is not None and id in self._before and issued <= self._before[id][0]
            for id in (viewer.user_id, viewer.session_id)
        )

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each revocation; returns the way to stop that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def load(self, bus: Bus) -> None:
        """Learn what was revoked before this process started."""
        self.apply(await bus.since(TOPIC, KEPT * 1_000))

    def apply(self, entries: list[Entry]) -> None:
        """Take in the revocations among `entries`, each by itself: one may be unreadable."""
        told = [entry for entry in entries if entry.envelope.type == TokensRevoked.type]
        for entry in told:
            try:
                self._take(TokensRevoked.model_validate(entry.envelope.data))
            except (ValueError, OverflowError, OSError) as error:  # of another version, or age
                logger.error(  # noqa: TRY400, the cause is in the data, not in the code
                    "A revocation cannot be read",
                    event_id=str(entry.envelope.id),
                    version=entry.envelope.version,
                    position=entry.position,
                    error=type(error).__name__,
                )
        if told:
            now = time.time()
            self._before = {id: kept for id, kept in self._before.items() if kept[1] > now}
            for listener in list(self._listeners):
                listener()

    def _take(self, event: TokensRevoked) -> None:
        key = event.session_id or event.user_id
        # Events may come again, late: what was revoked since stays revoked.
        known, _ = self._before.get(key, (0.0, 0.0))
        before = max(known, event.issued_before.timestamp())
        self._before[key] = (before, time.time() + KEPT)

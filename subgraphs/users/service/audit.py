"""The audit log: chains of entries, each of which vouches for all before it.

There is a chain for each organization and one for the platform, so that a busy organization holds
up nobody else, and logging in holds up nobody at all: only privileged acts and events of security
are written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.once import first_time
from subgraphs.users.models import PLATFORM, AuditEntry, AuditSeal
from subgraphs.users.repository import audit as repository

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first place where a chain is not what it was."""

    chain_id: UUID
    seq: int
    reason: str


async def append(
    session: AsyncSession,
    viewer: Viewer,
    action: str,
    *,
    organization_id: UUID = PLATFORM,
    subject_id: UUID | None = None,
    **details: str | bool | None,
) -> None:
    """Write an entry in this transaction; call it last, since it holds the end of the chain."""
    await session.flush()
    head, at = await repository.lock_head(session, organization_id)
    entry = AuditEntry(
        chain_id=organization_id,
        seq=head.seq,
        at=at,
        actor_id=viewer.user_id,
        action=action,
        subject_id=subject_id,
        details=details,
        previous=head.hash,
    )
    entry.hash = digest(entry)
    session.add(entry)
    await repository.set_head(session, organization_id, entry.hash)


def digest(entry: AuditEntry) -> bytes:
    """SHA-256 over everything an entry says, in one canonical spelling."""
    content: dict[str, Any] = {
        "chain": str(entry.chain_id),
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": _text(entry.actor_id),
        "action": entry.action,
        "subject": _text(entry.subject_id),
        "details": entry.details,
        "previous": entry.previous.hex(),
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _text(id: UUID | None) -> str | None:
    return str(id) if id else None


async def verify(session: AsyncSession) -> tuple[int, list[Flaw]]:
    """Read every chain; return how many entries there are, and the first flaw of each chain.

    The session reads one snapshot, or what is appended meanwhile looks like a flaw.
    """
    total, flaws = 0, []
    for chain_id, head in (await repository.heads(session)).items():
        seals = await repository.seals(session, chain_id)
        walk = _Walk(chain_id, {seal.entries: seal.hash for seal in seals})
        async for entry in repository.entries(session, chain_id):
            total += 1
            if flaw := walk.step(entry):
                flaws.append(flaw)
                break
        else:
            flaws += walk.end(head.seq if head else 0, head.hash if head else b"")
    return total, flaws


class _Walk:
    """A walk along one chain, entry by entry."""

    def __init__(self, chain_id: UUID, seals: dict[int, bytes]) -> None:
        self._chain_id = chain_id
        self._seals = seals
        self._seq = 0
        self._hash = b""

    def step(self, entry: AuditEntry) -> Flaw | None:
        self._seq += 1
        if entry.seq != self._seq:
            return self._flaw(self._seq, "is missing")
        if entry.previous != self._hash:
            return self._flaw(self._seq, "does not follow from the one before it")
        if entry.hash != digest(entry):
            return self._flaw(self._seq, "was changed")
        if self._seals.get(self._seq, entry.hash) != entry.hash:
            return self._flaw(self._seq, "differs from the seal of its day")
        self._hash = entry.hash
        return None

    def end(self, seq: int, hash_: bytes) -> Sequence[Flaw]:
        if max(seq, *self._seals, 0) > self._seq:
            return [self._flaw(self._seq + 1, "is missing")]
        if (seq, hash_) != (self._seq, self._hash):
            return [self._flaw(self._seq, "is not the end that the chain remembers")]
        return []

    def _flaw(self, seq: int, reason: str) -> Flaw:
        return Flaw(self._chain_id, seq, reason)


async def unsealed_days(session: AsyncSession, today: date) -> list[date]:
    """The days before `today` that may not be sealed yet, from the oldest on."""
    sealed = await repository.last_sealed_day(session)
    first = await repository.first_entry_at(session)
    if first is None:
        return []
    day = date.fromisoformat(sealed) + timedelta(days=1) if sealed else first.date()
    return [day + timedelta(days=n) for n in range((today - day).days)]


async def seal_day(session: AsyncSession, day: date) -> int:
    """Write down how the chains that grew stood when `day` was over; return how many, 0 if done.

    The seals are logged as well: what is in the log cannot be changed from within the database.
    """
    if not await first_time(session, f"users.roll_over_audit:{day}"):
        return 0
    start = datetime.combine(day, time(), UTC)
    ends = await repository.chain_ends(session, start, start + timedelta(days=1))
    for end in ends:
        session.add(AuditSeal(chain_id=end.chain_id, day=str(day), entries=end.seq, hash=end.hash))
        logger.info(
            "An audit chain was sealed",
            chain_id=str(end.chain_id),
            day=str(day),
            entries=end.seq,
            hash=end.hash.hex(),
        )
    return len(ends)

"""The receiving end: an event may arrive many times, its effect happens once.

An event whose handler fails is put aside, with those of its aggregate that follow it; the others
flow on. It is tried again with backoff, and after `MAX_ATTEMPTS` it is a dead letter.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Uuid, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from subgraphs.kernel import failpoints, telemetry
from subgraphs.kernel.bus import Bus, Entry, Refused, order_of
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope, Event
from subgraphs.kernel.relay import leadership
from subgraphs.kernel.tables import INBOX, INBOX_DEFERRED

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
"""With their pauses they outlast four minutes."""

BATCH = 50
"""Events that share a transaction: few enough that no row they change is locked for long."""

CHECK_SECONDS = 1.0
GATHER_SECONDS = 0.02
"""What comes within this time after a batch is handled together, in one transaction."""

_RECEIPTS = (
    insert(INBOX)
    .from_select(["id"], select(func.unnest(bindparam("ids", type_=ARRAY(Uuid())))))
    .on_conflict_do_nothing()
    .returning(INBOX.c.id)
)
EventT = TypeVar("EventT", bound=Event)
Handler = Callable[[AsyncSession, EventT, Envelope], Awaitable[None]]
HANDLED = Counter("polynode_inbox_handled", "Events that took effect.", ["group", "type"])
FAILED = Counter("polynode_inbox_failed", "Handlers that failed.", ["group", "type"])
WAITING = Gauge("polynode_inbox_waiting", "Events put aside for a retry.", ["group"])
DEAD = Gauge("polynode_inbox_dead", "Dead letters.", ["group"])


class UnknownVersionError(Exception):
    """A published event is newer than this code; it is kept until the code catches up."""


@dataclass(frozen=True)
class Inbox:
    """What one subgraph does about the events of others."""

    group: str
    handlers: dict[tuple[str, int], tuple[type[Event], Handler[Any]]] = field(default_factory=dict)

    def on(self, event_type: type[EventT]) -> Callable[[Handler[EventT]], Handler[EventT]]:
        """Register `async def handler(session, event, envelope)` for one version of an event."""

        def register(handler: Handler[EventT]) -> Handler[EventT]:
            self.handlers[event_type.type, event_type.version] = (event_type, handler)
            return handler

        return register

    @property
    def topics(self) -> set[str]:
        return {event_type.topic for event_type, _ in self.handlers.values()}

    @property
    def types(self) -> set[str]:
        return {event_type.type for event_type, _ in self.handlers.values()}

    async def consume(self, db: Database, bus: Bus) -> None:
        """Handle events for as long as the process lives; one consumer a database at a time."""
        async with leadership(db.engine, "inbox") as seat:
            positions = {}
            for topic in self.topics:
                await bus.create_group(topic, self.group)
                positions[topic] = await bus.group_position(topic, self.group)
            checked = 0.0
            while True:
                if (now := asyncio.get_running_loop().time()) >= checked + CHECK_SECONDS:
                    checked = now
                    await self._take_over(db, bus)
                    while await self.retry(db):
                        ...  # those behind them are due as well
                    await self._measure(seat)
                entries = await self._fresh(bus)
                await self._ask_for_missed(entries, positions, bus)
                if entries:
                    await seat.execute(text("SELECT 1"))  # still the only one
                    await self.handle(entries, db, bus)
                    await asyncio.sleep(GATHER_SECONDS)

    async def _take_over(self, db: Database, bus: Bus) -> None:
        """Handle what was handed out and then lost: by a member that died, or on its way here."""
        for topic in self.topics:
            with suppress(Refused):  # Valkey came back empty
                while left := await bus.abandoned(topic, self.group):
                    await self.handle(left, db, bus)

    async def _fresh(self, bus: Bus) -> list[Entry]:
        try:
            return await bus.fresh(self.topics, self.group)
        except Refused as refusal:  # Valkey came back empty
            if "NOGROUP" not in str(refusal):
                raise
            for topic in self.topics:
                await bus.create_group(topic, self.group)
            return []

    async def _ask_for_missed(
        self, entries: list[Entry], positions: dict[str, str], bus: Bus
    ) -> None:
        """Have the owner send again what was trimmed before it was read."""
        for entry in entries:
            last = positions[entry.topic]
            if entry.previous and order_of(entry.previous) > order_of(last):
                logger.warning("Entries were trimmed unread", topic=entry.topic, after=last)
                await bus.request_replay(entry.topic, last)
            positions[entry.topic] = entry.position

    async def handle(self, entries: list[Entry], db: Database, bus: Bus) -> None:
        """Give every event its effect or put it aside; then acknowledge the batch."""
        mine = [entry for entry in entries if entry.envelope.type in self.types]
        if mine:
            aggregates = {entry.envelope.aggregate_id for entry in mine}
            async with db.read() as session:
                blocked = set(await session.scalars(_waiting_aggregates(aggregates)))
            for start in range(0, len(mine), BATCH):
                batch = mine[start : start + BATCH]
                if not await self._take_all(batch, blocked, db):
                    for entry in batch:
                        await self._take(entry, blocked, db)
        await bus.acknowledge(self.group, entries)

    async def _take_all(self, batch: Sequence[Entry], blocked: set[UUID], db: Database) -> bool:
        """Take a batch in one transaction; where one event fails, none has taken effect."""
        if len(batch) == 1:
            return False
        ready = [it.envelope for it in batch if it.envelope.aggregate_id not in blocked]
        try:
            await self._transact(db, ready)
        except Exception:  # reported when each is taken by itself
            return False
        for entry in batch:
            if entry.envelope.aggregate_id in blocked:
                await _defer(db, entry, attempts=0)
        return True

    async def _take(self, entry: Entry, blocked: set[UUID], db: Database) -> None:
        envelope = entry.envelope
        if envelope.aggregate_id in blocked:
            await _defer(db, entry, attempts=0)
            return
        try:
            await self._transact(db, [envelope])
        except UnknownVersionError as error:
            await _defer(db, entry, attempts=0, error=error, dead=True)
        except Exception as error:
            self._report("A handler failed", envelope, error)
            await _defer(db, entry, attempts=1, error=error)
            blocked.add(envelope.aggregate_id)

    def _report(self, what: str, envelope: Envelope, error: Exception) -> None:
        FAILED.labels(self.group, envelope.type).inc()
        with telemetry.handling(envelope):
            logger.error(what, event_id=str(envelope.id), type=envelope.type, exc_info=error)

    async def _transact(self, db: Database, envelopes: Sequence[Envelope]) -> None:
        for envelope in await db.transact(self._apply, envelopes):
            HANDLED.labels(self.group, envelope.type).inc()

    async def _apply(
        self, session: AsyncSession, envelopes: Sequence[Envelope]
    ) -> Sequence[Envelope]:
        """Give effect to those that had none before, in their order, and return them."""
        new = set(await session.scalars(_RECEIPTS, {"ids": [it.id for it in envelopes]}))
        fresh = [it for it in {it.id: it for it in envelopes}.values() if it.id in new]
        for envelope in fresh:
            await self._handle(session, envelope)
            await session.flush()
            session.expunge_all()  # the next handler sees the rows, not what this one read of them
        return fresh

    async def _handle(self, session: AsyncSession, envelope: Envelope) -> None:
        found = self.handlers.get((envelope.type, envelope.version))
        if found is None:
            raise UnknownVersionError(f"{envelope.type} version {envelope.version} is unknown.")
        event_type, handler = found
        with (
            telemetry.handling(envelope),
            telemetry.span(f"handle {envelope.type}", traceparent=envelope.traceparent),
        ):
            await handler(session, event_type.model_validate(envelope.data), envelope)
        failpoints.reach("inbox.handled")

    async def retry(self, db: Database) -> int:
        """Try again what is due, the oldest event of each aggregate; tell how many there were."""
        async with db.read() as session:
            due = (await session.execute(_due())).all()
        for row in due:
            envelope = Envelope.model_validate_json(row.envelope)
            try:
                await db.transact(self._reapply, envelope)
            except UnknownVersionError as error:
                await _fail(db, row, attempts=MAX_ATTEMPTS, error=error)
            except Exception as error:
                self._report("A handler failed again", envelope, error)
                await _fail(db, row, attempts=row.attempts + 1, error=error)
        return len(due)

    async def _reapply(self, session: AsyncSession, envelope: Envelope) -> None:
        for handled in await self._apply(session, [envelope]):
            HANDLED.labels(self.group, handled.type).inc()
        await session.execute(delete(INBOX_DEFERRED).where(INBOX_DEFERRED.c.id == envelope.id))

    async def _measure(self, seat: AsyncConnection) -> None:
        dead = func.count().filter(INBOX_DEFERRED.c.dead_at.is_not(None))
        found = (await seat.execute(select(func.count(), dead).select_from(INBOX_DEFERRED))).one()
        WAITING.labels(self.group).set(found[0] - found[1])
        DEAD.labels(self.group).set(found[1])


def _waiting_aggregates(aggregates: set[UUID]) -> Any:
    return select(INBOX_DEFERRED.c.aggregate_id).where(
        INBOX_DEFERRED.c.aggregate_id.in_(aggregates), INBOX_DEFERRED.c.dead_at.is_(None)
    )


def _due() -> Any:
    earlier = INBOX_DEFERRED.alias("earlier")
    behind = (
        select(1)
        .where(
            earlier.c.aggregate_id == INBOX_DEFERRED.c.aggregate_id,
            earlier.c.id < INBOX_DEFERRED.c.id,
            earlier.c.dead_at.is_(None),
        )
        .exists()
    )
    return (
        select(INBOX_DEFERRED)
        .where(INBOX_DEFERRED.c.dead_at.is_(None), INBOX_DEFERRED.c.retry_at <= func.now(), ~behind)
        .order_by(INBOX_DEFERRED.c.id)
        .limit(100)
    )


async def _defer(
    db: Database,
    entry: Entry,
    *,
    attempts: int,
    error: Exception | None = None,
    dead: bool = False,
) -> None:
    row = {
        "id": entry.envelope.id,
        "topic": entry.topic,
        "type": entry.envelope.type,
        "aggregate_id": entry.envelope.aggregate_id,
        "envelope": entry.text,
        "attempts": attempts,
        "retry_at": func.now() + timedelta(seconds=attempts),
        "dead_at": func.now() if dead else None,
        "error": _reason(error),
    }
    async with db.begin() as session:
        await session.execute(insert(INBOX_DEFERRED).values(row).on_conflict_do_nothing())


async def _fail(db: Database, row: Any, *, attempts: int, error: Exception) -> None:
    async with db.begin() as session:
        await session.execute(
            update(INBOX_DEFERRED)
            .where(INBOX_DEFERRED.c.id == row.id)
            .values(
                attempts=attempts,
                retry_at=func.now() + timedelta(seconds=2**attempts),
                dead_at=func.now() if attempts >= MAX_ATTEMPTS else None,
                error=_reason(error),
            )
        )


def _reason(error: Exception | None) -> str | None:
    return f"{type(error).__name__}: {error}"[:1_000] if error else None

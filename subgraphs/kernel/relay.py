"""From the outbox to the bus: in order within an aggregate, until Valkey has it, and again if not.

One relay a database works at a time; others wait for its lock. It wakes by NOTIFY.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Select, any_, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from subgraphs.kernel import failpoints
from subgraphs.kernel.bus import Bus, Identity, RestartedError
from subgraphs.kernel.events import Envelope
from subgraphs.kernel.tables import BUS_STATE, OUTBOX

logger = structlog.get_logger(__name__)

BATCH = 500
FRESH = 100
MAX_ATTEMPTS = 12
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.01
"""What comes within this time after a batch goes together: a batch costs little more than one."""

CATCH_UP_SECONDS = 5.0

RETENTION = timedelta(days=7)
BACKLOG = 10 * BATCH
ANALYZE_SECONDS = 60.0
LOST_TAIL = timedelta(minutes=1)
"""More than the second of writes that Valkey may lose with `appendfsync everysec`."""

SENT = Counter("polynode_outbox_sent", "Events sent to the bus.", ["topic"])
LAG = Gauge("polynode_outbox_lag", "Events waiting to be sent.", ["database"])
AGE = Gauge("polynode_outbox_age_seconds", "Age of the oldest event waiting.", ["database"])
DEAD = Gauge("polynode_outbox_dead", "Events given up on.", ["database"])

_waiting = OUTBOX.c.sent_at.is_(None) & OUTBOX.c.dead_at.is_(None)


@asynccontextmanager
async def leadership(engine: AsyncEngine, role: str) -> AsyncIterator[AsyncConnection]:
    """Hold the one seat of `role` in this database; it falls free with the connection."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        # Waiting for the seat may take days; so may the next statement of a quiet holder.
        await connection.execute(text("SET statement_timeout = 0"))
        await connection.execute(select(func.pg_advisory_lock(func.hashtext(role))))
        try:
            yield connection
        finally:
            await connection.invalidate()  # never back to the pool: the lock is the session's


async def relay(engine: AsyncEngine, bus: Bus, *, name: str, topics: Collection[str]) -> None:
    """Send what the outbox of the database `name` holds, for as long as the process lives.

    `topics` are all that this subgraph publishes: what a lost Valkey is refilled with.
    """
    async with leadership(engine, "relay") as connection:
        wake = await _listen(connection)
        checked, analyzed = 0.0, -ANALYZE_SECONDS
        while True:
            if (now := asyncio.get_running_loop().time()) >= checked + POLL_SECONDS:
                checked = now
                await _refill(connection, bus, topics)
                lag = await _measure(connection, name)
                if lag > BACKLOG and now >= analyzed + ANALYZE_SECONDS:
                    analyzed = now
                    await connection.execute(_ANALYZE)
            wake.clear()
            try:
                due = await send_batch(connection, bus)
            except RestartedError:
                checked = 0.0  # what Valkey may have lost goes first
                continue
            if due == BATCH:
                await _let_readers_catch_up(bus, topics)
            elif due == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), POLL_SECONDS)
            else:
                await asyncio.sleep(GATHER_SECONDS)


async def _let_readers_catch_up(bus: Bus, topics: Collection[str]) -> None:
    """Wait while more would push out of the streams what readers have yet to read.

    Not for good: live listeners wait as well, and what is pushed out is only asked for again.
    """
    ends = asyncio.get_running_loop().time() + CATCH_UP_SECONDS
    while asyncio.get_running_loop().time() < ends:
        if not any([await bus.is_outrun(topic) for topic in topics]):
            return
        await asyncio.sleep(GATHER_SECONDS)


async def _listen(connection: AsyncConnection) -> asyncio.Event:
    wake = asyncio.Event()
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    await raw.add_listener("outbox", lambda *_: wake.set())
    return wake


def _oldest() -> Select[Any]:
    """The oldest events due, without those that stand behind one that waits for its retry."""
    earlier = OUTBOX.alias("earlier")
    blocked = (
        select(1)
        .where(
            earlier.c.aggregate_id == OUTBOX.c.aggregate_id,
            earlier.c.id < OUTBOX.c.id,
            earlier.c.sent_at.is_(None),
            earlier.c.dead_at.is_(None),
            earlier.c.retry_at > func.now(),
        )
        .exists()
    )
    due = select(OUTBOX).where(_waiting, OUTBOX.c.retry_at <= func.now(), ~blocked)
    return due.order_by(OUTBOX.c.id).limit(BATCH)


def _newest() -> Select[Any]:
    """The newest events, where nothing of the same aggregate is older and unsent.

    With a long backlog they overtake it, so that live listeners do not wait for its end.
    """
    newest = select(OUTBOX).where(_waiting).order_by(OUTBOX.c.id.desc()).limit(FRESH).subquery()
    earlier = OUTBOX.alias("earlier")
    first = (
        ~select(1)
        .where(
            earlier.c.aggregate_id == newest.c.aggregate_id,
            earlier.c.id < newest.c.id,
            earlier.c.sent_at.is_(None),
            earlier.c.dead_at.is_(None),
        )
        .exists()
    )
    return select(newest).where(first, newest.c.retry_at <= func.now()).order_by(newest.c.id)


# Whenever Postgres looks, the outbox has next to nothing to send: a plan made of such statistics
# reads a backlog from end to end for every row.
_ANALYZE = text("ANALYZE outbox")
# Built once: they run for every batch, of however few events.
_OLDEST = _oldest()
_NEWEST = _newest()
_MARK_SENT = (
    update(OUTBOX)
    .where(OUTBOX.c.id == any_(bindparam("sent", type_=ARRAY(OUTBOX.c.id.type))))
    .values(sent_at=func.clock_timestamp())
)


async def send_batch(connection: AsyncConnection, bus: Bus) -> int:
    """Send the events that are due, oldest first; tell how many were due."""
    rows = (await connection.execute(_OLDEST)).all()
    if len(rows) == BATCH:
        newest = (await connection.execute(_NEWEST)).all()
        await _send(newest, connection, bus)
        ahead = {row.id for row in newest}
        await _send([row for row in rows if row.id not in ahead], connection, bus)
    else:
        await _send(rows, connection, bus)
    return len(rows)


async def _send(rows: Any, connection: AsyncConnection, bus: Bus) -> None:
    topics: dict[str, list[Any]] = {}
    for row in rows:
        if _is_object(row.data):
            topics.setdefault(row.topic, []).append(row)
        else:  # every reader of the topic would stumble over it, again and again
            await _put_off(connection, row, "The data is no JSON object.", for_good=True)
    for topic, messages in topics.items():
        batch = [(row.aggregate_id, row.aggregate_seq, _envelope(row)) for row in messages]
        failpoints.reach("relay.read")
        refusals = await bus.send(topic, batch)
        failpoints.reach("relay.sent")
        sent = [row.id for row, refusal in zip(messages, refusals, strict=True) if not refusal]
        await connection.execute(_MARK_SENT, {"sent": sent})
        SENT.labels(topic).inc(len(sent))
        for row, refusal in zip(messages, refusals, strict=True):
            if refusal:
                await _put_off(connection, row, refusal)


def _is_object(data: str) -> bool:
    try:
        return isinstance(orjson.loads(data), dict)
    except orjson.JSONDecodeError:
        return False


def _envelope(row: Any) -> str:
    # The data is JSON already: spliced in, not parsed and dumped again.
    head = Envelope.model_construct(
        id=row.id,
        type=row.type,
        version=row.version,
        tenant_id=row.tenant_id,
        aggregate_id=row.aggregate_id,
        aggregate_seq=row.aggregate_seq,
        occurred_at=row.occurred_at,
        actor_id=row.actor_id,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        traceparent=row.traceparent,
        data={},
    ).model_dump_json(by_alias=True, exclude={"data"})
    return f'{head[:-1]},"data":{row.data}}}'


async def _put_off(
    connection: AsyncConnection, row: Any, refusal: str, *, for_good: bool = False
) -> None:
    """Retry with exponential backoff; give up after `MAX_ATTEMPTS`, so that others may pass."""
    attempts = row.attempts + 1
    logger.error("An event was refused", event_id=str(row.id), attempts=attempts, error=refusal)
    await connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.id == row.id)
        .values(
            attempts=attempts,
            error=refusal[:1_000],
            retry_at=func.now() + timedelta(seconds=min(2**attempts, 3_600)),
            dead_at=func.now() if for_good or attempts >= MAX_ATTEMPTS else None,
        )
    )


async def _refill(connection: AsyncConnection, bus: Bus, topics: Collection[str]) -> None:
    """Send again what Valkey lost, and what a reader asks for because it was trimmed away."""
    identity = await bus.identify()
    for topic in topics:
        known = (
            await connection.execute(select(BUS_STATE).where(BUS_STATE.c.topic == topic))
        ).one_or_none()
        if known and known.epoch != identity.epoch:
            await _unsend(connection, topic, since=func.now() - RETENTION, why="Valkey is empty")
        elif known and known.run_id != identity.run_id:
            since = known.checked_at - LOST_TAIL
            await _unsend(connection, topic, since=since, why="Valkey was restarted")
        await _remember(connection, topic, identity)
        if (asked := await bus.asked_replay(topic)) is not None:
            since = func.to_timestamp(asked / 1_000) - LOST_TAIL
            await _unsend(connection, topic, since=since, why="A reader missed entries")
            await bus.replayed(topic, asked)


async def _unsend(connection: AsyncConnection, topic: str, *, since: Any, why: str) -> None:
    kept = func.outbox_bound(func.now() - RETENTION)  # what is older might have its effect twice
    result = await connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.topic == topic, OUTBOX.c.sent_at >= since, OUTBOX.c.id >= kept)
        .values(sent_at=None, retry_at=func.now())
    )
    logger.warning("Sending events again", topic=topic, events=result.rowcount, why=why)


async def _remember(connection: AsyncConnection, topic: str, identity: Identity) -> None:
    values = {"epoch": identity.epoch, "run_id": identity.run_id, "checked_at": func.now()}
    await connection.execute(
        insert(BUS_STATE)
        .values(topic=topic, **values)
        .on_conflict_do_update(index_elements=[BUS_STATE.c.topic], set_=values)
    )


async def _measure(connection: AsyncConnection, name: str) -> int:
    """Set the gauges; return how many events wait."""
    found = (
        await connection.execute(
            select(
                func.count().label("lag"),
                func.coalesce(
                    func.extract("epoch", func.now() - func.min(OUTBOX.c.occurred_at)), 0
                ).label("age"),
            ).where(_waiting)
        )
    ).one()
    dead = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.dead_at.is_not(None))
    LAG.labels(name).set(found.lag)
    AGE.labels(name).set(float(found.age))
    DEAD.labels(name).set(await connection.scalar(dead) or 0)
    return int(found.lag)

"""The tables that the kernel keeps in every subgraph's database."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)

_own = MetaData()
_moment = DateTime(timezone=True)

OUTBOX = Table(
    "outbox",
    _own,
    # Ids are UUIDv7 made by Postgres: one clock, so they sort by the order of commits that
    # wait for each other, and a range of ids is a range of time: the partitions are days.
    Column("id", Uuid, primary_key=True, server_default=text("uuidv7()")),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("tenant_id", Uuid),
    Column("aggregate_id", Uuid, nullable=False),
    Column("aggregate_seq", BigInteger, nullable=False),
    Column("occurred_at", _moment, nullable=False, server_default=func.now()),
    Column("actor_id", Uuid),
    Column("correlation_id", Uuid),
    Column("causation_id", Uuid),
    Column("traceparent", Text),
    Column("data", Text, nullable=False),
    Column("sent_at", _moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", _moment, nullable=False, server_default=func.now()),
    Column("dead_at", _moment),
    Column("error", Text),
    postgresql_partition_by="RANGE (id)",
)
_unsent = OUTBOX.c.sent_at.is_(None) & OUTBOX.c.dead_at.is_(None)
Index("ix_outbox_unsent", OUTBOX.c.id, postgresql_where=_unsent)
Index(
    "ix_outbox_unsent_aggregate",
    OUTBOX.c.aggregate_id,
    OUTBOX.c.id,
    postgresql_where=_unsent,
)
Index("ix_outbox_dead", OUTBOX.c.id, postgresql_where=OUTBOX.c.dead_at.is_not(None))

BUS_STATE = Table(
    "bus_state",
    _own,
    # What the relay last knew of Valkey; a difference means that entries were lost.
    Column("topic", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("checked_at", _moment, nullable=False, server_default=func.now()),
)

INBOX = Table(
    "inbox",
    _own,
    # Proof that the event of this id took effect here.
    Column("id", Uuid, primary_key=True),
)

INBOX_DEFERRED = Table(
    "inbox_deferred",
    _own,
    # Events whose handler failed, and those of the same aggregate that wait behind them.
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", _moment, nullable=False, server_default=func.now()),
    Column("dead_at", _moment),
    Column("error", Text),
)
Index(
    "ix_inbox_deferred_waiting",
    INBOX_DEFERRED.c.aggregate_id,
    INBOX_DEFERRED.c.id,
    postgresql_where=INBOX_DEFERRED.c.dead_at.is_(None),
)


def attach(metadata: MetaData) -> None:
    """Add the kernel's tables to a subgraph's metadata, for its migrations."""
    for table in _own.sorted_tables:
        table.to_metadata(metadata)

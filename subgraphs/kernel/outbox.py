"""The sending end: events commit with the rows that caused them, or not at all."""

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from subgraphs.kernel import failpoints, telemetry
from subgraphs.kernel.events import Event
from subgraphs.kernel.tables import OUTBOX

STAGED = "outbox"


class Versioned(Protocol):
    """A row of an aggregate: `kernel.db.Identified` with `kernel.db.Aggregate`."""

    id: Any
    version: Any


def publish(
    session: AsyncSession, event: Event, *, of: Versioned, tenant_id: UUID | None = None
) -> None:
    """Stage `event` of the aggregate `of`; it is sent at least once after the commit.

    The aggregate's row must be locked or new in this transaction: its version numbers the event,
    which is what keeps an aggregate's events in order and free of gaps.
    """
    of.version = (of.version or 0) + 1
    session.sync_session.info.setdefault(STAGED, []).append(
        {
            "topic": event.topic,
            "type": event.type,
            "version": event.version,
            "tenant_id": tenant_id,
            "aggregate_id": of.id,
            "aggregate_seq": of.version,
            "actor_id": telemetry.actor_id.get(),
            "correlation_id": telemetry.correlation_id.get(),
            "causation_id": telemetry.causation_id.get(),
            "traceparent": telemetry.current_traceparent(),
            "data": event.dump(),
        }
    )


@sqlalchemy_event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Write what was staged in one statement: committing is writing the outbox."""
    if rows := session.info.pop(STAGED, None):
        session.flush()
        session.execute(insert(OUTBOX).inline(), rows)
        failpoints.reach("outbox.written")


@sqlalchemy_event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(STAGED, None)

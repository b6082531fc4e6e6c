"""The Alembic environment of every subgraph; `kernel.migrate` runs it with a connection."""

from typing import Any

from alembic import context
from sqlalchemy import text

from subgraphs.kernel.migrate import ENTRY, LOCK_TIMEOUT


def _ours(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    """Leave partitions to the function that makes and drops them."""
    return not (kind == "table" and name is not None and name.startswith("outbox_"))


entry = context.config.attributes[ENTRY]
entry["connection"].execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
context.configure(
    connection=entry["connection"],
    target_metadata=entry["metadata"],
    include_object=_ours,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

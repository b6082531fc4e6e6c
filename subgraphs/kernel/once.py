"""Once in all time: a queue may hand a task out again, so its effect leaves a receipt."""

from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.tables import INBOX


async def first_time(session: AsyncSession, task_key: str) -> bool:
    """Tell, once in all time, that the task of this key is to be done; the rest is repetition.

    The answer commits with what the task does: a task that fails may be tried again.
    """
    # Receipts of events sort by time and are forgotten by it; this one sorts behind all time.
    id = UUID(bytes=b"\xff" + uuid5(NAMESPACE_URL, task_key).bytes[1:])
    receipt = insert(INBOX).values(id=id).on_conflict_do_nothing()
    return await session.scalar(receipt.returning(INBOX.c.id)) is not None

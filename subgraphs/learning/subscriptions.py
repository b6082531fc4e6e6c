import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

import strawberry

from subgraphs.kernel.bus import Heard
from subgraphs.kernel.errors import InvalidCursorError
from subgraphs.learning import errors, types
from subgraphs.learning.events import LessonCompleted
from subgraphs.learning.locks import Standing
from subgraphs.learning.repository import standings

_CURSOR = re.compile(r"[0-9]{1,18}", re.ASCII)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def progress_updated(
        self, info: types.Info, enrollment_id: UUID, after: str | None = None
    ) -> AsyncGenerator[types.ProgressUpdate, None]:
        """Follow an enrollment, each event once and in order, until the viewer may not see it.

        With the last cursor seen as `after`, nothing that happened in between is missed.
        """
        cursor = _parse(after)
        info.context.viewer.require_user()
        standing = await _look(info, enrollment_id)
        if standing is None:
            raise errors.EnrollmentNotFoundError(enrollment_id)
        head = standing.progress.version
        if cursor is not None and cursor > head:
            raise InvalidCursorError
        listening = info.context.bus.listen(
            LessonCompleted.topic, enrollment_id, after=cursor, head=head
        )
        async with aclosing(listening) as heard:
            async for news in heard:
                standing = await _look(info, enrollment_id)
                if standing is None:
                    return
                yield types.ProgressUpdate(
                    cursor=str(news.cursor),
                    resync=news.envelope is None,
                    enrollment=types.Enrollment.from_row(standing),
                    lesson_id=_lesson_id(news),
                )


async def _look(info: types.Info, enrollment_id: UUID) -> Standing | None:
    """Look again each time, since rights end; nothing stays open between two events."""
    [standing] = await standings.find(info.context.db, info.context.viewer, [enrollment_id])
    return standing


def _lesson_id(news: Heard) -> UUID | None:
    lesson_id = news.envelope.data.get("lessonId") if news.envelope else None
    return UUID(lesson_id) if lesson_id else None


def _parse(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not _CURSOR.fullmatch(cursor):
        raise InvalidCursorError
    return int(cursor)

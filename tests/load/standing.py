"""The baseline's own view of which lessons are open to a learner."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Standing:
    """A row of an enrollment joined to its version and course."""

    row: Any
    completed: dict[str, datetime]
    positions: dict[str, int]
    reached: int  # the position of the first lesson that is not complete

    @classmethod
    def of(cls, row: Any) -> "Standing":
        completed = dict(zip(row["completed_lesson_ids"], row["lesson_completed_at"], strict=True))
        lesson_ids = row["lesson_ids"]
        reached = next(
            (place for place, id in enumerate(lesson_ids) if id not in completed), len(lesson_ids)
        )
        return cls(row, completed, {id: place for place, id in enumerate(lesson_ids)}, reached)

    def is_locked(self, lesson_id: str) -> bool:
        if lesson_id not in self.positions:
            return True
        rule = self.row["rules"].get(lesson_id, {})
        if rule.get("preview") or lesson_id in self.completed:
            return False
        opens = self.row["enrolled_at"] + timedelta(days=rule.get("days") or 0)
        if opens > datetime.now(UTC):
            return True
        if self.row["sequential"] and self.positions[lesson_id] > self.reached:
            return True
        return any(first not in self.completed for first in rule.get("after", ()))

    def next_lesson_id(self) -> str | None:
        for lesson_id in self.row["lesson_ids"][self.reached :]:
            if lesson_id not in self.completed and not self.is_locked(lesson_id):
                found: str = lesson_id
                return found
        return None

"""Events: facts in the past tense, published by one subgraph for all others.

A version's payload never changes: a subclass with `version=2` joins it instead.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Event(BaseModel):
    """A fact told in ids and the few values that others need; unknown keys are ignored."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )
    type: ClassVar[str]
    version: ClassVar[int]
    topic: ClassVar[str]

    def __init_subclass__(cls, *, type: str, version: int = 1, **kwargs: Any) -> None:
        """Declare `type` as `<topic>.<fact>`: a topic is a stream, in which order is kept."""
        super().__init_subclass__(**kwargs)
        cls.type, cls.version, cls.topic = type, version, type.partition(".")[0]

    def dump(self) -> str:
        return self.model_dump_json(by_alias=True)


class NotToldYetError(Exception):
    """An event refers to what an earlier one has yet to tell: its inbox tries it again later."""


class Envelope(BaseModel):
    """What travels: the event's data, and where it belongs."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )
    id: UUID
    type: str
    version: int
    tenant_id: UUID | None = None
    aggregate_id: UUID
    aggregate_seq: int
    """Numbers the events of one aggregate from 1 without a gap; it is the cursor of listeners."""
    occurred_at: datetime
    actor_id: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None
    data: dict[str, Any]

    @property
    def topic(self) -> str:
        return self.type.partition(".")[0]

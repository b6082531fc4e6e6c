"""What streams carry, and their names."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from subgraphs.kernel.events import Envelope


class RestartedError(Exception):
    """Another Valkey answers than `identify` found: it may have lost what was sent last."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as a topic's stream carries it."""

    topic: str
    position: str
    previous: str
    envelope: Envelope
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener gets: an event, or (None) the news that some can no longer be replayed."""

    cursor: int
    envelope: Envelope | None


@dataclass(frozen=True)
class Identity:
    """Which Valkey this is: its data set, and its process."""

    epoch: str
    run_id: str


def topic_stream(topic: str) -> str:
    return f"events:{{{topic}}}"


def key_stream(topic: str, key: UUID) -> str:
    return f"events:{{{topic}}}:{key}"


def order_of(position: str) -> tuple[int, ...]:
    """What positions are compared by."""
    return tuple(map(int, position.split("-")))


def milliseconds(position: str) -> int:
    """When an entry was appended, as its position says."""
    return int(position.partition("-")[0])


def entries_of(response: Any) -> list[Entry]:
    return [
        Entry(
            topic=stream.removeprefix("events:{").removesuffix("}"),
            position=position,
            previous=fields.get("previous", ""),
            envelope=Envelope.model_validate_json(fields["envelope"]),
            text=fields["envelope"],
        )
        for stream, found in response or ()
        for position, fields in found
        if fields
    ]

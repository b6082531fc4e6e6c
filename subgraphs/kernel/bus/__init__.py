"""Valkey Streams: a topic's stream feeds groups and listeners, a key's stream replays its past."""

from subgraphs.kernel.bus.connection import LISTENERS, Bus, Refused
from subgraphs.kernel.bus.entries import (
    Entry,
    Heard,
    Identity,
    RestartedError,
    key_stream,
    order_of,
    topic_stream,
)

__all__ = [
    "LISTENERS",
    "Bus",
    "Entry",
    "Heard",
    "Identity",
    "Refused",
    "RestartedError",
    "key_stream",
    "order_of",
    "topic_stream",
]

"""One process's way to the streams."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self
from uuid import UUID, uuid4

import structlog
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from subgraphs.kernel.background import heed_cancellation
from subgraphs.kernel.bus.entries import (
    Entry,
    Heard,
    Identity,
    RestartedError,
    entries_of,
    key_stream,
    milliseconds,
    topic_stream,
)
from subgraphs.kernel.bus.scripts import ANSWER, APPEND, ASK
from subgraphs.kernel.events import Envelope

logger = structlog.get_logger(__name__)

Refused = ResponseError  # the server answers, and says no
BLOCK_MS = 2_000  # must stay below the client's socket timeout
SOCKET_TIMEOUT = 5.0
QUEUE_SIZE = 100
TOPIC_LENGTH = 100_000
MOST_UNREAD = TOPIC_LENGTH // 2
"""Entries that a group may be behind, half of what is kept, before the relay waits for it."""

ALIVE_MS = 10_000
"""A member that has not asked for so long is gone: nobody waits for its group."""

KEY_LENGTH = 1_000
KEY_SECONDS = 86_400
EPOCH = "bus:epoch"
LISTENERS = Gauge("polynode_listeners", "Streams being listened to.", ["topic"])


class Bus:
    """One process's connection to the streams."""

    def __init__(self, valkey: Redis) -> None:
        # The client's annotations cover every encoding and server version: none of them helps.
        self.valkey: Any = valkey
        self._append = valkey.register_script(APPEND)
        self._ask, self._answer = valkey.register_script(ASK), valkey.register_script(ANSWER)
        self._run_id = ""
        self._positions: dict[str, str] = {}
        self._queues = defaultdict[tuple[str, UUID], set[asyncio.Queue[Envelope]]](set)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Connect lazily: a process starts, reads and writes while Valkey is away."""
        valkey = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=2,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 1),
        )
        async with valkey:
            yield cls(valkey)

    async def identify(self) -> Identity:
        """Tell which Valkey answers; one that has no epoch is empty and gets a new one."""
        await self.valkey.set(EPOCH, str(uuid4()), nx=True)
        epoch = await self.valkey.get(EPOCH)
        info = await self.valkey.info("server")
        self._run_id = str(info["run_id"])
        return Identity(epoch=str(epoch), run_id=self._run_id)

    async def send(self, topic: str, messages: Sequence[tuple[UUID, int, str]]) -> list[str | None]:
        """Append (aggregate id, sequence number, envelope) in order; tell each one's refusal.

        Raises:
            RestartedError: Nothing was appended; `identify` and send again what may be lost.
        """
        keys = [topic_stream(topic), *(key_stream(topic, key) for key, _, _ in messages)]
        args: list[Any] = [self._run_id, TOPIC_LENGTH, KEY_LENGTH, KEY_SECONDS]
        for _, seq, envelope in messages:
            args += (seq, envelope)
        try:
            answers = await self._append(keys=keys, args=args)
        except Refused as refusal:
            if "RESTARTED" in str(refusal):
                raise RestartedError from refusal
            raise
        return [str(answer) or None for answer in answers]

    async def follow(self, topics: Collection[str]) -> list[Entry]:
        """Read what is new and fan it out; ONE task a process repeats this for its listeners."""
        await self.take_positions(topics)
        streams: dict[Any, Any] = {topic_stream(name): self._positions[name] for name in topics}
        entries = entries_of(await self.valkey.xread(streams, count=1_000, block=BLOCK_MS))
        for entry in entries:
            self._positions[entry.topic] = entry.position
            for queue in list(self._queues.get((entry.topic, entry.envelope.aggregate_id), ())):
                _offer(queue, entry.envelope)
        return entries

    async def take_positions(self, topics: Collection[str]) -> None:
        """Have `follow` begin behind the newest entry that each of `topics` has at this moment."""
        for topic in topics:
            if topic not in self._positions:
                newest = await self.valkey.xrevrange(topic_stream(topic), count=1)
                self._positions.setdefault(topic, newest[0][0] if newest else "0-0")

    async def since(self, topic: str, milliseconds: int) -> list[Entry]:
        """Read a topic's entries of the last `milliseconds`."""
        seconds, microseconds = await self.valkey.time()
        oldest = seconds * 1_000 + microseconds // 1_000 - milliseconds
        found = await self.valkey.xrange(topic_stream(topic), str(oldest))
        return entries_of([(topic_stream(topic), found)])

    async def listen(
        self, topic: str, key: UUID, *, after: int | None, head: int
    ) -> AsyncGenerator[Heard, None]:
        """Yield every event of `key` after the cursor `after`, once and in order, then live ones.

        `head` is the aggregate's version now: without `after` the stream starts there. Where events
        after the cursor are no longer kept, a `Heard` without an envelope stands for them.
        """
        last = head if after is None else after
        queue: asyncio.Queue[Envelope] = asyncio.Queue(QUEUE_SIZE)
        # Followed and registered before the replay, so that nothing falls in between. There is one
        # even at the head: since that was looked up, an event may have come and gone.
        await self.take_positions([topic])
        with self._registered(topic, key, queue):
            async for heard in self._catch_up(topic, key, last, head, live=True):
                last = heard.cursor
                yield heard
            while True:
                heed_cancellation()
                envelope = await queue.get()
                seq = envelope.aggregate_seq
                if seq > last + 1:  # some were dropped on the way here
                    async for heard in self._catch_up(topic, key, last, seq - 1):
                        last = heard.cursor
                        yield heard
                if seq > last:
                    last = seq
                    yield Heard(last, envelope)

    @contextmanager
    def _registered(self, topic: str, key: UUID, queue: asyncio.Queue[Envelope]) -> Iterator[None]:
        self._queues[topic, key].add(queue)
        LISTENERS.labels(topic).inc()
        try:
            yield
        finally:
            LISTENERS.labels(topic).dec()
            self._queues[topic, key].discard(queue)
            if not self._queues[topic, key]:
                del self._queues[topic, key]

    async def _catch_up(
        self, topic: str, key: UUID, last: int, head: int, *, live: bool = False
    ) -> AsyncGenerator[Heard, None]:
        """Yield what is kept of the events `last` < seq ≤ `head`, and where there are holes.

        With `live` also what came after `head`, and no hole where the rest is still to be sent.
        """
        end = "+" if live else f"{head}-9"
        found = await self.valkey.xrange(key_stream(topic, key), f"{last + 1}-0", end)
        for _, fields in found:
            envelope = Envelope.model_validate_json(fields["envelope"])
            if envelope.aggregate_seq > last + 1:
                yield Heard(envelope.aggregate_seq - 1, None)
            last = envelope.aggregate_seq
            yield Heard(last, envelope)
        # Where the stream still is, it lacks nothing but its end, which is on its way: whether that
        # has come by now must not matter, as it would come through the queue.
        if last < head and not (live and await self.valkey.exists(key_stream(topic, key))):
            yield Heard(head, None)

    async def create_group(self, topic: str, group: str) -> None:
        with suppress(Refused):  # the group exists
            await self.valkey.xgroup_create(topic_stream(topic), group, id="0", mkstream=True)

    async def group_position(self, topic: str, group: str) -> str:
        """The last entry of `topic` that was delivered to `group`."""
        for found in await self.valkey.xinfo_groups(topic_stream(topic)):
            if found["name"] == group:
                return str(found["last-delivered-id"])
        return "0-0"

    async def is_outrun(self, topic: str) -> bool:
        """Tell whether more of `topic` would be trimmed before a group at work has read it."""
        try:
            groups = await self.valkey.xinfo_groups(topic_stream(topic))
        except Refused:  # there is no such stream yet
            return False
        for group in groups:
            if (group["lag"] or 0) > MOST_UNREAD:
                members = await self.valkey.xinfo_consumers(topic_stream(topic), group["name"])
                if any(member["idle"] < ALIVE_MS for member in members):
                    return True
        return False

    async def abandoned(self, topic: str, group: str) -> list[Entry]:
        """Take what members of `group` were given but never acknowledged.

        What has been trimmed meanwhile is asked for again.
        """
        _, found, trimmed = await self.valkey.xautoclaim(
            topic_stream(topic), group, group, min_idle_time=0, count=500
        )
        if trimmed:
            await self.request_replay(topic, min(trimmed, key=milliseconds))
        return entries_of([(topic_stream(topic), found)])

    async def fresh(self, topics: Collection[str], group: str) -> list[Entry]:
        """Wait for entries that no member of `group` has read yet."""
        streams: dict[Any, Any] = {topic_stream(topic): ">" for topic in topics}
        return entries_of(
            await self.valkey.xreadgroup(group, group, streams, count=500, block=BLOCK_MS)
        )

    async def acknowledge(self, group: str, entries: Collection[Entry]) -> None:
        async with self.valkey.pipeline(transaction=False) as pipeline:
            for entry in entries:
                pipeline.xack(topic_stream(entry.topic), group, entry.position)
            await pipeline.execute()

    async def request_replay(self, topic: str, position: str) -> None:
        """Ask the owner of `topic` to send again what came after the entry `position`."""
        await self._ask(keys=[f"bus:replay:{topic}"], args=[milliseconds(position)])

    async def asked_replay(self, topic: str) -> int | None:
        """Tell since when readers want a replay: milliseconds since the epoch, or None."""
        asked = await self.valkey.get(f"bus:replay:{topic}")
        return int(asked) if asked else None

    async def replayed(self, topic: str, asked: int) -> None:
        """Forget the request, unless another one has come that goes further back."""
        await self._answer(keys=[f"bus:replay:{topic}"], args=[asked])


def _offer(queue: asyncio.Queue[Envelope], envelope: Envelope) -> None:
    """Hand over without ever waiting; a reader that fell behind replays what it missed."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(envelope)

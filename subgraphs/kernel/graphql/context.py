"""What a resolver knows of the request: the ways to its data, and who asks."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import ANONYMOUS, Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.limits.networks import network_of

LoadersT = TypeVar("LoadersT")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Context(Generic[LoadersT]):
    """One request's; never a session, since resolvers run side by side and a session must not."""

    db: Database
    bus: Bus
    build_loaders: Callable[[Database, Viewer], LoadersT]
    viewer: Viewer = ANONYMOUS
    client: str = ""
    """The caller's address, as the edge saw it."""
    services: Any = None
    """What the subgraph's `app.py` made for its resolvers: hashers, signers."""
    spend: Callable[[str, int, str], None] | None = None
    """Takes a cost from the buckets of a caller and of a network."""
    introspection: bool = False
    """Whether `__schema` and `__type` are answered; the schema is published either way."""
    connection_params: dict[str, object] | None = None
    """What a socket's `connection_init` said; its identity is checked before anything runs."""
    _loaders: LoadersT | None = field(default=None, repr=False)

    @property
    def loaders(self) -> LoadersT:
        """The loaders of this request; on a socket, of this event."""
        if self._loaders is None:
            self._loaders = self.build_loaders(self.db, self.viewer)
        return self._loaders

    def forget_loaders(self) -> None:
        """Let the next event of a subscription see what has changed since."""
        self._loaders = None

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session for reading, for as long as one resolver needs it."""
        return self.db.read()

    async def transact(
        self,
        use_case: Callable[Concatenate[AsyncSession, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run one service function in a transaction that commits with its events."""
        return await self.db.transact(use_case, *args, **kwargs)

    @property
    def caller(self) -> str:
        """Whose own bucket pays: the viewer's, or that of whoever is unknown in this network."""
        user_id = self.viewer.user_id
        return f"user:{user_id}" if user_id else f"anonymous:{self.network}"

    @property
    def network(self) -> str:
        """Whose common bucket pays: that of all who share the caller's address."""
        return network_of(self.client)


Info = strawberry.Info[Context[LoadersT], None]

"""Lists below many objects: all that ask for the same page of theirs are answered by one SELECT."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from subgraphs.kernel import pages
from subgraphs.kernel.db import Database
from subgraphs.kernel.graphql.connections import Connection, connection
from subgraphs.kernel.pages import Listing, Page, PageRequest

NodeT = TypeVar("NodeT")
T = TypeVar("T")


@dataclass(frozen=True)
class Nested:
    """The loaders of one such list, for a request: one of pages and one of counts an argument list.

    `listing` makes the list from what its field takes beside the page, such as a status.
    """

    db: Database
    listing: Callable[..., Listing]
    _loaders: dict[Hashable, DataLoader[UUID, Any]] = field(default_factory=dict, repr=False)

    async def connection(
        self,
        parent: UUID,
        to_node: Callable[[Any], NodeT],
        request: PageRequest,
        **wanted: Hashable,
    ) -> Connection[NodeT]:
        """Load a page of the parent's list; its length is counted only if someone asks for it.

        Raises:
            InvalidCursorError: The cursor is not one of this list.
        """
        arguments = tuple(sorted(wanted.items()))

        async def fetch(session: AsyncSession, ids: list[UUID]) -> list[Page[Any]]:
            return await pages.fetch_pages(session, self.listing(**wanted), ids, request)

        async def measure(session: AsyncSession, ids: list[UUID]) -> list[int]:
            return await pages.counts(session, self.listing(**wanted), ids)

        async def count() -> int:
            return await self._loader(arguments, measure).load(parent)

        page = await self._loader((arguments, request), fetch).load(parent)
        return connection(page, to_node, count)

    def _loader(
        self, key: Hashable, query: Callable[[AsyncSession, list[UUID]], Awaitable[list[T]]]
    ) -> DataLoader[UUID, T]:
        if key not in self._loaders:

            async def load(ids: list[UUID]) -> list[T]:
                async with self.db.read() as session:
                    return await query(session, ids)

            self._loaders[key] = DataLoader(load)
        return self._loaders[key]

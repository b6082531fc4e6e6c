"""Relay connections over `kernel.pages`."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from subgraphs.kernel.pages import Page

NodeT = TypeVar("NodeT")


@strawberry.federation.type(shareable=True)
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    """Whether items follow this page."""
    has_previous_page: bool
    """Whether items come before this page."""
    start_cursor: str | None
    """Cursor of the first item, for `before`."""
    end_cursor: str | None
    """Cursor of the last item, for `after`."""


@strawberry.type
class Edge(Generic[NodeT]):
    """An item and its place in the list."""

    node: NodeT
    """The item."""
    cursor: str
    """Its place, for `after` and `before`."""


@strawberry.type
class Connection(Generic[NodeT]):
    """A page of a list; at most 100 items."""

    edges: list[Edge[NodeT]]
    """The items, each with its cursor."""
    page_info: PageInfo
    """Where this page stands in the list."""
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field
    async def nodes(self) -> list[NodeT]:
        """The items alone."""
        return [edge.node for edge in self.edges]

    @strawberry.field
    async def total_count(self) -> int:
        """How many items the whole list has; counted only when asked for."""
        return await self.count()


def connection(
    page: Page[Any],
    to_node: Callable[[Any], NodeT],
    count: Callable[[], Awaitable[int]],
) -> Connection[NodeT]:
    """Wrap a page of rows as a connection of nodes."""
    return Connection(
        edges=[
            Edge(node=to_node(row), cursor=cursor)
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.cursors[0] if page.cursors else None,
            end_cursor=page.cursors[-1] if page.cursors else None,
        ),
        count=count,
    )

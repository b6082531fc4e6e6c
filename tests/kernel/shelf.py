"""A domain as small as can be, so that the kernel is tested without any of the real ones."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Self
from uuid import UUID

import strawberry
from sqlalchemy import CheckConstraint, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped
from strawberry.dataloader import DataLoader

from subgraphs.kernel import db, graphql, outbox, pages
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.errors import DomainError
from subgraphs.kernel.events import Envelope, Event
from subgraphs.kernel.graphql.refusals import Expose
from subgraphs.kernel.inbox import Inbox


class Record(db.Identified, DeclarativeBase):
    metadata = db.new_metadata()
    type_annotation_map = db.TYPE_MAP


class Book(Record, db.Aggregate):
    __tablename__ = "books"
    __table_args__ = (CheckConstraint("lent >= 0", name="lent"),)
    title: Mapped[str]
    lent: Mapped[int]


class Reader(Record):
    """What the consumer of these tests writes: how often it heard of a book."""

    __tablename__ = "readers"
    book_id: Mapped[UUID]
    seq: Mapped[int]


class BookLent(Event, type="shelf.book_lent", version=1):
    book_id: UUID
    times: int


class BookLentV2(Event, type="shelf.book_lent", version=2):
    book_id: UUID


class BookIsLentError(DomainError):
    def __init__(self) -> None:
        super().__init__("This book is out.")


def make_inbox(poison: set[int] | None = None) -> Inbox:
    """A consumer that notes what it hears, and breaks on the sequence numbers of `poison`."""
    inbox = Inbox("library")

    @inbox.on(BookLent)
    async def note(session: AsyncSession, event: BookLent, envelope: Envelope) -> None:
        session.add(Reader(book_id=event.book_id, seq=envelope.aggregate_seq))
        await session.flush()
        if poison and envelope.aggregate_seq in poison:
            raise RuntimeError("this one is poisonous")

    return inbox


async def add_book(session: AsyncSession, title: str = "Faust") -> Book:
    book = Book(title=title, lent=0)
    session.add(book)
    return book


async def lend(session: AsyncSession, book_id: UUID) -> Book:
    book = await session.get_one(Book, book_id, with_for_update=True)
    book.lent += 1
    outbox.publish(session, BookLent(book_id=book.id, times=book.lent), of=book)
    return book


def visible_books(viewer: Viewer) -> Select[Book]:
    query = select(Book)
    return query if viewer.is_operator else query.where(Book.title != "Secret")


@dataclass(frozen=True)
class Loaders:
    book: DataLoader[UUID, Book | None]

    @classmethod
    def build(cls, database: db.Database, viewer: Viewer) -> Self:
        async def load(ids: list[UUID]) -> list[Book | None]:
            async with database.read() as session:
                rows = await session.scalars(visible_books(viewer).where(Book.id.in_(ids)))
            found = {row.id: row for row in rows}
            return [found.get(id) for id in ids]

        return cls(book=DataLoader(load))


Info = graphql.Info[Loaders]


@strawberry.federation.type(name="Book", keys=["id"])
class BookType:
    """A book."""

    id: UUID
    """Its id."""
    title: str
    """What is printed on its back."""

    @strawberry.field
    async def broken(self) -> str:
        """Always fails, with a secret in the message."""
        raise RuntimeError("postgresql://shelf:hunter2@db/shelf")

    @graphql.list_field(size=50)
    async def neighbours(self) -> list["BookType"]:
        """The books beside it."""
        return []

    @classmethod
    def from_row(cls, row: Book) -> Self:
        return cls(id=row.id, title=row.title)

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        row = await info.context.loaders.book.load(id)
        return cls.from_row(row) if row else None


@strawberry.type
class BookIsLentErrorType(graphql.UserError):
    """Somebody has it."""


@strawberry.type
class LendSuccess:
    """The book is yours."""

    book: BookType
    """It."""


LendResult = Annotated[
    LendSuccess | BookIsLentErrorType | graphql.NotAuthenticatedError,
    strawberry.union("LendResult"),
]


@strawberry.type
class Lending:
    """A book changed hands."""

    cursor: str
    """Where to resume."""


@strawberry.type
class Query:
    @strawberry.field
    async def books(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[BookType]:
        """All books by title."""
        request = pages.page_request(first=first, after=after, last=last, before=before)
        query = visible_books(info.context.viewer)
        order = [pages.Order(Book.title), pages.Order(Book.id)]
        async with info.context.read() as session:
            page = await pages.fetch_page(session, query, order, request)

        async def count() -> int:
            async with info.context.read() as session:
                return await pages.count(session, query)

        return graphql.connection(page, BookType.from_row, count)

    @strawberry.field
    async def caller(self, info: Info) -> str | None:
        """Who asks."""
        return str(info.context.viewer.user_id) if info.context.viewer.user_id else None


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def lend(self, info: Info, id: UUID) -> LendResult:
        """Lend a book."""
        info.context.viewer.require_user()
        if (await info.context.loaders.book.load(id)) is None:
            raise BookIsLentError
        book = await info.context.transact(lend, id)
        return LendSuccess(book=BookType.from_row(book))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def lendings(
        self, info: Info, id: UUID, after: int | None = None
    ) -> AsyncGenerator[Lending, None]:
        """Follow a book."""
        async with info.context.read() as session:
            book = await session.get_one(Book, id)
        listening = info.context.bus.listen("shelf", id, after=after, head=book.version)
        async with aclosing(listening) as heard:
            async for event in heard:
                yield Lending(cursor=str(event.cursor))


def make_schema(**options: Any) -> graphql.Schema:
    exposed = [
        Expose(BookIsLentError, BookIsLentErrorType),
        *graphql.expose(strawberry, strawberry),
    ]
    return graphql.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[BookType],
        exposed=exposed,
        **options,
    )

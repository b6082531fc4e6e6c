"""Two tiny subgraphs that misbehave on demand: what a gateway has to live with.

`python -m tests.gateway.bookshop PORT` serves both, at `/books/graphql` and `/reviews/graphql`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import strawberry
import uvicorn
from fastapi import FastAPI
from graphql import GraphQLError
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

Info = strawberry.Info[dict[str, Any], None]

TITLES = ["Emma", "Ulysses", "Dubliners", "Persuasion"]
STOCK = {"bought": 0, "held": 0}
SECRET_URL = "postgresql://books:hunter2@/books"


def identity(info: Info) -> str:
    """What the gateway told about the caller, as sorted JSON."""
    params = info.context.get("connection_params")
    if params is None:
        params = dict(info.context["request"].headers)
    names = {"host", "user-agent", "content-length"}
    return json.dumps({k: v for k, v in params.items() if k not in names}, sort_keys=True)


@strawberry.federation.type(keys=["id"])
class Book:
    id: strawberry.ID
    title: str

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Book":
        return Book(id=id, title=TITLES[int(id)])


def shelf() -> list[Book]:
    return [Book(id=strawberry.ID(str(number)), title=title) for number, title in enumerate(TITLES)]


@strawberry.type
class Tick:
    number: int
    book: Book


@strawberry.type
class Flaky:
    number: int

    @strawberry.field
    def value(self) -> int | None:
        if self.number == 1:
            raise GraphQLError("Not now.", extensions={"code": "SERVICE_UNAVAILABLE"})
        return self.number


@strawberry.type(name="Query")
class BookQuery:
    @strawberry.field
    def books(self) -> list[Book]:
        return shelf()

    @strawberry.field
    def book(self, id: strawberry.ID) -> Book | None:
        return next((book for book in shelf() if book.id == id), None)

    @strawberry.field
    async def slow_book(self, seconds: float) -> Book | None:
        await asyncio.sleep(seconds)
        return shelf()[1]

    @strawberry.field
    def many_books(self, count: int) -> list[Book]:
        return [Book(id=strawberry.ID(str(number)), title="Sequel") for number in range(count)]

    @strawberry.field
    def identity(self, info: Info) -> str:
        return identity(info)

    @strawberry.field
    def bought(self) -> int:
        return STOCK["bought"]

    @strawberry.field
    def holding(self) -> int:
        return STOCK["held"]

    @strawberry.field
    async def slow(self, seconds: float) -> str | None:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field
    def broken(self) -> str | None:
        raise GraphQLError(
            "Not yours.", extensions={"code": "FORBIDDEN", "stacktrace": [SECRET_URL], "url": "x"}
        )

    @strawberry.field
    def crashed(self) -> str | None:
        raise RuntimeError(SECRET_URL)


@strawberry.type(name="Mutation")
class BookMutation:
    @strawberry.mutation
    async def buy(self, seconds: float = 0) -> int:
        STOCK["bought"] += 1
        await asyncio.sleep(seconds)
        return STOCK["bought"]


@strawberry.type(name="Subscription")
class BookSubscription:
    @strawberry.subscription
    async def ticks(self, to: int = 3) -> AsyncIterator[Tick]:
        for number in range(to):
            yield Tick(number=number, book=shelf()[number % len(TITLES)])

    @strawberry.subscription
    async def identity(self, info: Info) -> AsyncIterator[str]:
        yield identity(info)

    @strawberry.subscription
    async def held(self) -> AsyncIterator[int]:
        """One event, then silence until the client goes."""
        STOCK["held"] += 1
        try:
            yield STOCK["held"]
            await asyncio.Event().wait()
        finally:
            STOCK["held"] -= 1

    @strawberry.subscription
    async def banned(self, info: Info) -> AsyncIterator[int]:
        """One event, then the subgraph shuts the door on this user."""
        yield 1
        await info.context["request"].close(4403)
        await asyncio.Event().wait()

    @strawberry.subscription
    async def revoked(self) -> AsyncIterator[int]:
        """One event, then the stream ends because the token no longer counts."""
        yield 1
        raise GraphQLError("The session ended.", extensions={"code": "UNAUTHENTICATED"})

    @strawberry.subscription
    async def flaky(self) -> AsyncIterator[Flaky]:
        """Three events; the one in the middle fails."""
        for number in range(3):
            yield Flaky(number=number)

    @strawberry.subscription
    async def flood(self, events: int) -> AsyncIterator[str]:
        for _ in range(events):
            yield "x" * 65_536


@strawberry.type
class Review:
    stars: int
    text: str


@strawberry.federation.type(name="Book", keys=["id"])
class ReviewedBook:
    id: strawberry.ID

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "ReviewedBook":
        return ReviewedBook(id=id)

    @strawberry.field
    def reviews(self) -> list[Review] | None:
        return [Review(stars=int(self.id), text="Read it twice.")]

    @strawberry.field
    def batch(self, info: Info) -> int | None:
        """How many books were asked for together with this one."""
        return len(info.variable_values["representations"])

    @strawberry.field
    def fragile(self) -> str | None:
        if self.id == "250":
            raise GraphQLError("It broke.", extensions={"code": "BAD_USER_INPUT"})
        return "whole"

    @strawberry.field
    def certain(self) -> int:
        return 1

    @strawberry.field
    async def opinion(self, seconds: float = 0) -> str | None:
        await asyncio.sleep(seconds)
        return "good"


@strawberry.type(name="Query")
class ReviewQuery:
    @strawberry.field
    def review_count(self) -> int:
        return len(TITLES)


@strawberry.type(name="Mutation")
class ReviewMutation:
    @strawberry.mutation
    def post_review(self) -> int:
        return 1


BOOKS = strawberry.federation.Schema(
    BookQuery, BookMutation, BookSubscription, federation_version="2.9"
)
REVIEWS = strawberry.federation.Schema(
    ReviewQuery, ReviewMutation, types=[ReviewedBook], federation_version="2.9"
)
SCHEMAS = {"books": BOOKS, "reviews": REVIEWS}


def create_app() -> FastAPI:
    app = FastAPI()
    for name, schema in SCHEMAS.items():
        endpoint = GraphQL[dict[str, Any], None](
            schema, graphql_ide=None, subscription_protocols=["graphql-transport-ws"]
        )
        app.router.routes += [
            Route(f"/{name}/graphql", endpoint),
            WebSocketRoute(f"/{name}/graphql", endpoint),
        ]
    return app


if __name__ == "__main__":
    uvicorn.run(create_app(), port=int(sys.argv[1]), log_level="warning", timeout_keep_alive=75)

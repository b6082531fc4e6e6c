"""A client at the one public endpoint, as a browser or an integrator is one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

PASSWORD = "violet tractor moonlight 7"
MUTATION = """mutation ($input: {type}Input!) {{ {name}(input: $input) {{
  __typename ... on UserError {{ message code }} ... on {type}Success {{ {fields} }} }} }}"""


@dataclass
class Api:
    """One caller; `token` is theirs once they have logged in."""

    url: str
    client: httpx.AsyncClient
    token: str | None = None
    user_id: str | None = None
    refresh_token: str | None = None
    email: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """Send any body; JSON unless it is bytes."""
        sent = {**self.headers, **headers}
        if self.token:
            sent.setdefault("authorization", f"Bearer {self.token}")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent.setdefault("content-type", "application/json")
        return await self.client.post(f"{self.url}/graphql", content=content, headers=sent)

    async def ask(self, document: str, **variables: Any) -> Any:
        """Run a query that must succeed; returns its data."""
        answer = (await self.post({"query": document, "variables": variables})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def errors(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """Run an operation that must fail at the top level; returns its errors."""
        answer = (await self.post({"query": document, "variables": variables})).json()
        errors: list[dict[str, Any]] = answer["errors"]
        return errors

    async def do(self, mutation: str, fields: str = "__typename", /, **input: Any) -> Any:
        """Run a mutation; returns its result, the success or the refusal."""
        kind = mutation[0].upper() + mutation[1:]
        document = MUTATION.format(type=kind, name=mutation, fields=fields)
        return (await self.ask(document, input=input))[mutation]

    async def register(self, name: str) -> Self:
        """Become somebody new."""
        self.email = f"{name.lower()}-{uuid4().hex[:12]}@example.com"
        fields = "accessToken refreshToken user { id }"
        answer = await self.do("register", fields, name=name, email=self.email, password=PASSWORD)
        self.token, self.refresh_token = answer["accessToken"], answer["refreshToken"]
        self.user_id = answer["user"]["id"]
        return self

    async def log_in(self) -> Self:
        """Begin another session; the token of the one before has expired."""
        fields = "accessToken refreshToken"
        answer = await self.do("login", fields, email=self.email, password=PASSWORD)
        self.token, self.refresh_token = answer["accessToken"], answer["refreshToken"]
        return self

    async def refresh(self) -> Self:
        """Get a token that knows of new roles; the old one may be revoked, and is left out."""
        self.token, fields = None, "accessToken refreshToken"
        answer = await self.do("refreshSession", fields, refreshToken=self.refresh_token)
        self.token, self.refresh_token = answer["accessToken"], answer["refreshToken"]
        return self

    @asynccontextmanager
    async def socket(self, **payload: str) -> AsyncIterator["Socket"]:
        """Open a graphql-transport-ws socket with the caller's identity."""
        if self.token:
            payload.setdefault("authorization", f"Bearer {self.token}")
        async with websockets.connect(
            f"{self.url.replace('http', 'ws', 1)}/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ) as connection:
            await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await connection.recv()) == {"type": "connection_ack"}
            yield Socket(connection)

    @asynccontextmanager
    async def events(self, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[Any]]:
        """Subscribe by server-sent events; yields the `data` of each."""
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {self.token}"}
        body = {"query": document, "variables": variables}
        async with self.client.stream(
            "POST", f"{self.url}/graphql", json=body, headers=headers, timeout=30
        ) as response:
            assert response.status_code == 200

            async def data() -> AsyncIterator[Any]:
                async for line in response.aiter_lines():
                    if line.startswith("data: ") and len(line) > len("data: "):
                        yield json.loads(line.removeprefix("data: "))["data"]

            yield data()


@dataclass
class Socket:
    """A socket that was acknowledged."""

    connection: ClientConnection

    async def subscribe(self, document: str, variables: dict[str, Any], id: str = "1") -> None:
        payload = {"query": document, "variables": variables}
        await self.connection.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))

    async def next(self) -> Any:
        """The next message; not pings."""
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await self.connection.recv())
                if message["type"] not in ("ping", "pong"):
                    return message

    async def data(self) -> Any:
        """The data of the next event."""
        message = await self.next()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]


async def eventually(attempt: Any, *, within: float = 30) -> Any:
    """Repeat `attempt()` until it returns something true; what travels by event takes a moment."""
    async with asyncio.timeout(within):
        while not (found := await attempt()):  # noqa: ASYNC110, other processes set no events
            await asyncio.sleep(0.02)
        return found

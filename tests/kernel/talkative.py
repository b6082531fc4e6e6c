"""A process that logs what it should not: run as a program, so that its loggers are its own."""

import logging
import sys
from datetime import UTC, datetime
from uuid import UUID

import structlog

from subgraphs.kernel import telemetry
from subgraphs.kernel.events import Envelope

CANARY = "c4n4ry"
JWT = f"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI{CANARY}.{CANARY}-sig"
HASH = f"$argon2id$v=19$m=19456,t=2,p=1${CANARY}$/{CANARY}+x"
CORRELATION = UUID(int=7)
SECRETS = [
    {"password": CANARY},
    {"newPassword": CANARY},
    {"refresh_token": CANARY},
    {"variables": {"input": {"password": CANARY, "email": "a@example.org"}}},
    {"headers": {"Authorization": f"Bearer {CANARY}", "Cookie": f"s={CANARY}"}},
    {"headers": [("authorization", f"Bearer {CANARY}")]},
    {"said": f"authorization: Bearer {CANARY}"},
    {"said": f"Bearer {CANARY}"},
    {"said": JWT},
    {"said": f"hash {HASH} of ada"},
    {"url": f"postgresql+asyncpg://users:{CANARY}@db/users"},
    {"url": f"redis://:{CANARY}@valkey:6379/0"},
    {"said": f'{{"password": "{CANARY} with words"}}'},
    {"said": f"password='{CANARY} x' and secret={CANARY}; token: {CANARY}"},
    {"said": b"password=" + CANARY.encode()},
    {"nested": [[{"api_key": CANARY}]]},
    {"POLYNODE_GATEWAY_KEY": CANARY},
    {"error": ValueError(f"client_secret={CANARY}")},
    {"said": "x" * 15_000 + f" token={CANARY} " + "x" * 100_000},
]


def connect() -> None:
    raise ConnectionError(f"postgresql://users:{CANARY}@db/users")


def fail() -> None:
    try:
        connect()
    except ConnectionError as error:
        raise RuntimeError(f"token={CANARY}", JWT) from error


def misread(query: str) -> None:
    raise ValueError(query)


def secrets() -> None:
    own, library = structlog.get_logger("own"), logging.getLogger("some.library")
    for number, secret in enumerate(SECRETS):
        own.warning(f"own {number}", **secret)  # type: ignore[arg-type]
        library.warning("library %s %s", number, secret)
    for logger in (own, library):
        try:
            fail()
        except RuntimeError:
            logger.exception("failed")


def lines() -> None:
    own, library = structlog.get_logger("own"), logging.getLogger("some.library")
    own.warning("two\r\nlines", agent='x"}\r\n{"event": "forged"}')
    library.warning("%s", 'x"}\r\n{"event": "forged"}')
    own.warning("half \ud800 a character", huge=10**100, when=datetime.now(UTC), raw=b"\xff")
    query = "{ " + "a " * 31_000 + "}"
    own.warning("A bad request", query=query, variables={"x": "\0" * 62_000}, path=["a"] * 5_000)
    library.warning("A bad request: %s", query)
    try:
        misread(query)
    except ValueError:
        own.exception("A resolver failed", query=query)


def ids() -> None:
    own, library = structlog.get_logger("own"), logging.getLogger("some.library")
    envelope = Envelope(
        id=UUID(int=1),
        type="shelf.book_lent",
        version=1,
        aggregate_id=UUID(int=2),
        aggregate_seq=1,
        occurred_at=datetime.now(UTC),
        correlation_id=CORRELATION,
        data={},
    )
    own.info("outside")
    with telemetry.handling(envelope):
        own.info("inside")
        library.info("inside")
    logging.getLogger("uvicorn.access").info("GET /?token=x")
    own.debug("below the level")


if __name__ == "__main__":
    telemetry.configure(process="test", level="info", otlp_endpoint=None)
    globals()[sys.argv[1]]()

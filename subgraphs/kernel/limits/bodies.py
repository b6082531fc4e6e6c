"""The limit on the size of a request, checked while it comes in."""

from starlette.types import Message, Receive

MAX_BODY = 1_048_576


class BodyTooLargeError(Exception):
    """More bytes came than were announced, or than may."""


def bounded(receive: Receive) -> Receive:
    """Count a body as it comes: a chunked one announces no length."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise BodyTooLargeError
        return message

    return counted

"""Refusals: what a caller may be told, as opposed to what broke."""

import re
from typing import ClassVar


class DomainError(Exception):
    """An expected refusal: it rolls the transaction back and reaches the client as data."""

    code: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Name the refusal after its class: `NameTakenError` is `NAME_TAKEN`."""
        if "code" in vars(cls):
            return
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__.removesuffix("Error"))
        cls.code = words.upper()

    @property
    def message(self) -> str:
        return str(self)


class NotAuthenticatedError(DomainError):
    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("Log in first.")


class ForbiddenError(DomainError):
    def __init__(self, message: str = "You may not do this.") -> None:
        super().__init__(message)


class InvalidInputError(DomainError):
    """A value that the schema's types let through, but the domain does not."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidCursorError(DomainError):
    def __init__(self) -> None:
        super().__init__("This cursor is not one that this list gave out.")


class InvalidPageError(DomainError): ...

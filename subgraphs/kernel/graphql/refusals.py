"""Refusals as data: a `DomainError` becomes the member of its mutation's union."""

from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from subgraphs.kernel import errors
from subgraphs.kernel.errors import DomainError


@strawberry.interface
class UserError:
    """Why a mutation was refused; nothing has changed."""

    message: str
    """The reason in plain English, fit for showing."""
    code: str
    """The reason for programs; it never changes."""


@strawberry.federation.type(shareable=True)
class NotAuthenticatedError(UserError):
    """Nobody is logged in."""


@strawberry.federation.type(shareable=True)
class ForbiddenError(UserError):
    """The viewer lacks the role or the scope for this."""


@strawberry.federation.type(shareable=True)
class InvalidInputError(UserError):
    """A value is not acceptable."""

    field: str
    """The input field that is meant, in the schema's spelling."""


@dataclass(frozen=True)
class Expose:
    """Turns `exception_type` into `error_type` in every field whose union lists it."""

    exception_type: type[DomainError]
    error_type: type[Any]

    def handle(
        self, exception: DomainError, *, field: StrawberryField, info: strawberry.Info[Any, Any]
    ) -> Any:
        extra = {
            inner.name: getattr(exception, inner.name)
            for inner in fields(self.error_type)
            if inner.name not in ("message", "code")
        }
        return self.error_type(message=exception.message, code=exception.code, **extra)


def expose(domain_errors: ModuleType, types: ModuleType) -> list[Expose]:
    """Pair each error type of `types` with the `DomainError` of the same name."""
    own = [
        Expose(exception, getattr(types, name))
        for name, exception in vars(domain_errors).items()
        if isinstance(exception, type)
        and issubclass(exception, DomainError)
        and exception.__module__.startswith(domain_errors.__name__)
        and hasattr(types, name)
    ]
    return [
        *own,
        Expose(errors.NotAuthenticatedError, NotAuthenticatedError),
        Expose(errors.ForbiddenError, ForbiddenError),
        Expose(errors.InvalidInputError, InvalidInputError),
    ]

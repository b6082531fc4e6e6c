"""A viewer whose values come with each call, so that one statement serves every viewer."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Uuid,
    any_,
    bindparam,
    false,
    literal,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from subgraphs.kernel.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kernel.prepared import IDS

_ORGANIZATIONS: BindParameter[Any] = bindparam("viewer_organizations", type_=IDS)
_HOLDING: BindParameter[Any] = bindparam("viewer_holding", type_=IDS)


@dataclass(frozen=True, slots=True)
class Anyone:
    """Stands for a `Viewer` in a `visible_…` select that is built once; `values` say who it is.

    A service account needs `scope`, or else it is nobody; `roles` are those that are asked for.
    """

    scope: str
    roles: tuple[str, ...]

    @property
    def user_id(self) -> BindParameter[UUID | None]:
        return bindparam("viewer_id", type_=Uuid())

    @property
    def is_operator(self) -> ColumnElement[bool]:
        return bindparam("viewer_is_operator", type_=Boolean())

    @property
    def organization_ids(self) -> BindParameter[Any]:
        return _ORGANIZATIONS

    def organizations_as(self, *roles: str) -> BindParameter[Any]:
        if roles != self.roles:
            raise ValueError(f"The values are those of {self.roles}, not of {roles}.")
        return _HOLDING

    def may(self, scope: str) -> bool:
        return scope == self.scope

    def within(self, scope: str) -> Self:
        if scope != self.scope:
            raise ValueError(f"The values are those within {self.scope}, not {scope}.")
        return self

    def values(self, viewer: Viewer) -> dict[str, Any]:
        """Give the parameters of a statement in which this stands for `viewer`."""
        who = viewer if viewer.may(self.scope) else ANONYMOUS
        return {
            "viewer_id": who.user_id,
            "viewer_is_operator": who.is_operator,
            "viewer_organizations": list(who.organization_ids),
            "viewer_holding": list(who.organizations_as(*self.roles)),
        }


def operates(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    """Tell in SQL whether the viewer is an operator."""
    if isinstance(viewer, Anyone):
        return viewer.is_operator
    return true() if viewer.is_operator else false()


def among(
    column: InstrumentedAttribute[UUID], ids: Collection[UUID] | BindParameter[Any]
) -> ColumnElement[bool]:
    """Tell in SQL whether a column holds one of the viewer's ids."""
    if isinstance(ids, BindParameter):
        return column == any_(ids)
    return column == any_(literal(list(ids), IDS)) if ids else false()

"""Enrollments with the outline of their course, read as values in one SELECT."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    false,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle

from subgraphs.kernel.auth import Anyone, Viewer, among, operates
from subgraphs.kernel.db import Database
from subgraphs.kernel.prepared import IDS, Prepared
from subgraphs.learning import models
from subgraphs.learning.locks import Outline, Standing
from subgraphs.learning.models import Course, CourseVersion, Enrollment
from subgraphs.learning.progress import EnrollmentStatus, Progress, ProgressEvent

READ_SCOPE = "learning:read"
TEACHERS = ("instructor", "admin")
"""Roles that see, and run, the enrollments of their organization."""

ANYONE = Anyone(READ_SCOPE, TEACHERS)

PROJECTED = [field.name for field in fields(Progress)]
LOGGED = [field.name for field in fields(ProgressEvent)]
CHANGING = [
    name
    for name in PROJECTED
    if name not in ("id", "user_id", "course_id", "organization_id", "enrolled_at")
]


class Value(Bundle[Any]):
    """Columns that are read as one value; None where an outer join found nothing."""

    inherit_cache = True

    def __init__(self, make: Callable[..., Any], *columns: Any) -> None:
        super().__init__(make.__name__, *columns)
        self._make = make

    def create_row_processor(
        self, query: Any, procs: Sequence[Callable[[Any], Any]], labels: Sequence[str]
    ) -> Callable[[Any], Any]:
        make = self._make

        def process(row: Any) -> Any:
            values = [proc(row) for proc in procs]
            return None if values[0] is None else make(*values)

        return process


PROGRESS = Value(Progress, *(getattr(Enrollment, name) for name in PROJECTED))
OUTLINE = Value(Outline, CourseVersion.lesson_ids, CourseVersion.rules, Course.sequential)
STANDING = Value(Standing, PROGRESS, OUTLINE)
_WIDTH = len(PROJECTED)

# The tables, since an ORM statement cannot be part of another one.
_LOG = cast(Table, models.ProgressEvent.__table__)
_ENROLLMENTS = cast(Table, Enrollment.__table__)
active = Enrollment.status != EnrollmentStatus.REVOKED


_standings = (
    select(STANDING)
    .join(CourseVersion, CourseVersion.version_id == Enrollment.version_id)
    .join(Course, Course.course_id == Enrollment.course_id)
)


def visible_enrollments(viewer: Viewer | Anyone) -> Select[Any]:
    """Select the standings that `viewer` may see.

    These are one's own until one leaves; for instructors and admins those of their organization;
    for operators all.
    """
    return _standings.where(_visible_to(viewer))


def _visible_to(viewer: Viewer | Anyone) -> ColumnElement[bool]:
    if viewer.user_id is None or not viewer.may(READ_SCOPE):
        return false()
    own = and_(Enrollment.user_id == viewer.user_id, active)
    taught = among(Enrollment.organization_id, viewer.organizations_as(*TEACHERS))
    return or_(operates(viewer), own, taught)


def standing_of(values: Sequence[Any]) -> Standing | None:
    """Make a standing of the columns of `STANDING` in a prepared row."""
    if values[0] is None:
        return None
    return Standing(Progress(*values[:_WIDTH]), Outline(*values[_WIDTH:]))


async def find(db: Database, viewer: Viewer, ids: Sequence[UUID]) -> list[Standing | None]:
    """Find the enrollments of these ids, or None, in their order."""
    rows = await _by_id().rows(db, ids=ids, **ANYONE.values(viewer))
    found = {row[0]: standing_of(row) for row in rows}
    return [found.get(id) for id in ids]


@cache
def _by_id() -> Prepared:
    wanted = Enrollment.id == any_(bindparam("ids", type_=IDS))
    return Prepared(visible_enrollments(ANYONE).where(wanted))


async def lock(session: AsyncSession, viewer: Viewer, enrollment_id: UUID) -> Standing | None:
    """Find an enrollment and hold its row until the transaction ends."""
    values = {"enrollment_id": enrollment_id, **ANYONE.values(viewer)}
    standing: Standing | None = await session.scalar(_locked(), values)
    if standing is None:
        # While it waited for the row, another transaction may have moved the enrollment: Postgres
        # then compares the new row with the version of the old one, and finds that they differ.
        standing = await session.scalar(_locked(), values)
    return standing


@cache
def _locked() -> Select[Any]:
    wanted = Enrollment.id == bindparam("enrollment_id", type_=Uuid())
    return visible_enrollments(ANYONE).where(wanted).with_for_update(of=Enrollment)


async def lock_own(session: AsyncSession, user_id: UUID, course_id: UUID) -> Standing:
    """Hold the one enrollment of a person in a course, revoked or not."""
    own = _standings.where(Enrollment.user_id == user_id, Enrollment.course_id == course_id)
    standing: Standing = (await session.scalars(own.with_for_update(of=Enrollment))).one()
    return standing


async def lock_private(
    session: AsyncSession, organization_id: UUID, user_id: UUID
) -> Sequence[Standing]:
    """Hold a person's enrollments in the private courses of an organization."""
    own = _standings.where(
        Enrollment.user_id == user_id,
        Enrollment.organization_id == organization_id,
        Course.visibility == "private",
        active,
    )
    ordered = own.order_by(Enrollment.id).with_for_update(of=Enrollment)
    return (await session.scalars(ordered)).all()


async def add(session: AsyncSession, progress: Progress, event: ProgressEvent) -> bool:
    """Store a new enrollment and its first event, unless the person has one in this course."""
    values = {name: getattr(progress, name) for name in PROJECTED}
    added = (
        upsert(Enrollment)
        .values(values)
        .on_conflict_do_nothing(index_elements=[Enrollment.user_id, Enrollment.course_id])
    )
    if await session.scalar(added.returning(Enrollment.id)) is None:
        return False
    await session.execute(insert(_LOG), {name: getattr(event, name) for name in LOGGED})
    return True


async def append(
    session: AsyncSession, progress: Progress, events: Sequence[ProgressEvent]
) -> None:
    """Append to the log and bring the projection along, in one statement: they never part."""
    values = {"of": progress.id} | {f"new_{name}": getattr(progress, name) for name in CHANGING}
    for place, event in enumerate(events):
        values |= {f"{name}_{place}": getattr(event, name) for name in LOGGED}
    await session.execute(_append(len(events)), values)


@cache
def _append(count: int) -> Update:
    """Build the statement for this many events once: it is what every completion runs."""
    statement = update(_ENROLLMENTS).where(_ENROLLMENTS.c.id == bindparam("of"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in CHANGING})
    for place in range(count):
        logged = insert(_LOG).values({name: bindparam(f"{name}_{place}") for name in LOGGED})
        statement = statement.add_cte(logged.cte(f"logged_{place}"))
    return statement

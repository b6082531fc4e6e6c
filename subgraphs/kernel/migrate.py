"""Migrations: one Alembic environment for all subgraphs, each with its own versions.

Every migration gets a `lock_timeout`, so that it gives up rather than block the subgraph.
"""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from subgraphs.kernel import tables

PACKAGE = Path(__file__).parent
LOCK_TIMEOUT = "5s"
ENTRY = "polynode"


class NotAtHeadError(Exception):
    """The database is older than this code."""


def config(name: str, connection: Connection | None = None) -> Config:
    """Make Alembic's configuration for the subgraph `name`."""
    found = Config()
    found.set_main_option("script_location", str(PACKAGE / "migrations"))
    [package] = import_module(f"subgraphs.{name}").__path__
    found.set_main_option("version_locations", str(Path(package) / "migrations"))
    found.set_main_option("path_separator", "os")
    found.attributes[ENTRY] = {"metadata": metadata(name), "connection": connection}
    return found


def metadata(name: str) -> MetaData:
    """Load the tables of the subgraph `name`."""
    found: MetaData = import_module(f"subgraphs.{name}.models").Record.metadata
    return found


def head(name: str) -> str | None:
    return ScriptDirectory.from_config(config(name)).get_current_head()


async def upgrade(name: str, url: str) -> None:
    """Bring the database at `url` to the newest version; several at once wait for each other."""

    def run(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('migrate'))"))
        command.upgrade(config(name, connection), "head")

    await _on(url, run)


async def check(name: str, url: str) -> None:
    """Raise if the models say something that the migrations do not."""
    await _on(url, lambda connection: command.check(config(name, connection)))


async def _on(url: str, run: Any) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


async def require_head(engine: AsyncEngine, name: str) -> None:
    """Raise if the database is older than this code.

    A newer one will do: a migration only adds what old code can ignore, and takes away what no
    running code uses, so that old processes go on while new ones start.
    """
    newest, *older = await asyncio.to_thread(_history, name)
    async with engine.connect() as connection:
        found = await connection.run_sync(_current)
    if found is None or found in older:
        raise NotAtHeadError(f"{name} is at {found}, not at {newest}.")


_histories: dict[str, tuple[str, ...]] = {}


def _history(name: str) -> tuple[str, ...]:
    """Every revision that this code knows, the newest first."""
    if name not in _histories:
        script = ScriptDirectory.from_config(config(name))
        _histories[name] = tuple(it.revision for it in script.walk_revisions())
    return _histories[name]


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def create_kernel_tables(op: Any) -> None:
    """Create the tables of `kernel.tables`; the first migration of every subgraph calls this.

    `op` is `alembic.op`, a module that stands for an `Operations`, or such an object.
    """
    tables.OUTBOX.metadata.create_all(op.get_bind(), checkfirst=False)
    for statement in _OUTBOX_SQL:
        op.execute(statement)


_OUTBOX_SQL = (
    """
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT
""",
    """
-- The smallest UUIDv7 of a moment: bounds of the partitions, which are days.
CREATE FUNCTION outbox_bound(moment timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0')
        || '70008000000000000000')::uuid
$$
""",
    """
-- Makes the partitions of today and the next days, and drops those whose events have all been
-- sent and are older than `kept`.
CREATE FUNCTION outbox_maintain(kept interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day date; child record; unsent boolean;
BEGIN
    FOR day IN SELECT generate_series(
        (now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + 3, '1 day')::date
    LOOP
        CONTINUE WHEN to_regclass('outbox_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM outbox_default
            WHERE id >= outbox_bound(day::timestamp AT TIME ZONE 'UTC')
            AND id < outbox_bound((day + 1)::timestamp AT TIME ZONE 'UTC'));
        EXECUTE format('CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
            'outbox_' || to_char(day, 'YYYYMMDD'),
            outbox_bound(day::timestamp AT TIME ZONE 'UTC'),
            outbox_bound((day + 1)::timestamp AT TIME ZONE 'UTC'));
    END LOOP;
    FOR child IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$'
        AND to_date(substr(c.relname, 8), 'YYYYMMDD') + 1 < (now() - kept)::date
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE sent_at IS NULL)', child.relname)
            INTO unsent;
        IF NOT unsent THEN
            EXECUTE format('DROP TABLE %I', child.relname);
        END IF;
    END LOOP;
    DELETE FROM outbox_default WHERE sent_at < now() - kept;
END $$
""",
    """
SELECT outbox_maintain('7 days')
""",
    """
CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER outbox_wake AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake()
""",
)
